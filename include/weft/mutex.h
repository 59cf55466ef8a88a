/* weft/mutex.h - mutexes and condition variables.
 *
 * As <threads.h> has them, for tasks and plain threads in any mix: a task that has to
 * wait suspends, a plain thread sleeps. Between locking and unlocking a task may
 * suspend, and may go on in another OS thread.
 *
 *     static weft_mutex mutex = WEFT_MUTEX_INIT;
 *
 *     weft_mutex_lock(&mutex);
 *     while (!ready)
 *         weft_cond_wait(&cond, &mutex);
 *     weft_mutex_unlock(&mutex);
 *
 * There is nothing to destroy: the memory may go when nobody is inside a call, and at
 * once after the last unlocking. */
#ifndef WEFT_MUTEX_H
#define WEFT_MUTEX_H

#include <weft/common.h>

WEFT__BEGIN

/* A mutex. */
typedef struct weft_mutex {
    uint64_t weft__private[8];
} weft_mutex;

/* Kinds of mutex. A plain one does not know who holds it, which makes it fast; to
 * lock it twice is to wait for ever. */
#define WEFT_MUTEX_PLAIN 0u
/* Locking it twice is -EDEADLK, unlocking somebody else's -EPERM. */
#define WEFT_MUTEX_CHECKED 1u
/* May be locked again by who holds it, and is free after as many unlockings. */
#define WEFT_MUTEX_RECURSIVE 2u

#define WEFT_MUTEX_INIT WEFT__MUTEX_INIT(WEFT_MUTEX_PLAIN)
#define WEFT_MUTEX_INIT_CHECKED WEFT__MUTEX_INIT(WEFT_MUTEX_CHECKED)
#define WEFT_MUTEX_INIT_RECURSIVE WEFT__MUTEX_INIT(WEFT_MUTEX_RECURSIVE)
#define WEFT__MUTEX_INIT(kind) \
    { \
        { \
            kind \
        } \
    }

/* Readies a mutex of kind WEFT_MUTEX_PLAIN, _CHECKED or _RECURSIVE; what a static
 * initialiser does. Any caller; never suspends.
 * Returns 0, or -EINVAL (another kind). */
WEFT_API int weft_mutex_init(weft_mutex *mutex, unsigned kind) WEFT__NONNULL(1);

/* Locks it. Whoever comes while it is free gets it, waiting or not; a waiter who has
 * waited for more than 1 ms is given it by the holder, so nobody waits for ever.
 *
 * Suspends (blocks a plain thread) while it is held; a cancellation point then: a free
 * one is locked in any case.
 * Returns 0, -ETIMEDOUT or -ECANCELED (the surrounding scope; not locked), -EDEADLK (a
 * checked one: the caller holds it), -EAGAIN (a recursive one: locked 2^32 - 1 times) or
 * -ENOMEM (a plain thread's first wait, and memory is out). */
WEFT_API int weft_mutex_lock(weft_mutex *mutex) WEFT__NONNULL(1);

/* Locks it if it is free. Any task or plain thread; never suspends.
 * Returns 0, -EBUSY, or -EAGAIN as weft_mutex_lock(). */
WEFT_API int weft_mutex_trylock(weft_mutex *mutex) WEFT__NONNULL(1);

/* Unlocks it. Whoever holds it; a plain one may be unlocked by others. Never suspends.
 * Returns 0, or -EPERM (it is not locked, or a checked or recursive one is another's). */
WEFT_API int weft_mutex_unlock(weft_mutex *mutex) WEFT__NONNULL(1);

/* What can be said of a mutex at a moment. */
typedef struct weft_mutex_info {
    bool locked;
    unsigned waiters;   /* tasks and threads that wait for it */
    uint64_t holder;    /* weft_task_id() of the holder; 0: nobody, a plain thread, or a
                           plain mutex in a library built without its checks (NDEBUG) */
    int64_t held_since; /* likewise; 0: not known */
} weft_mutex_info;

/* Looks at it. Any task or plain thread; never suspends. */
WEFT_API void weft_mutex_look(weft_mutex *mutex, weft_mutex_info *ret_info) WEFT__NONNULL(1, 2);

/* A condition variable. */
typedef struct weft_cond {
    uint64_t weft__private[4];
} weft_cond;

#define WEFT_COND_INIT \
    { \
        { \
            0 \
        } \
    }

/* Readies a condition variable; what the static initialiser does. Any caller; never
 * suspends. */
WEFT_API void weft_cond_init(weft_cond *cond) WEFT__NONNULL(1);

/* Unlocks `mutex`, which the caller holds, waits to be signalled, and locks it again,
 * however often it was locked. Wait in a loop: what was signalled may be over again when
 * the mutex is locked, and rarely it returns without a signal. A signal's handler must
 * not leave it by a jump.
 *
 * Suspends (blocks a plain thread); a cancellation point. The mutex is locked on
 * return in any case but -EPERM.
 * Returns 0, -ETIMEDOUT or -ECANCELED (the surrounding scope; no signal was used up),
 * -EPERM (the mutex is not locked by the caller, as weft_mutex_unlock() has it) or
 * -ENOMEM. */
WEFT_API int weft_cond_wait(weft_cond *cond, weft_mutex *mutex) WEFT__NONNULL(1, 2);

/* Wakes one waiter, the one that has waited longest, or all of them. Whether the caller
 * holds the mutex or not; any task or plain thread; never suspends. */
WEFT_API void weft_cond_signal(weft_cond *cond) WEFT__NONNULL(1);
WEFT_API void weft_cond_broadcast(weft_cond *cond) WEFT__NONNULL(1);

WEFT__END

#endif
