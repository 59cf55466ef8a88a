/* poll.h - timers and descriptor events become runnable tasks. */
#ifndef WEFT_SCHED_POLL_H
#define WEFT_SCHED_POLL_H

#include "sched/worker.h"

/* An armed timer; see timer.c. */
struct weft__timer;

struct weft__timer_handle {
    struct weft__timer *timer; /* NULL: none armed */
    uint64_t state;
};

/* Ends the wait with reason DEADLINE at `when`. O(1). On memory shortage no timer is armed, and
 * the wait ends at once, before `when` with reason CANCELLED: TIMER-4. The seat, which is the
 * waiter's own or one that spawns it, is held. */
struct weft__timer_handle weft__timer_arm(struct weft__worker *worker, struct weft__waiter *waiter,
                                          uint64_t ticket, int64_t when);

/* Takes it back; nothing happens if it has fired. O(1); the worker need not be
 * the one that armed. The seat is held. */
void weft__timer_disarm(struct weft__worker *worker, struct weft__timer_handle handle);

/* Fires what is due among `owner`'s timers; the tasks become `worker`'s. Both
 * seats are held; the two may be the same. True: there was something. */
bool weft__expire_timers(struct weft__worker *worker, struct weft__worker *owner, int64_t now);

/* Releases the timers that other workers have disarmed. */
void weft__drop_disarmed(struct weft__worker *worker);

/* Asks `owner`'s poller, waiting up to `timeout` nanoseconds (negative: no limit), and hands
 * the events on. True: there was something. */
bool weft__poll(struct weft__worker *worker, struct weft__worker *owner, int64_t timeout);

/* Set by src/io: what becomes of an event. The seat of the caller's worker is
 * held. */
/* For the pool of timers. */
extern const size_t weft__timer_size;

extern void (*weft__on_event)(uint64_t key, unsigned what);

/* Set by src/io: an event will be handed on soon. Stages 0 and 1, in this order. */
extern void (*weft__expect_event)(uint64_t key, int stage);

#endif
