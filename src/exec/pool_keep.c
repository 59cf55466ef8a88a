/* Keeping a pool in order, and its end. The protocol is at the head of pool.h. */
#include <errno.h>

#include "exec/pool.h"
#include "time/clock.h"

/* Under the lock: one that nobody has and whose time is over; NULL: none. */
static struct weft__slot *take_expired(weft_pool *pool, int64_t now)
{
    for (struct weft__list *at = pool->idle.prev; at != &pool->idle; at = at->prev) {
        struct weft__slot *slot = weft__container_of(at, struct weft__slot, link);
        if (weft__slot_expired(pool, slot, now)) {
            weft__slot_take(pool, slot);
            return slot;
        }
    }
    return NULL;
}

/* Under the lock: room for one that is missing. */
static struct weft__slot *take_missing(weft_pool *pool)
{
    struct weft__slot *slot = weft__slot_first(&pool->free);
    if (!slot || pool->closed || pool->busy + pool->idle_count >= pool->attr.min)
        return NULL;
    weft__slot_take(pool, slot);
    return slot;
}

int weft_pool_trim(weft_pool *pool)
{
    struct weft__slot *slot;
    int64_t now = weft__clock_now();
    for (;;) {
        weft__latch_acquire(&pool->lock);
        bool expired = (slot = take_expired(pool, now));
        if (!slot)
            slot = take_missing(pool);
        weft__latch_release(&pool->lock);
        if (!slot)
            return 0;
        int rc = expired ? 0 : weft__slot_fill(pool, slot);
        if (expired)
            weft__slot_empty(pool, slot);
        weft__slot_give(pool, slot);
        if (rc)
            return rc == -EPIPE ? 0 : rc; /* closed meanwhile */
    }
}

/* The end. */

static void refuse_all(weft_pool *pool, struct weft__wakes *wakes)
{
    struct weft__wait_node *wait;
    while ((wait = weft__wait_list_take(&pool->waiters))) {
        weft__container_of(wait, struct weft__pool_node, wait)->result = -EPIPE;
        weft__wakes_add(wakes, wait->waiter);
    }
}

static struct weft__slot *take_idle(weft_pool *pool)
{
    weft__latch_acquire(&pool->lock);
    struct weft__slot *slot = weft__slot_first(&pool->idle);
    if (slot)
        weft__slot_take(pool, slot);
    weft__latch_release(&pool->lock);
    return slot;
}

int weft_pool_close(weft_pool *pool)
{
    struct weft__wakes wakes;
    struct weft__slot *slot;
    weft__wakes_init(&wakes);
    weft__latch_acquire(&pool->lock);
    bool before = pool->closed;
    pool->closed = true;
    refuse_all(pool, &wakes);
    weft__latch_release(&pool->lock);
    weft__wakes_carry_out(&wakes);
    while ((slot = take_idle(pool)))
        weft__slot_clear(pool, slot);
    return before ? -EALREADY : 0;
}

void weft_pool_look(weft_pool *pool, weft_pool_info *ret_info)
{
    weft__latch_acquire(&pool->lock);
    *ret_info = (weft_pool_info){
        .max = pool->attr.max,
        .in_use = pool->busy,
        .idle = pool->idle_count,
        .waiters = weft__load(&pool->waiters.count, relaxed),
        .made = pool->made,
        .destroyed = pool->destroyed,
        .failed_makes = pool->failed_makes,
        .failed_checks = pool->failed_checks,
        .waits = pool->waits,
        .total_wait = pool->total_wait,
        .longest_wait = pool->longest_wait,
    };
    weft__latch_release(&pool->lock);
}
