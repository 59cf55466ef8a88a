/* wakes.h - those whose waits have been claimed under a lock, and who are woken without it.
 *
 * Waking takes other locks, and whoever is woken may free what the lock is in; so it
 * comes last. Any number of them needs no memory but their own. */
#ifndef WEFT_SCHED_WAKES_H
#define WEFT_SCHED_WAKES_H

#include "sched/wait.h"

struct weft__wakes {
    /* Through their `next`, which is the waker's. */
    struct weft_task *first, **last;
    struct weft__plain_thread *first_thread, **last_thread;
};

static inline void weft__wakes_init(struct weft__wakes *wakes)
{
    wakes->first = NULL;
    wakes->last = &wakes->first;
    wakes->first_thread = NULL;
    wakes->last_thread = &wakes->first_thread;
}

/* Under the lock: one whose wait has been claimed. */
void weft__wakes_add(struct weft__wakes *wakes, struct weft__waiter *waiter);

/* Claims the wait, for an event. False: it is over. */
static inline bool weft__wakes_claim(struct weft__wakes *wakes, struct weft__waiter *waiter,
                                     uint64_t ticket)
{
    if (!weft__wait_claim(waiter, ticket, WEFT__EVENT))
        return false;
    weft__wakes_add(wakes, waiter);
    return true;
}

/* Wakes them: the tasks in order, then the threads. */
void weft__wakes_carry_out(struct weft__wakes *wakes);

#endif
