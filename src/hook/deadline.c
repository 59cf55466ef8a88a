#include "hook/deadline.h"

#include <errno.h>

#include "time/clock.h"
#include "weft/time.h"

#define SECOND INT64_C(1000000000)

int weft__deadline(clockid_t clock, const struct timespec *until, int64_t *ret_deadline)
{
    *ret_deadline = WEFT_NEVER;
    if (!until)
        return 0;
    if ((clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) || until->tv_nsec < 0 ||
        until->tv_nsec >= SECOND)
        return EINVAL;
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
