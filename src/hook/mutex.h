/* mutex.h - pthread mutexes, as the other primitives use them. */
#ifndef WEFT_HOOK_MUTEX_H
#define WEFT_HOOK_MUTEX_H

#include "hook/thread.h"

/* Bits of __kind: two for the type, and two about lock elision, which mean nothing
 * here (PTHREAD_MUTEX_NORMAL, asked for by name, sets one). */
#define WEFT__MUTEX_TYPE 3
#define WEFT__MUTEX_ELISION 0x300

/* Whether we do it, and not libc: neither shared between processes nor robust, nor
 * with a priority protocol. */
static inline bool weft__mutex_ours(const pthread_mutex_t *mutex)
{
    return (mutex->__data.__kind & ~(WEFT__MUTEX_TYPE | WEFT__MUTEX_ELISION)) == 0;
}

/* As their namesakes, for a mutex that is ours; `tid` is not 0. */
int weft__mutex_lock(pthread_mutex_t *mutex, uint32_t tid, int64_t deadline);
int weft__mutex_trylock(pthread_mutex_t *mutex, uint32_t tid);
int weft__mutex_unlock(pthread_mutex_t *mutex, uint32_t tid);

/* The same for whoever calls, and any kind: what the interposers do. */
int weft__hook_lock(pthread_mutex_t *mutex);
int weft__hook_unlock(pthread_mutex_t *mutex);

/* Whether it is locked by the caller, as far as its type tells. */
bool weft__mutex_may_unlock(const pthread_mutex_t *mutex, uint32_t tid);

/* For condition variables. Lets go of the mutex, which the caller may unlock, however often
 * it is locked; returns the count to restore. */
int64_t weft__mutex_release(pthread_mutex_t *mutex, uint32_t tid);
void weft__mutex_reacquire(pthread_mutex_t *mutex, uint32_t tid, int64_t count, bool handed,
                           bool more);

struct weft__lot_node;

/* A taken node of a task that wants `mutex` now: into the mutex's list if it is held.
 * False: it is free, the task is to be woken. LOT-4. */
bool weft__mutex_queue(pthread_mutex_t *mutex, struct weft__lot_node *node);

#endif
