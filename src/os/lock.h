/* lock.h - the lock for short critical sections inside the library.
 *
 * Held for some tens of instructions, never across a suspension or a system
 * call that can block; so it spins a little and then sleeps. States: 0 free,
 * 1 held, 2 held and somebody may sleep. */
#ifndef WEFT_OS_LOCK_H
#define WEFT_OS_LOCK_H

#include "base/atomic.h"
#include "os/critical.h"
#include "os/futex.h"

struct weft__lock {
    _Atomic(uint32_t) state;
};

WEFT_COLD void weft__lock_slow(struct weft__lock *lock);

static inline bool weft__lock_try(struct weft__lock *lock)
{
    uint32_t free = 0;
    /* acquire: pairs with the release in weft__lock_release() */
    if (!weft__cas(&lock->state, &free, 1, acquire, relaxed))
        return false;
    weft__critical_enter();
    return true;
}

static inline void weft__lock_acquire(struct weft__lock *lock)
{
    if (weft__unlikely(!weft__lock_try(lock)))
        weft__lock_slow(lock);
}

static inline void weft__lock_release(struct weft__lock *lock)
{
    /* release: pairs with the acquires in weft__lock_try() and _slow() */
    bool slept = weft__exchange(&lock->state, 0, release) == 2;
    if (weft__unlikely(slept))
        weft__futex_wake(&lock->state, 1);
    weft__critical_leave();
}

#endif
