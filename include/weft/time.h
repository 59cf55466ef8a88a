/* weft/time.h - the clock and sleeping.
 *
 * Times and durations are nanoseconds in an int64_t. A point in time is read
 * from the monotonic clock (CLOCK_MONOTONIC), or from the runtime's virtual
 * clock where that was asked for (weft/runtime.h).
 *
 * Virtual time does not pass for plain threads while they wait: each of their waits takes, in
 * real time, what is left until the deadline on the virtual clock at its beginning. So a wait of
 * theirs may return -ETIMEDOUT, and the next one in the same scope wait anew. Tests with that
 * clock belong into tasks. */
#ifndef WEFT_TIME_H
#define WEFT_TIME_H

#include <weft/common.h>

#define WEFT_NS(n) ((int64_t)(n))
#define WEFT_US(n) (INT64_C(1000) * (int64_t)(n))
#define WEFT_MS(n) (INT64_C(1000000) * (int64_t)(n))
#define WEFT_S(n) (INT64_C(1000000000) * (int64_t)(n))

/* The point in time that never comes. */
#define WEFT_NEVER INT64_MAX

WEFT__BEGIN

/* The present point in time, in nanoseconds. Any caller; never suspends. */
WEFT_API int64_t weft_now(void);

/* The point in time `duration` nanoseconds from now, WEFT_NEVER at the latest. Any
 * caller; never suspends. */
WEFT_API int64_t weft_after(int64_t duration);

/* Sleeps for at least `duration` nanoseconds; zero or less only passes the
 * cancellation point. The clock's grain is 1 us: a sleep may last that much
 * longer, never shorter.
 *
 * Suspends; a cancellation point. A plain thread sleeps in the kernel, in real
 * time even where the runtime's clock is virtual.
 * Returns 0, -ECANCELED or -ETIMEDOUT (weft/scope.h: a surrounding scope was cancelled,
 * or its deadline came first). */
WEFT_API int weft_sleep(int64_t duration);

/* As weft_sleep(), until the clock has reached `when`. */
WEFT_API int weft_sleep_until(int64_t when);

WEFT__END

#endif
