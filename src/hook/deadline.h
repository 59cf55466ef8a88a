/* deadline.h - points in time of POSIX's clocks as the library's own. */
#ifndef WEFT_HOOK_DEADLINE_H
#define WEFT_HOOK_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* `until`, of CLOCK_REALTIME or CLOCK_MONOTONIC, in nanoseconds of weft's clock;
 * NULL: never. A wall clock that is set meanwhile moves nothing. Returns 0 or
 * EINVAL: not a time, or another clock. */
int weft__deadline(clockid_t clock, const struct timespec *until, int64_t *ret_deadline);

/* What it would refuse, for calls that look before they know whether they wait: such a
 * clock; and either. */
bool weft__deadline_clock(clockid_t clock);
bool weft__deadline_valid(clockid_t clock, const struct timespec *until);

/* Timeouts. The end of one that begins now; whether it is one; and what is left. */
bool weft__duration_valid(const struct timespec *time);
int64_t weft__duration_end(const struct timespec *time);
void weft__duration_left(int64_t end, struct timespec *ret_time);

/* What is left as poll() has it: in milliseconds, rounded up; -1: for ever. */
int weft__duration_left_ms(int64_t end);

#endif
