/* weft/rwlock.h - read-write locks, for tasks and plain threads in any mix.
 *
 * Many readers or one writer. Who has to wait is served in order, readers that stand
 * next to each other together: neither side starves the other. So a reader must not
 * lock it a second time: a writer may have come in between.
 *
 * Nothing to destroy: the memory may go when nobody is inside a call. */
#ifndef WEFT_RWLOCK_H
#define WEFT_RWLOCK_H

#include <weft/common.h>

WEFT__BEGIN

/* A read-write lock. */
typedef struct weft_rwlock {
    uint64_t weft__private[5];
} weft_rwlock;

#define WEFT_RWLOCK_INIT \
    { \
        { \
            0 \
        } \
    }

/* Readies a lock; what the static initialiser does. Any caller; never suspends. */
WEFT_API void weft_rwlock_init(weft_rwlock *rwlock) WEFT__NONNULL(1);

/* Lock it for reading or for writing.
 *
 * Suspend (block a plain thread) while that is not possible; cancellation points then: a
 * free one is locked in any case.
 * Return 0, -ETIMEDOUT or -ECANCELED (the surrounding scope; not locked), or -ENOMEM (a
 * plain thread's first wait, and memory is out). */
WEFT_API int weft_rwlock_rdlock(weft_rwlock *rwlock) WEFT__NONNULL(1);
WEFT_API int weft_rwlock_wrlock(weft_rwlock *rwlock) WEFT__NONNULL(1);

/* Lock it if that is possible at once and nobody waits. Any task or plain thread; never
 * suspend.
 * Return 0 or -EBUSY. */
WEFT_API int weft_rwlock_tryrdlock(weft_rwlock *rwlock) WEFT__NONNULL(1);
WEFT_API int weft_rwlock_trywrlock(weft_rwlock *rwlock) WEFT__NONNULL(1);

/* Unlocks it, by a reader or the writer. Never suspends.
 * Returns 0, or -EPERM (it is not locked). */
WEFT_API int weft_rwlock_unlock(weft_rwlock *rwlock) WEFT__NONNULL(1);

/* What can be said of a read-write lock at a moment. */
typedef struct weft_rwlock_info {
    unsigned readers; /* that have it */
    bool written;     /* a writer has it */
    unsigned waiters; /* tasks and threads that wait for it */
    uint64_t writer;  /* weft_task_id() of the writer; 0: nobody, a plain thread, or a library
                         built without its checks (NDEBUG) */
} weft_rwlock_info;

/* Looks at it. Any task or plain thread; never suspends. */
WEFT_API void weft_rwlock_look(weft_rwlock *rwlock, weft_rwlock_info *ret_info) WEFT__NONNULL(1, 2);

WEFT__END

#endif
