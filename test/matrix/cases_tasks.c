/* Waiting for tasks, for time, and for nothing. */
#include "bytes.h"

#include <sys/socket.h>
#include <unistd.h>

/* Tasks that end when a byte comes. */

static void arm_one(struct stage *stage)
{
    SPAWN(ends_by_byte, stage, &stage->tasks[0]);
    stage->tasks[1] = NULL;
}

static void arm_two(struct stage *stage)
{
    SPAWN(ends_by_byte, stage, &stage->tasks[0]);
    SPAWN(ends_by_byte, stage, &stage->tasks[1]);
}

static void end_two(struct stage *stage)
{
    ck_assert_int_eq(send(stage->peer, "xx", 2, 0), 2);
}

static long call_join(struct stage *stage)
{
    return weft_join(stage->tasks[0], &stage->results[0]);
}

static long call_join_any(struct stage *stage)
{
    size_t index = 9;
    int rc = weft_join_any(stage->tasks, 2, &index, &stage->results[0]);
    EXPECT(stage, rc || index == 0, "it was number %zu", index);
    EXPECT(stage, (rc == 0) == !stage->tasks[0], "the handle after %d", rc);
    return rc;
}

/* A handle is used up, or still good. */
static void settle_joined(struct stage *stage, long rc)
{
    if (rc < 0)
        ck_assert_int_eq(weft_join(stage->tasks[0], &stage->results[0]), 0);
    EXPECT(stage, stage->results[0] == RESULT, "the task returned %d", stage->results[0]);
}

#define JOINING(function, call_) \
    const struct operation case_##function = { .name = #function, \
                                               .open = open_pair, \
                                               .arm = arm_one, \
                                               .call = call_, \
                                               .event = send_byte, \
                                               .settle = settle_joined, \
                                               .close = close_pair, \
                                               .tasks = true, \
                                               .once = true }

JOINING(weft_join, call_join);
JOINING(weft_join_any, call_join_any);

static long call_gather(struct stage *stage)
{
    int rc = weft_gather(stage->tasks, 2, stage->results);
    for (int i = 0; i < 2; i++)
        EXPECT(stage, (rc == 0) == !stage->tasks[i], "the handle after %d", rc);
    return rc;
}

static void settle_gathered(struct stage *stage, long rc)
{
    if (rc < 0)
        ck_assert_int_eq(weft_gather(stage->tasks, 2, stage->results), 0);
    EXPECT(stage, stage->results[0] == RESULT && stage->results[1] == RESULT, "%d, %d",
           stage->results[0], stage->results[1]);
}

const struct operation case_weft_gather = { .name = "weft_gather",
                                            .open = open_pair,
                                            .arm = arm_two,
                                            .call = call_gather,
                                            .event = end_two,
                                            .settle = settle_gathered,
                                            .close = close_pair,
                                            .tasks = true,
                                            .once = true };

static long call_wait_any(struct stage *stage)
{
    return weft_wait_any(stage->tasks, 2);
}

/* Who waits so takes no handle. */
static void settle_waited(struct stage *stage, long rc)
{
    EXPECT(stage, rc <= 0, "it was number %ld", rc);
    JOIN(stage->tasks[0], RESULT);
}

const struct operation case_weft_wait_any = { .name = "weft_wait_any",
                                              .open = open_pair,
                                              .arm = arm_one,
                                              .call = call_wait_any,
                                              .event = send_byte,
                                              .settle = settle_waited,
                                              .close = close_pair,
                                              .tasks = true };

/* Sleeping: the event comes by itself. */

static long slept(struct stage *stage, int rc, int64_t when)
{
    EXPECT(stage, rc < 0 || weft_now() >= when, "too early");
    return rc;
}

static long call_sleep(struct stage *stage)
{
    int64_t when = weft_after(stage->nap);
    return slept(stage, weft_sleep(stage->nap), when);
}

static long call_sleep_until(struct stage *stage)
{
    int64_t when = weft_after(stage->nap);
    return slept(stage, weft_sleep_until(when), when);
}

const struct operation case_weft_sleep = { .name = "weft_sleep", .call = call_sleep };
const struct operation case_weft_sleep_until = { .name = "weft_sleep_until",
                                                 .call = call_sleep_until };

/* Giving way, until somebody says that it is enough. */

static void arm_flag(struct stage *stage)
{
    atomic_store(&stage->done, false);
}

static void set_flag(struct stage *stage)
{
    atomic_store(&stage->done, true);
}

static long call_yield(struct stage *stage)
{
    int rc;
    while ((rc = weft_yield()) == 0 && !atomic_load(&stage->done))
        ;
    return rc;
}

static long call_checkpoint(struct stage *stage)
{
    int rc;
    while ((rc = weft_checkpoint()) == 0 && !atomic_load(&stage->done))
        ;
    return rc;
}

const struct operation case_weft_yield = {
    .name = "weft_yield", .arm = arm_flag, .call = call_yield, .event = set_flag
};
const struct operation case_weft_checkpoint = {
    .name = "weft_checkpoint", .arm = arm_flag, .call = call_checkpoint, .event = set_flag
};
