/* sleepers.h - who sleeps, who searches, and how nobody is forgotten.
 *
 * A worker without work becomes a searcher (at most half of the workers are) and
 * looks into every shared queue; when it finds nothing it goes to sleep. Whoever
 * adds shared work wakes one sleeper, unless somebody searches already.
 *
 * Protocol. Each worker has a state; `counts` holds how many sleep (low half)
 * and how many search (high half).
 *
 *   producer  add the work (seq_cst); if nobody searches and somebody sleeps:
 *             pick a sleeper, SLEEPING -> CLAIMED, count it as a searcher, -> NOTIFIED,
 *             poke it
 *   worker    state = SLEEPING; sleeping++, searching--; look at every queue
 *             again (seq_cst); if there is work: retract, else sleep
 *   worker    awake again: SLEEPING -> AWAKE and sleeping--, or, being NOTIFIED
 *             (CLAIMED: in a moment), it is a searcher already
 *   searcher  found work: searching--; if it was the last one and there is more
 *             shared work, it wakes the next
 *
 * PARK-1  Each sleeper is woken by exactly one party: the transition away from
 *         SLEEPING is a compare-and-swap, and its winner adjusts the counts
 *         before the worker goes on. So `searching` never counts a worker that
 *         does not search, and never falls below zero.
 * PARK-2  No shared work is left while all workers sleep. Producer: queue, then
 *         counts. Worker: counts, then queues. All four are seq_cst, so either
 *         the producer sees the sleeper or the worker sees the work. A producer
 *         that wakes nobody because somebody searches relies on that searcher:
 *         it either has not looked at the queue yet, or will look again after it
 *         has left `searching`, which the producer's load precedes.
 * PARK-3  Work in a worker's private queues needs no wake: its owner is awake.
 *         That others should help with it is decided elsewhere (sched/share.c). */
#ifndef WEFT_LOCKFREE_SLEEPERS_H
#define WEFT_LOCKFREE_SLEEPERS_H

#include "base/atomic.h"

enum weft__sleep_state {
    WEFT__AWAKE,
    WEFT__SLEEPING,
    WEFT__CLAIMED, /* by a notifier that has not adjusted the counts yet */
    WEFT__NOTIFIED,
};

#define WEFT__SLEEPER 1u
#define WEFT__SEARCHER 0x10000u

struct weft__sleepers {
    _Atomic(uint32_t) counts;
};

struct weft__sleeper {
    _Atomic(uint32_t) state;
};

static inline unsigned weft__sleepers_sleeping(uint32_t counts)
{
    return counts & 0xffffu;
}

static inline unsigned weft__sleepers_searching(uint32_t counts)
{
    return counts >> 16;
}

/* Whether somebody sleeps and nobody searches; a hint. */
WEFT_INLINE bool weft__sleepers_hungry(struct weft__sleepers *all)
{
    uint32_t counts = weft__load(&all->counts, relaxed);
    return weft__unlikely(counts - 1 < 0xffffu); /* sleeping > 0, searching == 0 */
}

/* Becomes a searcher unless half of `workers` are. */
static inline bool weft__sleepers_search(struct weft__sleepers *all, unsigned workers)
{
    if (2 * weft__sleepers_searching(weft__load(&all->counts, seq_cst)) >= workers)
        return false;
    weft__add(&all->counts, WEFT__SEARCHER, seq_cst);
    return true;
}

/* Stops being one. Returns whether it was the last. */
static inline bool weft__sleepers_found(struct weft__sleepers *all)
{
    uint32_t before = weft__add(&all->counts, -WEFT__SEARCHER, seq_cst);
    return weft__sleepers_searching(before) == 1;
}

/* Announces sleep. The caller then looks at every queue again (PARK-2). Returns
 * whether everybody sleeps now. */
static inline bool weft__sleepers_announce(struct weft__sleepers *all, struct weft__sleeper *me,
                                           bool searching, unsigned workers)
{
    weft__store(&me->state, WEFT__SLEEPING, seq_cst);
    uint32_t change = WEFT__SLEEPER - (searching ? WEFT__SEARCHER : 0);
    uint32_t counts = weft__add(&all->counts, change, seq_cst) + change;
    return weft__sleepers_sleeping(counts) == workers;
}

/* Awake again. Returns whether the worker is a searcher now. */
static inline bool weft__sleepers_retract(struct weft__sleepers *all, struct weft__sleeper *me)
{
    uint32_t sleeping = WEFT__SLEEPING;
    if (weft__cas(&me->state, &sleeping, WEFT__AWAKE, seq_cst, seq_cst)) { /* PARK-1 */
        weft__add(&all->counts, -WEFT__SLEEPER, seq_cst);
        return false;
    }
    /* acquire: pairs with the release in weft__sleepers_notify() */
    while (weft__load(&me->state, acquire) != WEFT__NOTIFIED)
        weft__spin_hint();
    weft__store(&me->state, WEFT__AWAKE, relaxed); /* nobody else moves NOTIFIED */
    return true;
}

/* Makes a sleeper a searcher. The caller pokes it when this returns true. */
static inline bool weft__sleepers_notify(struct weft__sleepers *all, struct weft__sleeper *other)
{
    uint32_t sleeping = WEFT__SLEEPING;
    if (weft__load(&other->state, seq_cst) != WEFT__SLEEPING ||
        !weft__cas(&other->state, &sleeping, WEFT__CLAIMED, seq_cst, seq_cst)) /* PARK-1 */
        return false;
    weft__add(&all->counts, WEFT__SEARCHER - WEFT__SLEEPER, seq_cst);
    weft__store(&other->state, WEFT__NOTIFIED, release);
    return true;
}

/* Whether a producer has to wake somebody; after it has added its work. */
static inline bool weft__sleepers_needed(struct weft__sleepers *all)
{
    uint32_t counts = weft__load(&all->counts, seq_cst); /* PARK-2 */
    return weft__sleepers_searching(counts) == 0 && weft__sleepers_sleeping(counts) > 0;
}

#endif
