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
 * LATCH-2  The store is the releaser's last access: the latch may be gone after.
 *
 * A latch that the same worker's tasks take again and again may lean towards it, so that
 * they need no read-modify-write at all. Whoever enters as number n is alone with it, by
 * the worker's seat, so the number's section is its own.
 *
 *     leans       who holds the latch releases it with state = leaning towards n
 *     enters      section[n] = latch; light barrier; if the state is not that: section[n] =
 *                 NULL, fail
 *     leaves      section[n] = NULL
 *     others      state: leaning -> 1, by an exchange; heavy barrier; wait while
 *                 section[n] is the latch; hold it as any latch
 *
 * LATCH-3  Never is somebody inside who entered while another holds the latch: of the
 *          section's store and the exchange one comes first, since the barriers are a pair.
 *          Either who enters sees that the latch does not lean, or the other sees the
 *          section. Who holds it may make it lean towards n again in between: then his
 *          release, or the one after, is what who enters has acquired, and the next
 *          who straightens it sees the section.
 * LATCH-4  What one has written the next one sees: who enters acquires what the release
 *          has stored, who waits acquires the section's end, or whatever the number's next
 *          holder has written there after it.
 * LATCH-5  The section's end is the last access of who entered: it is no part of the latch,
 *          which may be gone after. One that is made in the same place, and leans, is waited
 *          for a little in vain. */
#ifndef WEFT_OS_LATCH_H
#define WEFT_OS_LATCH_H

#include "base/atomic.h"
#include "os/barrier.h"
#include "os/critical.h"
#include "os/futex.h"

#define WEFT__LATCH_HELD 1u
#define WEFT__LATCH_LEANS 2u /* and more: towards number 0, 1, ... */

struct weft__latch {
    _Atomic(uint32_t) state; /* 0: free */
};

#define WEFT__LATCH_SECTIONS 1024

/* The latch that somebody is in as this number; NULL: none. */
struct weft__latch_section {
    WEFT_ALIGNED(WEFT_CACHE_LINE) _Atomic(struct weft__latch *) latch;
};

extern struct weft__latch_section weft__latch_section[WEFT__LATCH_SECTIONS];

/* Threads that sleep for some latch, or are about to. */
extern _Atomic(uint32_t) weft__latch_sleepers;

/* acquire: LATCH-4 */
static inline bool weft__latch_is_inside(uint32_t number, const struct weft__latch *latch)
{
    return weft__load(&weft__latch_section[number].latch, acquire) == latch;
}

WEFT_COLD void weft__latch_slow(struct weft__latch *latch);

/* Takes the latch if it leans; it does so no more. False: it does not lean. */
bool weft__latch_straighten(struct weft__latch *latch);

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

static inline void weft__latch_release_as(struct weft__latch *latch, uint32_t state)
{
    /* release: pairs with the acquire in weft__latch_try() and _enter() */
    weft__store(&latch->state, state, release);
    weft__barrier_light(); /* LATCH-1 */
    if (weft__unlikely(weft__load(&weft__latch_sleepers, relaxed)))
        weft__futex_wake(&latch->state, 1);
    weft__critical_leave();
}

static inline void weft__latch_release(struct weft__latch *latch)
{
    weft__latch_release_as(latch, 0);
}

/* And lets it lean. */
static inline void weft__latch_release_leaning(struct weft__latch *latch, uint32_t number)
{
    weft__latch_release_as(latch, WEFT__LATCH_LEANS + number);
}

/* When a latch is to lean: after a thousand turns in a row by the same number, and
 * after twice as many each time, since it costs others a heavy barrier to straighten it.
 * What it guards has one of these. */
struct weft__latch_habit {
    uint16_t number; /* who came last, + 1; 0: nobody */
    uint16_t leaned; /* how often it has */
    uint32_t run;    /* turns in a row */
};

#ifndef WEFT__LATCH_LEANS_AFTER
#define WEFT__LATCH_LEANS_AFTER 1024u
#endif

#define WEFT__LATCH_LEANS_MOST 10 /* times that it doubles: a million */

#define WEFT__LATCH_NOBODY UINT32_MAX /* who has no number */

/* Whose turn ends, under the latch. True: let it lean. */
static inline bool weft__latch_shall_lean(struct weft__latch_habit *habit, uint32_t number)
{
    if (habit->number != (uint16_t)(number + 1)) {
        habit->number = (uint16_t)(number + 1);
        habit->run = 0;
    }
    if (++habit->run < WEFT__LATCH_LEANS_AFTER << habit->leaned || number == WEFT__LATCH_NOBODY)
        return false;
    habit->run = 0;
    habit->leaned += habit->leaned < WEFT__LATCH_LEANS_MOST;
    return true;
}

static inline void weft__latch_release_by_habit(struct weft__latch *latch,
                                                struct weft__latch_habit *habit, uint32_t number)
{
    if (weft__unlikely(weft__latch_shall_lean(habit, number)))
        weft__latch_release_leaning(latch, number);
    else
        weft__latch_release(latch);
}

/* For who is alone with the number until he has left: false: the latch does not lean
 * towards it. */
WEFT_INLINE bool weft__latch_enter(struct weft__latch *latch, uint32_t number)
{
    if (weft__load(&latch->state, relaxed) != WEFT__LATCH_LEANS + number)
        return false;
    if (weft__unlikely(weft__load(&weft__latch_section[number].latch, relaxed)))
        return false; /* in another latch, as this number */
    weft__store(&weft__latch_section[number].latch, latch, release); /* LATCH-4 */
    weft__barrier_light();                                           /* LATCH-3 */
    /* acquire: LATCH-4 */
    if (weft__unlikely(weft__load(&latch->state, acquire) != WEFT__LATCH_LEANS + number)) {
        weft__store(&weft__latch_section[number].latch, NULL, relaxed);
        return false;
    }
    weft__critical_enter();
    return true;
}

WEFT_INLINE void weft__latch_leave(uint32_t number)
{
    /* release: pairs with the acquire in weft__latch_straighten() */
    weft__store(&weft__latch_section[number].latch, NULL, release);
    weft__critical_leave();
}

#endif
