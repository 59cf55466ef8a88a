/* weft/limiter.h - capacity limiters: at most so many at a time, each known by name.
 *
 * A semaphore whose permits are borrowed: each borrower, who is a task, a plain thread or
 * whatever stands for one, has at most one token, and only who has one gives it back. The
 * capacity may be changed while it is in use. For tasks and plain threads in any mix.
 *
 * It limits how many at a time, not how often. For a rate (Go's rate.Limiter) each takes
 * the next moment, under a mutex, and sleeps until then (weft_sleep_until()). */
#ifndef WEFT_LIMITER_H
#define WEFT_LIMITER_H

#include <weft/common.h>

WEFT__BEGIN

/* A limiter. */
typedef struct weft_limiter weft_limiter;

/* Creates a limiter with `capacity` tokens. *ret_limiter is the caller's. Any caller;
 * never suspends.
 * Returns 0 or -ENOMEM. */
WEFT_API int weft_limiter_create(unsigned capacity, weft_limiter **ret_limiter) WEFT__NONNULL(2);

/* Destroys it; nobody is inside a call. NULL is ignored. Any caller; never suspends. */
WEFT_API void weft_limiter_destroy(weft_limiter *limiter);

/* Borrows a token for `borrower`: an address that stands for the one who has it; NULL: the
 * calling task or thread. Those who wait get theirs in the order in which they came.
 *
 * Suspends (blocks a plain thread) until there is one; a cancellation point.
 * Returns 0, -EALREADY (the borrower has one), -ETIMEDOUT or -ECANCELED (the surrounding
 * scope; nothing was borrowed) or -ENOMEM. */
WEFT_API int weft_limiter_borrow(weft_limiter *limiter, const void *borrower) WEFT__NONNULL(1);

/* The same without waiting. Any task or plain thread; never suspends.
 * Returns 0, -EAGAIN (there is no token, or others wait), -EALREADY or -ENOMEM. */
WEFT_API int weft_limiter_try_borrow(weft_limiter *limiter, const void *borrower) WEFT__NONNULL(1);

/* Gives the borrower's token back; NULL: the caller's. Any task or plain thread; never
 * suspends.
 * Returns 0, or -EPERM (the borrower has none). */
WEFT_API int weft_limiter_give_back(weft_limiter *limiter, const void *borrower) WEFT__NONNULL(1);

/* Changes the capacity. More tokens go to those who wait; if there are fewer than are
 * borrowed, none is lent until enough have come back. Any task or plain thread; never
 * suspends. */
WEFT_API void weft_limiter_set_capacity(weft_limiter *limiter, unsigned capacity) WEFT__NONNULL(1);

/* What can be said of a limiter at a moment. */
typedef struct weft_limiter_info {
    unsigned capacity;
    unsigned borrowed;
    unsigned waiters;
} weft_limiter_info;

/* Looks at it. Any task or plain thread; never suspends. */
WEFT_API void weft_limiter_look(weft_limiter *limiter, weft_limiter_info *ret_info)
    WEFT__NONNULL(1, 2);

WEFT__END

#endif
