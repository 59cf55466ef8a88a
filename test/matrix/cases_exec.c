/* What all workers have in common: a pool's resource, and loops. */
#include "matrix.h"

#include <errno.h>
#include <weft.h>

/* One resource, which somebody has and puts back. */

static weft_pool *pool;

static int make_it(void *stage, void **ret_resource)
{
    *ret_resource = stage;
    return 0;
}

static void open_pool(struct stage *stage)
{
    weft_pool_attr attr = { .max = 1, .make = make_it, .arg = stage };
    ck_assert_int_eq(weft_pool_create(&attr, &pool), 0);
}

static void close_pool(struct stage *stage)
{
    (void)stage;
    weft_pool_destroy(pool);
}

static void borrow(struct stage *stage)
{
    void *resource;
    weft_scope shield;
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    int rc = weft_pool_get(pool, &resource);
    weft_scope_leave(&shield);
    EXPECT(stage, rc == 0 && resource == stage, "it cannot be had: %d", rc);
}

static void put_back(struct stage *stage)
{
    ck_assert_int_eq(weft_pool_put(pool, stage), 0);
}

static long call_get(struct stage *stage)
{
    void *resource = NULL;
    int rc = weft_pool_get(pool, &resource);
    EXPECT(stage, (rc == 0) == (resource == stage), "it returned %d, and another", rc);
    return rc;
}

static void settle_pool(struct stage *stage, long rc)
{
    int found = weft_pool_put(pool, stage);
    EXPECT(stage, found == (rc < 0 ? -EINVAL : 0), "it returned %ld, and giving back %d", rc,
           found);
    weft_pool_info info;
    weft_pool_look(pool, &info);
    EXPECT(stage, info.idle == 1 && info.in_use == 0 && info.waiters == 0,
           "%u are idle, %u in use, %u wait", info.idle, info.in_use, info.waiters);
}

const struct operation case_weft_pool_get = { .name = "weft_pool_get",
                                              .open = open_pool,
                                              .arm = borrow,
                                              .call = call_get,
                                              .event = put_back,
                                              .settle = settle_pool,
                                              .close = close_pool };

/* Loops, each of whose indices waits for an event. */

#define INDICES 6

static weft_event event = WEFT_EVENT_INIT;

static void arm_loop(struct stage *stage)
{
    weft_event_clear(&event);
    atomic_store(&stage->count, 0);
}

static void set_event(struct stage *stage)
{
    (void)stage;
    weft_event_set(&event);
}

static int wait_at_each(int64_t first, int64_t last, void *arg)
{
    struct stage *stage = arg;
    for (int64_t i = first; i < last; i++) {
        int rc = weft_event_wait(&event);
        if (rc)
            return rc;
        atomic_fetch_add(&stage->count, 1);
    }
    return 0;
}

static int wait_and_add(int64_t first, int64_t last, void *sum, void *arg)
{
    *(int64_t *)sum += last - first;
    return wait_at_each(first, last, arg);
}

static void add(void *left, const void *right, void *arg)
{
    (void)arg;
    *(int64_t *)left += *(const int64_t *)right;
}

static long call_for(struct stage *stage)
{
    weft_parallel_attr attr = { .grain = 1 };
    return weft_parallel_for(0, INDICES, &attr, wait_at_each, stage);
}

static long call_reduce(struct stage *stage)
{
    const int64_t none = 0;
    weft_reduction sum = { sizeof none, &none, wait_and_add, add };
    int64_t result = -1;
    int rc = weft_parallel_reduce(0, INDICES, NULL, &sum, stage, &result);
    EXPECT(stage, result == (rc ? -1 : INDICES), "it returned %d, and %d", rc, (int)result);
    return rc;
}

static void settle_loop(struct stage *stage, long rc)
{
    int count = atomic_load(&stage->count);
    EXPECT(stage, (rc == 0) == (count == INDICES), "it returned %ld after %d", rc, count);
}

#define LOOP(function, call_) \
    const struct operation case_##function = { .name = #function, \
                                               .arm = arm_loop, \
                                               .call = call_, \
                                               .event = set_event, \
                                               .settle = settle_loop, \
                                               .tasks = true }

LOOP(weft_parallel_for, call_for);
LOOP(weft_parallel_reduce, call_reduce);

/* Steps, until somebody says that it is enough. */

static void arm_flag(struct stage *stage)
{
    atomic_store(&stage->done, false);
}

static void set_flag(struct stage *stage)
{
    atomic_store(&stage->done, true);
}

static long call_renew(struct stage *stage)
{
    weft_budget budget = WEFT_BUDGET_INIT;
    int rc;
    while ((rc = weft_budget_renew(&budget)) == 0 && !atomic_load(&stage->done))
        ;
    return rc;
}

const struct operation case_weft_budget_renew = {
    .name = "weft_budget_renew", .arm = arm_flag, .call = call_renew, .event = set_flag
};
