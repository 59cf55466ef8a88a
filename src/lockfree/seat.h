/* seat.h - who may touch a worker's private parts.
 *
 * A worker's queues, timers and poller are plain data, without atomics, because
 * one thread at a time works on them: the one that holds the worker's seat. Each
 * carrier has a seat, which is that of the worker it serves. It takes it whenever
 * it enters the scheduler, some hundred million times a second, and leaves it
 * before it runs a task's own code. While the task's code runs the seat is free,
 * and a rescuer may take it: to share out the work that waits behind a task that
 * does not come back, or to give the worker to another carrier.
 *
 * Protocol. `inside` counts how deep the carrier is inside the scheduler; only
 * the carrier writes it. `wanted` is WANTED while a rescuer wants or has the seat;
 * only rescuers write it, one at a time (they hold the runtime's rescue lock), but
 * for the last line.
 *
 *   carrier enters        inside++; light barrier; if WANTED: step back, wait;
 *                         if GONE: step back, fail
 *   carrier leaves        inside--
 *   rescuer takes         wanted = WANTED; heavy barrier; if inside: 0, fail
 *   rescuer gives back    wanted = 0
 *   rescuer hands over    wanted = GONE: the worker is another carrier's
 *   carrier comes home    inside = 1; wanted = 0: its seat is no worker's now
 *
 * SEAT-1  Never are carrier and rescuer both inside. Of the two stores one comes
 *         first in memory: the barriers are a pair (os/barrier.h), so either the
 *         carrier sees `wanted` or the rescuer sees `inside`. When both see the
 *         other, both step back, and the carrier waits for wanted == 0.
 * SEAT-2  What one holder wrote the next one sees: leaving and giving back are
 *         releases, looking at the other's word is an acquire.
 * SEAT-3  The carrier waits only for a rescuer that is inside, or about to fail:
 *         a bounded time.
 * SEAT-4  A carrier whose worker was given away cannot enter until it has been
 *         home: it fails at the seat, and touches nothing of the worker's. No
 *         rescuer comes to a seat that is no worker's.
 *
 * Nesting is allowed for the carrier (a task that wakes another inside the
 * scheduler); a switch from task to task happens at depth 1, so the task that
 * arrives leaves the seat that the one before it took. */
#ifndef WEFT_LOCKFREE_SEAT_H
#define WEFT_LOCKFREE_SEAT_H

#include <sched.h>

#include "base/atomic.h"
#include "os/barrier.h"
#include "os/critical.h"

#define WEFT__SEAT_WANTED 1u
#define WEFT__SEAT_GONE 2u

struct weft__seat {
    _Atomic(uint32_t) inside;
    _Atomic(uint32_t) wanted;
};

/* Counted as a critical section: the carrier is not inside here and this is libc's code, but a
 * signal's handler that ran now could take the task to another seat (SIG-7). */
static inline void weft__seat_yield(void)
{
    weft__critical_enter();
    sched_yield();
    weft__critical_leave();
}

#ifndef WEFT_MODEL
WEFT_COLD
#endif
static bool weft__seat_enter_slow(struct weft__seat *seat)
{
    for (;;) {
        weft__store(&seat->inside, 0, release); /* SEAT-2 */
        uint32_t wanted;
        /* acquire: pairs with the release in weft__seat_give_back() */
        for (unsigned spins = 1; (wanted = weft__load(&seat->wanted, acquire)); spins++) {
            if (wanted == WEFT__SEAT_GONE)
                return false; /* SEAT-4 */
            weft__spin_hint();
            if (spins % 256 == 0)
                weft__seat_yield(); /* the kernel may have stopped the rescuer, for us */
        }
        weft__store(&seat->inside, 1, relaxed);
        weft__barrier_light();
        if (!weft__load(&seat->wanted, acquire))
            return true;
    }
}

/* The carrier enters. False: its worker is gone, and it is not inside. */
WEFT_INLINE bool weft__seat_enter(struct weft__seat *seat)
{
    uint32_t depth = weft__load(&seat->inside, relaxed); /* our own */
    weft__store(&seat->inside, depth + 1, relaxed);
    weft__barrier_light();
    /* acquire: pairs with the release in weft__seat_give_back() */
    if (weft__unlikely(weft__load(&seat->wanted, acquire)) && depth == 0)
        return weft__seat_enter_slow(seat);
    return true;
}

/* The carrier leaves. */
WEFT_INLINE void weft__seat_leave(struct weft__seat *seat)
{
    /* release: pairs with the acquire in weft__seat_take() */
    weft__store(&seat->inside, weft__load(&seat->inside, relaxed) - 1, release);
}

/* A rescuer takes the seat, or fails because the carrier is inside. */
static inline bool weft__seat_take(struct weft__seat *seat)
{
    weft__store(&seat->wanted, WEFT__SEAT_WANTED, relaxed);
    weft__barrier_heavy();
    /* acquire: pairs with the release in weft__seat_leave() */
    if (weft__load(&seat->inside, acquire) == 0)
        return true;
    weft__store(&seat->wanted, 0, release);
    return false;
}

/* A rescuer gives it back. */
static inline void weft__seat_give_back(struct weft__seat *seat)
{
    /* release: pairs with the acquires in weft__seat_enter() */
    weft__store(&seat->wanted, 0, release);
}

/* A rescuer who has taken it has given the worker to another carrier. */
static inline void weft__seat_hand_over(struct weft__seat *seat)
{
    weft__store(&seat->wanted, WEFT__SEAT_GONE, release);
}

/* The carrier has noticed, and is inside again, with nobody to serve. */
static inline void weft__seat_come_home(struct weft__seat *seat)
{
    weft__store(&seat->inside, 1, relaxed); /* nobody looks */
    weft__store(&seat->wanted, 0, relaxed);
}

#endif
