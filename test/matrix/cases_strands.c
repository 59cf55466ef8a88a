/* Strands: a call in one, its end, and waiting for it to be stopped. */
#include "bytes.h"

/* A call. The event is a byte, for the function that is called. */

static weft_strand *strand;
static weft_future *result;

static void open_strand(struct stage *stage)
{
    open_pair(stage);
    ck_assert_int_eq(weft_strand_create(&strand), 0);
}

static void close_strand(struct stage *stage)
{
    ck_assert_int_eq(weft_strand_destroy(strand), 0);
    close_pair(stage);
}

static long call_call(struct stage *stage)
{
    return weft_strand_call(strand, ends_by_byte, stage, &stage->results[0]);
}

static void settle_called(struct stage *stage, long rc)
{
    bool left = take_byte(stage);
    EXPECT(stage, left == (rc < 0), "it returned %ld, and a byte is %s", rc,
           left ? "left" : "lost");
    EXPECT(stage, rc < 0 || stage->results[0] == RESULT, "it returned %d", stage->results[0]);
}

const struct operation case_weft_strand_call_at = { .name = "weft_strand_call_at",
                                                    .open = open_strand,
                                                    .call = call_call,
                                                    .event = send_byte,
                                                    .settle = settle_called,
                                                    .close = close_strand,
                                                    .tasks = true };

/* The end, of its only task. */

static int end_by_byte(void *arg)
{
    struct stage *stage = arg;
    stage->results[0] = ends_by_byte(stage);
    atomic_store(&stage->done, true);
    return 0;
}

static void arm_end(struct stage *stage)
{
    atomic_store(&stage->done, false);
    ck_assert_int_eq(weft_strand_create(&strand), 0);
    ck_assert_int_eq(weft_strand_spawn(strand, end_by_byte, stage, NULL), 0);
}

static long call_destroy(struct stage *stage)
{
    int rc = weft_strand_destroy(strand);
    EXPECT(stage, rc < 0 || atomic_load(&stage->done), "it has not ended");
    return rc;
}

static void settle_destroyed(struct stage *stage, long rc)
{
    if (rc < 0)
        ck_assert_int_eq(weft_strand_destroy(strand), 0);
    EXPECT(stage, stage->results[0] == RESULT, "the task got %d", stage->results[0]);
}

const struct operation case_weft_strand_destroy = { .name = "weft_strand_destroy",
                                                    .open = open_pair,
                                                    .arm = arm_end,
                                                    .call = call_destroy,
                                                    .event = send_byte,
                                                    .settle = settle_destroyed,
                                                    .close = close_pair,
                                                    .tasks = true,
                                                    .once = true,
                                                    .keen = true };

/* A stop, which is for one wait. */

static void open_alone(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_strand_create(&strand), 0);
}

static void close_alone(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_strand_destroy(strand), 0);
}

static long call_run(struct stage *stage)
{
    (void)stage;
    return weft_strand_run(strand);
}

static void stop(struct stage *stage)
{
    (void)stage;
    weft_strand_stop(strand);
}

static void make_result(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_future_create(&result), 0);
}

static long call_run_until(struct stage *stage)
{
    (void)stage;
    return weft_strand_run_until(strand, result);
}

static void set_result(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_future_set(result, 1), 0);
}

static void settle_run_until(struct stage *stage, long rc)
{
    EXPECT(stage, weft_future_is_done(result), "it returned %ld, and there is no result", rc);
    weft_future_release(result);
}

const struct operation case_weft_strand_run_until = { .name = "weft_strand_run_until",
                                                      .open = open_alone,
                                                      .arm = make_result,
                                                      .call = call_run_until,
                                                      .event = set_result,
                                                      .settle = settle_run_until,
                                                      .close = close_alone };

static void settle_run(struct stage *stage, long rc)
{
    if (rc < 0)
        EXPECT(stage, weft_strand_run(strand) == 0, "the stop is lost");
}

const struct operation case_weft_strand_run = { .name = "weft_strand_run",
                                                .open = open_alone,
                                                .call = call_run,
                                                .event = stop,
                                                .settle = settle_run,
                                                .close = close_alone };
