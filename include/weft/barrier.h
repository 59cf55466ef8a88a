/* weft/barrier.h - barriers, for tasks and plain threads in any mix: a number of them
 * wait for each other, again and again.
 *
 * Nothing to destroy: the memory may go when nobody is inside a call. */
#ifndef WEFT_BARRIER_H
#define WEFT_BARRIER_H

#include <weft/common.h>

WEFT__BEGIN

/* A barrier. */
typedef struct weft_barrier {
    uint64_t weft__private[6];
} weft_barrier;

/* For `parties` of them, at least 1. */
#define WEFT_BARRIER_INIT(parties) \
    { \
        { \
            (uint64_t)(parties) \
        } \
    }

/* Readies a barrier; what the static initialiser does. Any caller; never suspends.
 * Returns 0, or -EINVAL (no party). */
WEFT_API int weft_barrier_init(weft_barrier *barrier, unsigned parties) WEFT__NONNULL(1);

/* Waits until all parties have called it. One whose wait is cut short has not come, and
 * may come again.
 *
 * Suspends (blocks a plain thread) unless it is the last one; a cancellation point.
 * Returns 1 to the last one and 0 to the others, -ETIMEDOUT or -ECANCELED (the
 * surrounding scope), or -ENOMEM (a plain thread's first wait, and memory is out). */
WEFT_API int weft_barrier_wait(weft_barrier *barrier) WEFT__NONNULL(1);

WEFT__END

#endif
