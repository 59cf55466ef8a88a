/* exec/pool.c and the files beside it: one slot, whose resource is made, lent, found broken and
 * destroyed, against deadlines, cancelling and the closing of the pool. */
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/atomic.h"

#include "world.h"

#include "suite.h"

#include "scopes.h"
#include "waiting.h"
#include "ways.h"

#include "exec/pool.c"
#include "exec/pool_keep.c"
#include "exec/slot.c"

static WEFT_ALIGNED(16) char memory[sizeof(weft_pool) + sizeof(struct weft__slot)];
static struct weft__slot *buckets[2];
static weft_pool *const pool = (weft_pool *)(void *)memory;
static int alive, lent;
static bool may_fail;

static int make(void *arg, void **ret_resource)
{
    model_step();
    if (may_fail && model_choose(2))
        return -EIO;
    model_assert(++alive == 1, "POOL-1");
    *ret_resource = arg;
    return 0;
}

static void destroy(void *arg, void *resource)
{
    model_assert(arg == resource && lent == 0, "POOL-1");
    model_step();
    alive--;
}

static void reset(void)
{
    world_reset(WORLD_THREADS);
    memset(memory, 0, sizeof memory);
    memset(buckets, 0, sizeof buckets);
    pool->attr = (weft_pool_attr){ .max = 1, .make = make, .destroy = destroy, .arg = memory };
    pool->buckets = buckets;
    pool->bucket_bits = 1;
    init(pool);
    alive = lent = 0;
    may_fail = false;
    model_name(memory);
}

static void reset_to_fail(void)
{
    reset();
    may_fail = true;
}

/* Of what was got. */
static void use(void *resource, int (*give_back)(weft_pool *, void *))
{
    model_assert(resource == memory && alive == 1 && ++lent == 1, "POOL-1");
    model_step();
    lent--;
    model_assert(give_back(pool, resource) == 0, "POOL-1");
}

static void get_and(int (*give_back)(weft_pool *, void *))
{
    void *resource = NULL;
    int rc = weft_pool_get(pool, &resource);
    model_assert(rc == 0 || (rc == -EIO && may_fail) || (rc == -EPIPE && pool->closed), "POOL-3");
    if (rc == 0)
        use(resource, give_back);
}

static void get_and_put(void)
{
    get_and(weft_pool_put);
}

static void get_and_put_as_thread(void)
{
    plain[model_self()] = true;
    get_and_put();
}

static void get_and_drop(void)
{
    get_and(weft_pool_drop);
}

static void get_for_a_while(void)
{
    void *resource = NULL;
    begin_way();
    if (!end_way(weft_pool_get(pool, &resource)))
        use(resource, weft_pool_put);
}

static void all_is_back(void)
{
    weft_pool_info info;
    weft_pool_look(pool, &info);
    model_assert(info.in_use == 0 && info.waiters == 0, "POOL-2");
    model_assert(info.idle == (unsigned)alive, "POOL-1");
    model_assert(info.made - info.destroyed == info.idle, "POOL-1");
}

static struct model model = { .setup = reset,
                              .body = { get_and_put, get_and_put_as_thread, get_and_drop },
                              .check = all_is_back,
                              .preemptions = 1,
                              .random = 10000 };

TEST(POOL_2_two_tasks_and_a_thread)
{
    model_check(&model);
}

TEST(POOL_2_what_cannot_be_made_is_tried_by_the_next)
{
    model.setup = reset_to_fail;
    model_check(&model);
}

static struct model giving_up = { .setup = reset,
                                  .body = { get_for_a_while, get_and_put, cut_short,
                                            get_and_put_as_thread },
                                  .check = all_is_back,
                                  .preemptions = 1 };

TEST(POOL_3_one_gives_up)
{
    check_each_way(&giving_up);
}

static void close_pool(void)
{
    model_assert(weft_pool_close(pool) == 0, "POOL-5");
}

static void nothing_is_left(void)
{
    all_is_back();
    model_assert(alive == 0, "POOL-5");
}

static struct model closing = { .setup = reset,
                                .body = { get_and_put, get_and_put_as_thread, close_pool },
                                .check = nothing_is_left,
                                .preemptions = 1,
                                .random = 10000 };

TEST(POOL_5_it_is_closed_meanwhile)
{
    model_check(&closing);
}

/* What comes back in between stays. */
static void close_the_wrong_way(void)
{
    struct weft__wakes wakes;
    struct weft__slot *slot;
    weft__wakes_init(&wakes);
    while ((slot = take_idle(pool)))
        weft__slot_clear(pool, slot);
    weft__latch_acquire(&pool->lock);
    pool->closed = true;
    refuse_all(pool, &wakes);
    weft__latch_release(&pool->lock);
    weft__wakes_carry_out(&wakes);
}

TEST(POOL_5_needs_the_closing_first)
{
    closing.body[2] = close_the_wrong_way;
    model_check_fails(&closing, "POOL-5");
}

TEST(QUEUE_1_needs_one_hold_of_the_lock)
{
    queue_mutation = NO_QUEUE_1;
    model_check_fails(&model, "deadlock");
}

TEST(QUEUE_2_needs_the_claim)
{
    queue_mutation = NO_QUEUE_2;
    way = TASK_CANCELLED;
    model_check_fails(&giving_up, "");
}

TEST(QUEUE_3_needs_the_wake)
{
    queue_mutation = NO_QUEUE_3;
    model_check_fails(&model, "");
}
