/* Queues, which have room for one element. */
#include "matrix.h"

#include <errno.h>
#include <weft.h>

#define FIRST 1
#define VALUE 42

static weft_queue *queue;

static void open_queue(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_queue_create(sizeof(int), 1, NULL, &queue), 0);
}

static void close_queue(struct stage *stage)
{
    (void)stage;
    weft_queue_destroy(queue);
}

static void put(int value)
{
    ck_assert_int_eq(weft_queue_try_put(queue, &value), 0);
}

/* What is in it, and done; 0: nothing. */
static int take(void)
{
    int value = 0;
    int rc = weft_queue_try_get(queue, &value);
    ck_assert(rc == 0 || rc == -EAGAIN);
    ck_assert_int_eq(weft_queue_task_done(queue), rc == 0 ? 0 : -EINVAL);
    return rc == 0 ? value : 0;
}

static void fill(struct stage *stage)
{
    (void)stage;
    put(FIRST);
}

static void make_room(struct stage *stage)
{
    int value = take();
    EXPECT(stage, value == FIRST, "the first element is %d", value);
}

static long call_put(struct stage *stage)
{
    (void)stage;
    return weft_queue_put(queue, &(int){ VALUE });
}

static void settle_put(struct stage *stage, long rc)
{
    int value = take();
    EXPECT(stage, value == (rc < 0 ? 0 : VALUE), "it returned %ld, and %d was put", rc, value);
    EXPECT(stage, weft_queue_count(queue) == 0, "and more");
}

const struct operation case_weft_queue_put = { .name = "weft_queue_put",
                                               .open = open_queue,
                                               .arm = fill,
                                               .call = call_put,
                                               .event = make_room,
                                               .settle = settle_put,
                                               .close = close_queue };

static void put_value(struct stage *stage)
{
    (void)stage;
    put(VALUE);
}

static long call_get(struct stage *stage)
{
    int value = 0;
    int rc = weft_queue_get(queue, &value);
    EXPECT(stage, rc < 0 || value == VALUE, "it got %d", value);
    return rc;
}

/* What was got is under way. */
static void settle_got(struct stage *stage, long rc)
{
    if (rc == 0)
        ck_assert_int_eq(weft_queue_task_done(queue), 0);
    int left = take();
    EXPECT(stage, left == (rc < 0 ? VALUE : 0), "it returned %ld, and %d is left", rc, left);
}

const struct operation case_weft_queue_get = { .name = "weft_queue_get",
                                               .open = open_queue,
                                               .call = call_get,
                                               .event = put_value,
                                               .settle = settle_got,
                                               .close = close_queue };

static void begin_work(struct stage *stage)
{
    int value;
    atomic_store(&stage->done, false);
    put(VALUE);
    ck_assert_int_eq(weft_queue_try_get(queue, &value), 0);
}

static void end_work(struct stage *stage)
{
    atomic_store(&stage->done, true);
    ck_assert_int_eq(weft_queue_task_done(queue), 0);
}

static long call_join(struct stage *stage)
{
    int rc = weft_queue_join(queue);
    EXPECT(stage, rc < 0 || atomic_load(&stage->done), "it is not done");
    return rc;
}

static void settle_joined(struct stage *stage, long rc)
{
    int found = weft_queue_task_done(queue);
    EXPECT(stage, found == -EINVAL, "it returned %ld, and something is under way", rc);
}

const struct operation case_weft_queue_join = { .name = "weft_queue_join",
                                                .open = open_queue,
                                                .arm = begin_work,
                                                .call = call_join,
                                                .event = end_work,
                                                .settle = settle_joined,
                                                .close = close_queue };
