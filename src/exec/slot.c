/* A pool's slots: what is in them, and where they go. The protocol is at the head of
 * pool.h. */
#include <errno.h>

#include "exec/pool.h"
#include "time/clock.h"
#include "weft/scope.h"
#include "weft/time.h"

static struct weft__slot **bucket_of(weft_pool *pool, const void *resource)
{
    uint64_t hash = (uint64_t)(uintptr_t)resource * 0x9e3779b97f4a7c15u;
    return &pool->buckets[hash >> (64 - pool->bucket_bits)];
}

struct weft__slot *weft__slot_find(weft_pool *pool, const void *resource)
{
    struct weft__slot *slot = *bucket_of(pool, resource);
    while (slot && (slot->resource != resource || !slot->lent))
        slot = slot->chain;
    return slot;
}

static void unchain(weft_pool *pool, struct weft__slot *slot)
{
    struct weft__slot **at = bucket_of(pool, slot->resource);
    while (*at != slot)
        at = &(*at)->chain;
    *at = slot->chain;
}

void weft__slot_take(weft_pool *pool, struct weft__slot *slot)
{
    weft__list_remove(&slot->link);
    pool->busy++;
    if (slot->made)
        pool->idle_count--;
}

bool weft__slot_expired(const weft_pool *pool, const struct weft__slot *slot, int64_t now)
{
    const weft_pool_attr *attr = &pool->attr;
    return (attr->idle_lifetime && now - slot->idle_since >= attr->idle_lifetime) ||
           (attr->max_lifetime && now - slot->made_at >= attr->max_lifetime);
}

static bool is_fresh(const weft_pool *pool, const struct weft__slot *slot, int64_t now)
{
    return slot->made && !weft__slot_expired(pool, slot, now) &&
           (!pool->attr.check || (pool->attr.check_after && /* the clock was read before the lock */
                                  now - slot->idle_since < pool->attr.check_after));
}

void weft__slot_lend(weft_pool *pool, struct weft__slot *slot, int64_t now,
                     struct weft__loan *ret_loan)
{
    slot->lent = is_fresh(pool, slot, now);
    *ret_loan = (struct weft__loan){ slot, slot->lent ? slot->resource : NULL, slot->lent };
}

int weft__slot_fill(weft_pool *pool, struct weft__slot *slot)
{
    void *resource = NULL;
    int rc = pool->attr.make(pool->attr.arg, &resource);
    int64_t now = weft__clock_now();
    weft__latch_acquire(&pool->lock);
    if (rc) {
        pool->failed_makes++;
    } else {
        struct weft__slot **bucket = bucket_of(pool, resource);
        slot->resource = resource;
        slot->made_at = slot->idle_since = now;
        slot->made = true;
        slot->chain = *bucket;
        *bucket = slot;
        pool->made++;
        rc = pool->closed ? -EPIPE : 0; /* POOL-5 */
    }
    weft__latch_release(&pool->lock);
    return rc;
}

void weft__slot_empty(weft_pool *pool, struct weft__slot *slot)
{
    weft_scope shield;
    if (pool->attr.destroy) {
        weft_scope_enter_shielded(&shield, WEFT_NEVER);
        pool->attr.destroy(pool->attr.arg, slot->resource);
        weft_scope_leave(&shield);
    }
    weft__latch_acquire(&pool->lock);
    unchain(pool, slot);
    slot->made = slot->lent = false;
    pool->destroyed++;
    weft__latch_release(&pool->lock);
}

static void count_wait(weft_pool *pool, int64_t wait)
{
    pool->waits++;
    pool->total_wait += wait;
    if (wait > pool->longest_wait)
        pool->longest_wait = wait;
}

/* POOL-2. NULL: nobody waits. */
static struct weft__waiter *hand_over(weft_pool *pool, struct weft__slot *slot, int64_t now)
{
    struct weft__wait_node *wait = weft__wait_list_take(&pool->waiters);
    if (!wait)
        return NULL;
    struct weft__pool_node *node = weft__container_of(wait, struct weft__pool_node, wait);
    weft__slot_lend(pool, slot, now, &node->loan); /* POOL-3 */
    node->result = 0;
    count_wait(pool, weft__clock_now() - node->since);
    return wait->waiter;
}

static void put_away(weft_pool *pool, struct weft__slot *slot)
{
    pool->busy--;
    if (slot->made) {
        pool->idle_count++;
        weft__list_prepend(&pool->idle, &slot->link);
    } else {
        weft__list_prepend(&pool->free, &slot->link);
    }
}

void weft__slot_give_locked(weft_pool *pool, struct weft__slot *slot, int64_t now)
{
    slot->lent = false;
    if (slot->made && pool->closed) { /* POOL-5 */
        weft__latch_release(&pool->lock);
        weft__slot_empty(pool, slot);
        weft__latch_acquire(&pool->lock);
    }
    slot->idle_since = now;
    struct weft__waiter *waiter = hand_over(pool, slot, now);
    if (!waiter)
        put_away(pool, slot);
    weft__latch_release(&pool->lock);
    if (waiter)
        weft__wait_wake(waiter);
}

void weft__slot_give(weft_pool *pool, struct weft__slot *slot)
{
    int64_t now = weft__clock_now();
    weft__latch_acquire(&pool->lock);
    weft__slot_give_locked(pool, slot, now);
}

void weft__slot_clear(weft_pool *pool, struct weft__slot *slot)
{
    weft__slot_empty(pool, slot);
    weft__slot_give(pool, slot);
}
