/* weft/once.h - doing something once, whoever comes first. For tasks and plain threads
 * in any mix. Nothing to destroy. */
#ifndef WEFT_ONCE_H
#define WEFT_ONCE_H

#include <weft/common.h>
#include <weft/mutex.h>

WEFT__BEGIN

/* Whether it has been done. */
typedef struct weft_once {
    uint64_t weft__private;
    weft_mutex weft__mutex;
} weft_once;

#define WEFT_ONCE_INIT \
    { \
        0, WEFT_MUTEX_INIT_CHECKED \
    }

/* Calls fn(arg) unless a call of a function by way of `once` has succeeded, which is to
 * return 0 or more. Others who come meanwhile wait for its end; if it fails, the next of
 * them tries. What it has done is seen by all whose call returns 0 or more.
 *
 * Suspends (blocks a plain thread) while another one is at it, and where `fn` does; a
 * cancellation point then.
 * Returns what `fn` returned, if this call has called it; 0 if it was done; -ETIMEDOUT or
 * -ECANCELED (the surrounding scope), -EDEADLK (`fn` itself calls), or -ENOMEM (a plain
 * thread's first wait, and memory is out). */
WEFT_API int weft_call_once(weft_once *once, int (*fn)(void *arg), void *arg) WEFT__NONNULL(1, 2);

WEFT__END

#endif
