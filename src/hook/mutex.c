/* Mutexes keep libc's protocol in __lock:
 *
 *     0 free    1 held    2 held, and somebody may sleep
 *
 * MUTEX-1  Whoever sleeps has set 2, or seen it, under the bucket's lock; and a task
 *          that finds 2 when it unlocks moves it away under the same lock. So a
 *          node in the list and a word below 2 exclude each other but for threads
 *          that are not ours, which do no such thing: after their unlocking the
 *          interposer looks at the list (LOT-2).
 * MUTEX-2  A waiter that was told that nobody else waits locks with 1; else with 2.
 *          Threads that may sleep in the kernel are somebody: the word forgets them
 *          when it becomes 0, so who makes it 0 looks at `outside` after that (LOT-5).
 * MUTEX-3  The lock is free for whoever comes (barging): a running task is faster
 *          than one that has to be woken. A waiter that lost LOSSES times gets the
 *          lock handed over: the word stays at 2, the waiter becomes the owner. */
#include "hook/mutex.h"

#include <errno.h>

#include "hook/deadline.h"
#include "hook/held.h"
#include "hook/interposed.h"
#include "hook/lot.h"
#include "hook/park.h"
#include "hook/real.h"
#include "sched/schedule.h"
#include "weft/time.h"

#define LOSSES 3

/* Of libc's int, which nobody else accesses but atomically. */
static _Atomic(uint32_t) *word_of(pthread_mutex_t *mutex)
{
    return (_Atomic(uint32_t) *)(void *)&mutex->__data.__lock;
}

static int kind_of(const pthread_mutex_t *mutex)
{
    return mutex->__data.__kind & WEFT__MUTEX_TYPE;
}

static uint32_t owner_of(const pthread_mutex_t *mutex)
{
    return (uint32_t)mutex->__data.__owner;
}

static void set_owner(pthread_mutex_t *mutex, uint32_t tid)
{
    mutex->__data.__owner = (int)tid;
}

/* The caller holds the lock. */
static void own(pthread_mutex_t *mutex, uint32_t tid)
{
    set_owner(mutex, tid);
    mutex->__data.__nusers++;
    mutex->__data.__count = kind_of(mutex) == PTHREAD_MUTEX_RECURSIVE;
    weft__held_one();
}

static bool try(pthread_mutex_t *mutex)
{
    uint32_t free = 0;
    return weft__cas(word_of(mutex), &free, 1, acquire, relaxed); /* release: unlock */
}

/* One try, one sleep. 0: got it; EAGAIN: again; ETIMEDOUT. */
static int wait_once(pthread_mutex_t *mutex, int64_t deadline, uint8_t *losses, bool *more)
{
    struct weft__bucket *bucket = weft__lot_bucket(word_of(mutex));
    struct weft__lot_node node;
    weft__lot_begin(&node, weft__waiter_self(), word_of(mutex), "mutex");
    node.losses = *losses;
    weft__lot_enter(bucket);
    if (weft__exchange(word_of(mutex), 2, seq_cst) == 0) { /* MUTEX-1 */
        weft__lot_abandon(bucket, &node);
        *more = true; /* a 2 too many */
        return 0;
    }
    weft__lot_enlist(bucket, &node);
    if (!weft__lot_park(bucket, &node, deadline))
        return ETIMEDOUT;
    if (node.handed)
        return 0; /* MUTEX-3 */
    *more = node.more;
    *losses += *losses < LOSSES;
    return EAGAIN;
}

static WEFT_NOINLINE int lock_slow(pthread_mutex_t *mutex, int64_t deadline, bool more)
{
    struct weft__hook_wait wait;
    uint8_t losses = 0;
    int rc = EAGAIN;
    weft__hook_begin(&wait);
    while (rc == EAGAIN) {
        if (more ? weft__exchange(word_of(mutex), 2, acquire) == 0 : try(mutex))
            rc = 0; /* MUTEX-2 */
        else
            rc = wait_once(mutex, deadline, &losses, &more);
    }
    weft__hook_end(&wait);
    return rc;
}

