/* latch.h - a lock whose release is a plain store.
 *
 * For the same use as os/lock.h: some tens of instructions, never across a suspension.
 * An operation on a channel is little more than locking and unlocking, so half of the
 * read-modify-writes are saved here: who releases does not learn from an exchange
 * whether somebody sleeps, but looks at a count, which is one for all latches.
 *
 *     releases    state = 0; light barrier; look at the count: if not 0, wake
 *     sleeps      count++; heavy barrier; try; sleep while the state is 1
 *
 * LATCH-1  No wake is lost: the barriers are a pair (os/barrier.h), so either the sleeper
 *          sees the state free or the releaser sees the count. A thread may come before
 *          the process has its barriers; so it sleeps for a moment only.
 * LATCH-2  The store is the releaser's last access: the latch may be gone after. */
#ifndef WEFT_OS_LATCH_H
#define WEFT_OS_LATCH_H

#include "base/atomic.h"
#include "os/barrier.h"
#include "os/critical.h"
#include "os/futex.h"

struct weft__latch {
    _Atomic(uint32_t) state;
};

/* Threads that sleep for some latch, or are about to. */
extern _Atomic(uint32_t) weft__latch_sleepers;

WEFT_COLD void weft__latch_slow(struct weft__latch *latch);

/* In a forked child: who slept there is in its parent. */
void weft__latch_forget(void);

static inline bool weft__latch_try(struct weft__latch *latch)
{
    uint32_t free = 0;
    /* acquire: pairs with the release in weft__latch_release() */
    if (weft__unlikely(!weft__cas(&latch->state, &free, 1, acquire, relaxed)))
        return false;
    weft__critical_enter();
    return true;
}

static inline void weft__latch_acquire(struct weft__latch *latch)
{
    if (weft__unlikely(!weft__latch_try(latch)))
        weft__latch_slow(latch);
}

static inline void weft__latch_release(struct weft__latch *latch)
{
    /* release: pairs with the acquire in weft__latch_try() */
    weft__store(&latch->state, 0, release);
    weft__barrier_light(); /* LATCH-1 */
    if (weft__unlikely(weft__load(&weft__latch_sleepers, relaxed)))
        weft__futex_wake(&latch->state, 1);
    weft__critical_leave();
}

#endif
