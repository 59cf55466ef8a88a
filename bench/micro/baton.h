/* baton.h - a permit of one: the smallest thing two tasks can wake each other
 * with, built on the library's wait primitive and nothing else.
 *
 * `state` is EMPTY, GIVEN, or the waiter that waits for the permit. A taker that
 * finds nothing puts itself there; a giver that finds a waiter claims its wait,
 * which only one giver can, and empties the baton before the taker runs again. */
#ifndef WEFT_BENCH_BATON_H
#define WEFT_BENCH_BATON_H

#include "sched/task.h"

#define BATON_EMPTY ((struct weft__waiter *)0)
#define BATON_GIVEN ((struct weft__waiter *)1)

struct baton {
    _Atomic(struct weft__waiter *) state;
    _Atomic(uint64_t) ticket; /* the waiter's */
};

static inline void baton_init(struct baton *baton)
{
    weft__store(&baton->state, BATON_EMPTY, relaxed);
}

/* Any task. The permit does not add up. */
static inline void baton_give(struct baton *baton)
{
    for (;;) {
        struct weft__waiter *waiter = weft__load(&baton->state, acquire);
        if (waiter == BATON_GIVEN)
            return;
        if (waiter == BATON_EMPTY) {
            if (weft__cas_weak(&baton->state, &waiter, BATON_GIVEN, release, relaxed))
                return;
            continue;
        }
        uint64_t ticket = weft__load(&baton->ticket, relaxed); /* stale: the claim fails */
        if (weft__wait_claim(waiter, ticket, WEFT__EVENT)) {
            weft__store(&baton->state, BATON_EMPTY, relaxed); /* the taker sees it when it runs */
            weft__wait_wake(waiter);
            return;
        }
    }
}

/* One waiter at a time. */
static inline void baton_take(struct baton *baton)
{
    struct weft__waiter *given = BATON_GIVEN;
    if (weft__load(&baton->state, relaxed) == BATON_GIVEN &&
        weft__cas(&baton->state, &given, BATON_EMPTY, acquire, relaxed))
        return;
    struct weft__waiter *waiter = weft__waiter_self(), *empty = BATON_EMPTY;
    uint64_t ticket = weft__wait_begin(waiter, "baton", 0);
    weft__store(&baton->ticket, ticket, relaxed);
    if (weft__cas(&baton->state, &empty, waiter, release, relaxed)) {
        weft__wait_park(waiter, INT64_MAX);
        return;
    }
    weft__store(&baton->state, BATON_EMPTY, relaxed); /* given meanwhile: nobody else writes */
    weft__wait_abandon(waiter, ticket);               /* nobody has seen the ticket */
}

#endif
