/* weft/semaphore.h - counting semaphores, for tasks and plain threads in any mix.
 *
 * Nothing to destroy: the memory may go when nobody is inside a call. */
#ifndef WEFT_SEMAPHORE_H
#define WEFT_SEMAPHORE_H

#include <weft/common.h>

WEFT__BEGIN

/* A semaphore: a number of permits. */
typedef struct weft_sem {
    uint64_t weft__private[5];
} weft_sem;

/* The largest number of permits. */
#define WEFT_SEM_MAX INT32_MAX

/* With `permits`, 0 to WEFT_SEM_MAX, to begin with. */
#define WEFT_SEM_INIT(permits) \
    { \
        { \
            (uint64_t)(permits) << 1 \
        } \
    }

/* Readies a semaphore; what the static initialiser does. Any caller; never suspends.
 * Returns 0, or -EINVAL (more than WEFT_SEM_MAX). */
WEFT_API int weft_sem_init(weft_sem *sem, unsigned permits) WEFT__NONNULL(1);

/* Takes a permit. Waiters get theirs in the order in which they came.
 *
 * Suspends (blocks a plain thread) until there is one; a cancellation point.
 * Returns 0, -ETIMEDOUT or -ECANCELED (the surrounding scope; no permit was taken), or
 * -ENOMEM (a plain thread's first wait, and memory is out). */
WEFT_API int weft_sem_wait(weft_sem *sem) WEFT__NONNULL(1);

/* Takes a permit if there is one. Any task or plain thread; never suspends.
 * Returns 0 or -EAGAIN. */
WEFT_API int weft_sem_trywait(weft_sem *sem) WEFT__NONNULL(1);

/* Gives a permit, to the waiter that has waited longest if there is one. Any task or
 * plain thread; never suspends.
 * Returns 0, or -EOVERFLOW (there are WEFT_SEM_MAX). */
WEFT_API int weft_sem_post(weft_sem *sem) WEFT__NONNULL(1);

/* The number of permits that nobody has, at a moment. Any caller; never suspends. */
WEFT_API unsigned weft_sem_value(const weft_sem *sem) WEFT__NONNULL(1);

WEFT__END

#endif