static int lock_outside(pthread_mutex_t *mutex)
{
    weft__lot_outside_enter(word_of(mutex));
    int rc = weft__real_pthread_mutex_lock(mutex);
    weft__lot_outside_leave(word_of(mutex));
    return rc;
}

/* A recursive mutex, locked by its owner: true, and what to return. */
static bool relock(pthread_mutex_t *mutex, uint32_t tid, int *ret_rc)
{
    int kind = kind_of(mutex);
    if (weft__likely((kind != PTHREAD_MUTEX_RECURSIVE && kind != PTHREAD_MUTEX_ERRORCHECK) ||
                     owner_of(mutex) != tid))
        return false;
    if (kind == PTHREAD_MUTEX_ERRORCHECK)
        *ret_rc = EDEADLK;
    else
        *ret_rc = ++mutex->__data.__count ? 0 : (mutex->__data.__count--, EAGAIN);
    return true;
}

int weft__mutex_lock(pthread_mutex_t *mutex, uint32_t tid, int64_t deadline)
{
    int rc = 0;
    if (relock(mutex, tid, &rc))
        return rc;
    weft__hook_spend();
    if (weft__unlikely(!try(mutex))) {
        if (weft__unlikely(weft__hook_in_scheduler(weft__self()))) {
            weft__held_one();
            return lock_outside(mutex);
        }
        rc = lock_slow(mutex, deadline, false);
    }
    if (rc == 0)
        own(mutex, tid);
    return rc;
}

/* Without waiting: 0, EBUSY, or what locking it once more gives. */
static int lock_now(pthread_mutex_t *mutex, uint32_t tid)
{
    int rc = EBUSY;
    if (relock(mutex, tid, &rc))
        return rc;
    weft__hook_spend();
    if (!try(mutex))
        return EBUSY;
    own(mutex, tid);
    return 0;
}

int weft__mutex_trylock(pthread_mutex_t *mutex, uint32_t tid)
{
    int rc = lock_now(mutex, tid);
    return rc == EDEADLK ? EBUSY : rc;
}

/* The word is 2. */
static WEFT_NOINLINE void unlock_slow(pthread_mutex_t *mutex)
{
    struct weft__bucket *bucket = weft__lot_bucket(word_of(mutex));
    weft__lock_acquire(&bucket->lock);
    struct weft__lot_node *node = weft__lot_first(bucket, word_of(mutex));
    bool hand = node && node->losses >= LOSSES; /* MUTEX-3 */
    struct weft__waiter *waiter =
        node ? weft__lot_take(bucket, word_of(mutex), WEFT__LOT_ANY, hand, &node) : NULL;
    if (!hand || !waiter)
        weft__store(word_of(mutex), 0, seq_cst); /* MUTEX-1; LOT-5 */
    if (waiter)                                  /* not awake: the node is there */
        node->more |= weft__lot_outside(bucket); /* MUTEX-2 */
    weft__lock_release(&bucket->lock);
    if (waiter)
        weft__wait_wake(waiter);
    else
        weft__lot_wake(word_of(mutex), 1, WEFT__LOT_ANY);
}

static void let_go(pthread_mutex_t *mutex, uint32_t tid)
{
    weft__held_one_less(owner_of(mutex) == tid);
    mutex->__data.__nusers--;
    set_owner(mutex, 0);
    uint32_t held = 1;
    /* release: pairs with the acquire in try() */
    if (weft__unlikely(!weft__cas(word_of(mutex), &held, 0, release, relaxed)))
        unlock_slow(mutex);
}

int weft__mutex_unlock(pthread_mutex_t *mutex, uint32_t tid)
{
    if (!weft__mutex_may_unlock(mutex, tid))
        return EPERM;
    if (kind_of(mutex) == PTHREAD_MUTEX_RECURSIVE && --mutex->__data.__count != 0)
        return 0;
    let_go(mutex, tid);
    return 0;
}

bool weft__mutex_may_unlock(const pthread_mutex_t *mutex, uint32_t tid)
{
    int kind = kind_of(mutex);
    return (kind != PTHREAD_MUTEX_RECURSIVE && kind != PTHREAD_MUTEX_ERRORCHECK) ||
           owner_of(mutex) == tid;
}

