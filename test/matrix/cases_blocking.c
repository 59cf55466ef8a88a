/* Calls that wait for a thread: their kind has one at a time, and somebody has that. */
#include "matrix.h"

#include <errno.h>

#include "holder.h"

static weft_blocking_attr attr;

static void arm(struct stage *stage)
{
    atomic_store(&stage->count, 0);
    holder_start(attr.kind);
}

static void open_kind(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_blocking_kind_create(1, 1, &attr.kind), 0);
}

static void close_kind(struct stage *stage)
{
    (void)stage;
    weft_blocking_kind_destroy(attr.kind);
}

static void release(struct stage *stage)
{
    (void)stage;
    holder_let_go();
}

static int count(void *arg)
{
    struct stage *stage = arg;
    return atomic_fetch_add(&stage->count, 1) + 3;
}

/* A call, that happens when its turn comes. */

static long call_blocking(struct stage *stage)
{
    int result = 0, rc = weft_blocking_with(&attr, count, stage, &result);
    EXPECT(stage, rc < 0 || result == 3, "its result is %d", result);
    return rc;
}

static void settle_blocking(struct stage *stage, long rc)
{
    holder_join();
    EXPECT(stage, atomic_load(&stage->count) == (rc == 0), "it returned %ld, and ran %d times", rc,
           atomic_load(&stage->count));
}

const struct operation case_weft_blocking_at = { .name = "weft_blocking_at",
                                                 .open = open_kind,
                                                 .arm = arm,
                                                 .call = call_blocking,
                                                 .event = release,
                                                 .settle = settle_blocking,
                                                 .close = close_kind };

/* A call that is submitted when there is room for it to wait: another one has that. */

static weft_future *before, *submitted;

static int pass(void *unused)
{
    (void)unused;
    return 0;
}

static void arm_full(struct stage *stage)
{
    arm(stage);
    ck_assert_int_eq(weft_blocking_try_submit_with(&attr, pass, NULL, &before), 0);
    ck_assert_int_eq(weft_blocking_try_submit_with(&attr, pass, NULL, NULL), -EAGAIN);
}

static void make_room(struct stage *stage)
{
    EXPECT(stage, weft_future_cancel(before) == 0, "it has begun");
}

static long call_submit(struct stage *stage)
{
    return weft_blocking_submit_with(&attr, count, stage, &submitted);
}

static void settle_submit(struct stage *stage, long rc)
{
    weft_scope shield;
    release(stage);
    holder_join();
    weft_future_release(before);
    if (rc == 0) {
        weft_scope_enter_shielded(&shield, WEFT_NEVER);
        EXPECT(stage, weft_future_wait(submitted, NULL) == 0, "it did not run");
        weft_scope_leave(&shield);
        weft_future_release(submitted);
    }
    EXPECT(stage, atomic_load(&stage->count) == (rc == 0), "it returned %ld, and ran %d times", rc,
           atomic_load(&stage->count));
}

const struct operation case_weft_blocking_submit_at = { .name = "weft_blocking_submit_at",
                                                        .open = open_kind,
                                                        .arm = arm_full,
                                                        .call = call_submit,
                                                        .event = make_room,
                                                        .settle = settle_submit,
                                                        .close = close_kind,
                                                        .tasks = true };
