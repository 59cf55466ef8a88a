/* Pools. The protocol is at the head of pool.h. */
#include "exec/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sched/spend.h"
#include "task/scope.h"
#include "time/clock.h"

static bool is_valid(const weft_pool_attr *attr)
{
    static const uintptr_t zero[sizeof attr->reserved / sizeof *attr->reserved];
    return attr->max > 0 && attr->max <= WEFT_POOL_MAX && attr->min <= attr->max && attr->make &&
           attr->idle_lifetime >= 0 && attr->max_lifetime >= 0 && attr->check_after >= 0 &&
           memcmp(attr->reserved, zero, sizeof zero) == 0;
}

static void init(weft_pool *pool)
{
    weft__list_init(&pool->idle);
    weft__list_init(&pool->free);
    for (unsigned i = 0; i < pool->attr.max; i++)
        weft__list_append(&pool->free, &pool->slots[i].link);
}

int weft_pool_create(const weft_pool_attr *attr, weft_pool **ret_pool)
{
    if (!is_valid(attr))
        return -EINVAL;
    unsigned bits = 1;
    while (1u << bits < attr->max)
        bits++;
    weft_pool *pool = calloc(1, sizeof *pool + attr->max * sizeof *pool->slots);
    struct weft__slot **buckets = calloc((size_t)1 << bits, sizeof *buckets);
    if (!pool || !buckets) {
        free(pool);
        free(buckets);
        return -ENOMEM;
    }
    pool->attr = *attr;
    pool->bucket_bits = bits;
    pool->buckets = buckets;
    init(pool);
    *ret_pool = pool;
    return 0;
}

void weft_pool_destroy(weft_pool *pool)
{
    if (!pool)
        return;
    weft_pool_close(pool);
    if (pool->busy)
        weft__panic("weft_pool_destroy: %u resources are in use", pool->busy);
    free(pool->buckets);
    free(pool);
}

/* Borrowing. */

/* Under the lock: 0, -EPIPE, or -EAGAIN: there is none. */
static int take_any(weft_pool *pool, int64_t now, struct weft__loan *ret_loan)
{
    if (pool->closed)
        return -EPIPE;
    struct weft__slot *slot = weft__slot_first(&pool->idle);
    if (!slot)
        slot = weft__slot_first(&pool->free);
    if (!slot)
        return -EAGAIN; /* POOL-2 */
    weft__slot_take(pool, slot);
    weft__slot_lend(pool, slot, now, ret_loan);
    return 0;
}

/* Under the lock: the one that has been idle longest, if its time is over. */
static struct weft__slot *take_oldest(weft_pool *pool, int64_t now)
{
    if (weft__list_empty(&pool->idle))
        return NULL;
    struct weft__slot *slot = weft__container_of(pool->idle.prev, struct weft__slot, link);
    if (!weft__slot_expired(pool, slot, now))
        return NULL;
    weft__slot_take(pool, slot);
    return slot;
}

/* Without waiting; as take_any(). Takes the chance to get rid of an old one. */
static int take_at_once(weft_pool *pool, int64_t now, struct weft__loan *ret_loan)
{
    struct weft__slot *old = NULL;
    weft__latch_acquire(&pool->lock);
    int rc = take_any(pool, now, ret_loan);
    if (rc == 0)
        old = take_oldest(pool, now);
    weft__latch_release(&pool->lock);
    if (old)
        weft__slot_clear(pool, old);
    return rc;
}

/* 0, -EAGAIN or an error. */
static int wait_once(weft_pool *pool, struct weft__waiter *waiter, struct weft__pool_node *node)
{
    weft__wait_node_begin(&node->wait, waiter, "pool", pool);
    int64_t now = weft__clock_now(); /* it may have waited before */
    weft__latch_acquire(&pool->lock);
    node->result = take_any(pool, now, &node->loan);
    int rc =
        weft__wait_node_wait(&pool->lock, &pool->waiters, &node->wait, node->result == -EAGAIN);
    return rc ? rc : node->result;
}

static int wait_for_any(weft_pool *pool, struct weft__waiter *waiter, int64_t since,
                        struct weft__loan *ret_loan)
{
    struct weft__pool_node node = { .since = since };
    int rc;
    do {
        rc = wait_once(pool, waiter, &node);
    } while (rc == -EAGAIN);
    *ret_loan = node.loan;
    return rc;
}

static bool passes(weft_pool *pool, struct weft__slot *slot, int64_t now)
{
    if (weft__slot_expired(pool, slot, now))
        return false;
    int rc = pool->attr.check(pool->attr.arg, slot->resource);
    if (rc) {
        weft__latch_acquire(&pool->lock);
        pool->failed_checks++;
        weft__latch_release(&pool->lock);
    }
    return rc == 0;
}

/* Of a slot that has been filled, or whose resource has passed: 0 or -EPIPE. */
static int lend(weft_pool *pool, struct weft__loan *loan)
{
    weft__latch_acquire(&pool->lock);
    int rc = pool->closed ? -EPIPE : 0; /* POOL-5 */
    if (rc == 0) {
        loan->slot->lent = true;
        loan->resource = loan->slot->resource;
    }
    weft__latch_release(&pool->lock);
    return rc;
}

/* What may take long is under way when the caller is cancelled: then nothing was borrowed,
 * and what is good is for the next. */
static int renew(weft_pool *pool, struct weft__loan *loan, struct weft__waiter *waiter, int64_t now)
{
    struct weft__slot *slot = loan->slot;
    if (slot->made && !passes(pool, slot, now))
        weft__slot_empty(pool, slot);
    int rc = weft__checkpoint(waiter);
    if (rc == 0 && !slot->made) {
        rc = weft__slot_fill(pool, slot);
        if (rc == 0)
            rc = weft__checkpoint(waiter);
    }
    if (rc == 0)
        rc = lend(pool, loan);
    if (rc)
        weft__slot_give(pool, slot);
    return rc;
}

int weft_pool_get(weft_pool *pool, void **ret_resource)
{
    struct weft__waiter *waiter = weft__waiter_self();
    struct weft__loan loan = { 0 };
    int rc = waiter ? weft__checkpoint(waiter) : -ENOMEM;
    if (rc)
        return rc;
    weft__spend(waiter);
    int64_t now = weft__clock_now();
    rc = take_at_once(pool, now, &loan);
    if (rc == -EAGAIN) {
        rc = wait_for_any(pool, waiter, now, &loan);
        now = weft__clock_now();
    }
    if (rc == 0 && !loan.lent)
        rc = renew(pool, &loan, waiter, now);
    if (rc == 0)
        *ret_resource = loan.resource;
    return rc;
}

/* Giving back. */

int weft_pool_put(weft_pool *pool, void *resource)
{
    int64_t now = weft__clock_now();
    weft__latch_acquire(&pool->lock);
    struct weft__slot *slot = weft__slot_find(pool, resource);
    if (!slot) {
        weft__latch_release(&pool->lock);
        return -EINVAL;
    }
    weft__slot_give_locked(pool, slot, now);
    return 0;
}

int weft_pool_drop(weft_pool *pool, void *resource)
{
    weft__latch_acquire(&pool->lock);
    struct weft__slot *slot = weft__slot_find(pool, resource);
    if (slot)
        slot->lent = false;
    weft__latch_release(&pool->lock);
    if (!slot)
        return -EINVAL;
    weft__slot_clear(pool, slot);
    return 0;
}
