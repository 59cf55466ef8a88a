/* Timers: a waiter and its ticket in a worker's wheel.
 *
 * Nearly every deadline is disarmed before it comes, mostly by the worker that
 * armed it: that is two list operations. A task that has moved disarms from
 * another worker: it marks the timer DEAD and sends it home (`disarmed`), where
 * it is taken out at the next tick.
 *
 *     state = generation << 12 | the owner's index << 2 | IDLE, ARMED or DEAD
 *
 * TIMER-1  A timer leaves ARMED once per generation: by firing, by a disarming
 *          at home (both under the owner's seat), or by a remote compare-and-
 *          swap against the expected state.
 * TIMER-2  It is released once: by whoever moved it away from ARMED, and a DEAD
 *          one by its owner when it comes out of the inbox.
 * TIMER-3  Firing needs no thought for the waiter's life: WAIT-3.
 * TIMER-4  Without memory for a timer the waiter is woken for nothing (CANCEL-3), at the end
 *          of the queue: it looks again, and waits again, while the others have their turns.
 *          No deadline has come before its time; one that has come is one.
 * TIMER-5  `next_timer` is never later than the first timer in the wheel, and says which that is
 *          when the worker falls asleep: an hour that is nobody's any more would hide a
 *          deadlock. What is disarmed while it sleeps it takes out when it wakes. */
#include "base/assert.h"
#include "sched/poll.h"
#include "sched/schedule.h"
#include "time/clock.h"

enum { IDLE, ARMED, DEAD, STATUS = 3 };

#define OWNER_SHIFT 2
#define OWNER (WEFT__WORKERS_MAX - 1)
#define GENERATION ((uint64_t)1 << 12)

/* A cache line: a hundred thousand sleepers have theirs far apart. */
struct weft__timer {
    _Atomic(uint64_t) state;
    uint64_t ticket;
    struct weft__inbox_node inbox; /* while DEAD */
    struct weft__waiter *waiter;
    struct weft__wheel_entry entry;
};

_Static_assert(sizeof(struct weft__timer) == WEFT_CACHE_LINE, "a timer is a cache line");
_Static_assert(OWNER << OWNER_SHIFT == GENERATION - 1 - STATUS, "the owner's bits are between");

const size_t weft__timer_size = sizeof(struct weft__timer);

static void publish_next(struct weft__worker *owner)
{
    /* release: who sees that no timer is left sees the task that it made runnable */
    weft__store(&owner->next_timer, weft__wheel_next(&owner->wheel), release);
}

struct weft__timer_handle weft__timer_arm(struct weft__worker *worker, struct weft__waiter *waiter,
                                          uint64_t ticket, int64_t when)
{
    struct weft__timer *timer = weft__pool_take(&weft__rt.timers, &worker->timers);
    if (!timer) { /* TIMER-4 */
        bool passed = when <= weft__clock_now();
        if (weft__wait_claim(waiter, ticket, passed ? WEFT__DEADLINE : WEFT__CANCELLED))
            weft__ready_queued(worker, weft__task_of(waiter));
        return (struct weft__timer_handle){ 0 };
    }
    /* relaxed: the next remote disarmer gets the handle through the task */
    uint64_t state = weft__load(&timer->state, relaxed) & -GENERATION;
    state |= worker->index << OWNER_SHIFT | ARMED;
    timer->waiter = waiter;
    timer->ticket = ticket;
    weft__wheel_add(&worker->wheel, &timer->entry, when);
    weft__store(&timer->state, state, release); /* pairs with the CAS of a remote disarmer */
    publish_next(worker);
    return (struct weft__timer_handle){ timer, state };
}

/* The next generation; nobody holds a handle for it yet. */
static void release_timer(struct weft__worker *worker, struct weft__timer *timer)
{
    uint64_t generation = weft__load(&timer->state, relaxed) & -GENERATION;
    weft__store(&timer->state, (generation + GENERATION) | IDLE, relaxed);
    weft__pool_give(&weft__rt.timers, &worker->timers, timer);
}

void weft__timer_disarm(struct weft__worker *worker, struct weft__timer_handle handle)
{
    struct weft__timer *timer = handle.timer;
    if (!timer)
        return;
    struct weft__worker *owner = &weft__rt.worker[handle.state >> OWNER_SHIFT & OWNER];
    if (owner == worker) {
        if (weft__load(&timer->state, relaxed) != handle.state)
            return; /* fired */
        weft__wheel_remove(&worker->wheel, &timer->entry);
        release_timer(worker, timer); /* TIMER-2 */
        return;
    }
    uint64_t armed = handle.state, dead = (handle.state & ~(uint64_t)STATUS) | DEAD;
    if (weft__cas(&timer->state, &armed, dead, acq_rel, relaxed)) /* TIMER-1 */
        weft__inbox_put(&owner->disarmed, &timer->inbox);
}

void weft__drop_disarmed(struct weft__worker *worker)
{
    struct weft__inbox_node *node = weft__inbox_take(&worker->disarmed);
    if (weft__likely(!node))
        return;
    while (node) {
        struct weft__timer *timer = weft__container_of(node, struct weft__timer, inbox);
        node = node->next;
        if (weft__wheel_holds(&timer->entry))
            weft__wheel_remove(&worker->wheel, &timer->entry);
        release_timer(worker, timer); /* TIMER-2 */
    }
    publish_next(worker); /* TIMER-5 */
}

bool weft__expire_timers(struct weft__worker *worker, struct weft__worker *owner, int64_t now)
{
    bool fired = false;
    struct weft__wheel_entry *entry;
    while ((entry = weft__wheel_expire(&owner->wheel, now))) {
        struct weft__timer *timer = weft__container_of(entry, struct weft__timer, entry);
        struct weft__waiter *waiter = timer->waiter;
        uint64_t ticket = timer->ticket;
        uint64_t state = weft__load(&timer->state, relaxed);
        uint64_t idle = (state & ~(uint64_t)STATUS) | IDLE;
        if ((state & STATUS) != ARMED || !weft__cas(&timer->state, &state, idle, acq_rel, relaxed))
            continue; /* DEAD: it is in the inbox, or will be in a moment */
        release_timer(worker, timer);
        if (weft__wait_claim(waiter, ticket, WEFT__DEADLINE))
            weft__ready_queued(worker, weft__task_of(waiter));
        fired = true;
    }
    publish_next(owner);
    return fired;
}