int64_t weft__mutex_release(pthread_mutex_t *mutex, uint32_t tid)
{
    int64_t count = mutex->__data.__count;
    mutex->__data.__count = 0;
    let_go(mutex, tid);
    return count;
}

void weft__mutex_reacquire(pthread_mutex_t *mutex, uint32_t tid, int64_t count, bool handed,
                           bool more)
{
    if (!handed)
        lock_slow(mutex, WEFT_NEVER, more);
    own(mutex, tid);
    mutex->__data.__count = (unsigned)count;
}

bool weft__mutex_queue(pthread_mutex_t *mutex, struct weft__lot_node *node)
{
    struct weft__bucket *bucket = weft__lot_bucket(word_of(mutex));
    weft__lot_enter(bucket);
    uint32_t state = 1;
    bool held = weft__cas(word_of(mutex), &state, 2, seq_cst, relaxed) || state == 2; /* MUTEX-1 */
    if (held)
        weft__lot_append_claimed(bucket, node, word_of(mutex), "mutex");
    else
        weft__bump(&bucket->waiting, (uint32_t)-1);
    weft__lock_release(&bucket->lock);
    return held;
}

/* The interposed calls. In threads that are not weft's, libc's, and around it what
 * tasks have to know. */

int weft__hook_lock(pthread_mutex_t *mutex)
{
    uint32_t tid = weft__hook_tid();
    if (weft__unlikely(!weft__mutex_ours(mutex)))
        return weft__real_pthread_mutex_lock(mutex);
    return tid ? weft__mutex_lock(mutex, tid, WEFT_NEVER) : lock_outside(mutex);
}

int weft__hook_unlock(pthread_mutex_t *mutex)
{
    uint32_t tid = weft__hook_tid();
    if (weft__unlikely(!weft__mutex_ours(mutex)))
        return weft__real_pthread_mutex_unlock(mutex);
    if (tid)
        return weft__mutex_unlock(mutex, tid);
    struct weft__bucket *bucket = weft__lot_bucket(word_of(mutex));
    int rc = weft__real_pthread_mutex_unlock(mutex);
    if (rc == 0 && !weft__lot_quiet(bucket)) /* MUTEX-1 */
        weft__lot_wake(word_of(mutex), 1, WEFT__LOT_ANY);
    return rc;
}

WEFT__INTERPOSE int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    WEFT__STAYS;
    return weft__hook_lock(mutex);
}
WEFT__INSIDE(pthread_mutex_lock);

WEFT__INTERPOSE int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    WEFT__STAYS;
    return weft__hook_unlock(mutex);
}
WEFT__INSIDE(pthread_mutex_unlock);

WEFT__INTERPOSE int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    WEFT__STAYS;
    uint32_t tid = weft__hook_tid();
    if (!tid || !weft__mutex_ours(mutex))
        return weft__real_pthread_mutex_trylock(mutex);
    return weft__mutex_trylock(mutex, tid);
}
WEFT__INSIDE(pthread_mutex_trylock);

WEFT__INTERPOSE int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
                                            const struct timespec *until)
{
    WEFT__STAYS;
    uint32_t tid = weft__hook_tid();
    if (!weft__mutex_ours(mutex))
        return weft__real_pthread_mutex_clocklock(mutex, clock, until);
    if (!tid) {
        weft__lot_outside_enter(word_of(mutex));
        int rc = weft__real_pthread_mutex_clocklock(mutex, clock, until);
        weft__lot_outside_leave(word_of(mutex));
        return rc;
    }
    if (!weft__deadline_clock(clock))
        return EINVAL;
    int64_t deadline;
    int rc = lock_now(mutex, tid); /* a time is looked at only to wait until it */
    if (rc != EBUSY)
        return rc;
    rc = weft__deadline(clock, until, &deadline);
    return rc ? rc : weft__mutex_lock(mutex, tid, deadline);
}

WEFT__INTERPOSE int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *until)
{
    return pthread_mutex_clocklock(mutex, CLOCK_REALTIME, until);
}
WEFT__INSIDE(pthread_mutex_timedlock);
