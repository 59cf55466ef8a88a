/* baton.h - a permit of one: the smallest thing two tasks can wake each other
 * with, built on the library's wait primitive and nothing else. */
#ifndef WEFT_BENCH_BATON_H
#define WEFT_BENCH_BATON_H

#include "sched/wait.h"

#define BATON_EMPTY ((struct weft__waiter *)0)
#define BATON_GIVEN ((struct weft__waiter *)1)

/* EMPTY, GIVEN, or the waiter that waits for it. */
struct baton {
    _Atomic(struct weft__waiter *) state;
    uint64_t ticket; /* the waiter's, written before it is published */
};

static inline void baton_init(struct baton *baton)
{
    weft__store(&baton->state, BATON_EMPTY, relaxed);
}

/* Any task. The permit does not add up. */
static inline void baton_give(struct baton *baton)
{
    struct weft__waiter *waiter = weft__exchange(&baton->state, BATON_GIVEN, acq_rel);
    if (waiter == BATON_EMPTY || waiter == BATON_GIVEN)
        return;
    uint64_t ticket = baton->ticket;
    weft__store(&baton->state, BATON_EMPTY, relaxed); /* handed over: nobody else waits */
    weft__wait_fire(waiter, ticket, WEFT__EVENT);
}

/* One waiter at a time. */
static inline void baton_take(struct baton *baton)
{
    struct weft__waiter *given = BATON_GIVEN;
    if (weft__load(&baton->state, relaxed) == BATON_GIVEN &&
        weft__cas(&baton->state, &given, BATON_EMPTY, acquire, relaxed))
        return;
    struct weft__waiter *waiter = weft__waiter_self();
    uint64_t ticket = weft__wait_begin(waiter, "baton", 0);
    baton->ticket = ticket;
    struct weft__waiter *empty = BATON_EMPTY;
    if (weft__cas(&baton->state, &empty, waiter, release, relaxed)) {
        weft__wait_park(waiter, INT64_MAX);
        return;
    }
    weft__store(&baton->state, BATON_EMPTY, relaxed); /* given meanwhile */
    weft__wait_abandon(waiter, ticket);               /* nobody has seen the ticket */
}

#endif
