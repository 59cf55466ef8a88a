#include "hook/deadline.h"

#include <errno.h>
#include <limits.h>

#include "time/clock.h"
#include "weft/time.h"

#define SECOND INT64_C(1000000000)

bool weft__deadline_clock(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC;
}

bool weft__deadline_valid(clockid_t clock, const struct timespec *until)
{
    return !until ||
           (weft__deadline_clock(clock) && until->tv_nsec >= 0 && until->tv_nsec < SECOND);
}

int weft__deadline(clockid_t clock, const struct timespec *until, int64_t *ret_deadline)
{
    *ret_deadline = WEFT_NEVER;
    if (!weft__deadline_valid(clock, until))
        return EINVAL;
    if (!until)
        return 0;
    struct timespec now;
    clock_gettime(clock, &now);
    int64_t seconds = (int64_t)until->tv_sec - now.tv_sec;
    int64_t at = weft__clock_now();
    if (until->tv_sec < 0 || seconds < 0)
        *ret_deadline = at - 1;
    else if (seconds < (WEFT_NEVER - at) / SECOND - 2)
        *ret_deadline = at + seconds * SECOND + until->tv_nsec - now.tv_nsec;
    return 0;
}

bool weft__duration_valid(const struct timespec *time)
{
    return time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < SECOND;
}

int64_t weft__duration_end(const struct timespec *time)
{
    int64_t now = weft__clock_now();
    bool for_ever = time->tv_sec >= (WEFT_NEVER - now) / SECOND - 1;
    return for_ever ? WEFT_NEVER : now + time->tv_sec * SECOND + time->tv_nsec;
}

void weft__duration_left(int64_t end, struct timespec *ret_time)
{
    int64_t left = end - weft__clock_now();
    if (end == WEFT_NEVER)
        return; /* as good as what it was */
    left = left > 0 ? left : 0;
    *ret_time = (struct timespec){ left / SECOND, left % SECOND };
}

int weft__duration_left_ms(int64_t end)
{
    int64_t left = end - weft__clock_now();
    if (end == WEFT_NEVER)
        return -1;
    left = left > 0 ? (left + WEFT_MS(1) - 1) / WEFT_MS(1) : 0;
    return left < INT_MAX ? (int)left : INT_MAX;
}
