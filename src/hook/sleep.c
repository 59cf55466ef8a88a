/* Sleeping and giving way. */
#include <errno.h>

#include "hook/deadline.h"
#include "hook/interposed.h"
#include "hook/park.h"
#include "hook/real.h"
#include "weft/time.h"

static void sleep_until(int64_t when)
{
    struct weft__hook_wait wait;
    weft__hook_begin(&wait);
    weft_sleep_until(when);
    weft__hook_end(&wait);
}

static bool valid(const struct timespec *time)
{
    return time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < 1000000000;
}

static void sleep_for(const struct timespec *time)
{
    int64_t now = weft_now();
    bool for_ever = time->tv_sec >= (WEFT_NEVER - now) / 1000000000 - 1;
    sleep_until(for_ever ? WEFT_NEVER : now + time->tv_sec * 1000000000 + time->tv_nsec);
}

WEFT__INTERPOSE int sched_yield(void)
{
    if (!weft__hook_task())
        return weft__real_sched_yield();
    struct weft__hook_wait wait;
    weft__hook_begin(&wait);
    weft_yield();
    weft__hook_end(&wait);
    return 0;
}
WEFT__INSIDE(sched_yield);

WEFT__INTERPOSE int nanosleep(const struct timespec *time, struct timespec *ret_left)
{
    if (!weft__hook_task())
        return weft__real_nanosleep(time, ret_left);
    if (!valid(time)) {
        errno = EINVAL;
        return -1;
    }
    sleep_for(time);
    return 0;
}
WEFT__INSIDE(nanosleep);

WEFT__INTERPOSE int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                                    struct timespec *ret_left)
{
    bool ours = clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC;
    if (!weft__hook_task() || !ours || !valid(time))
        return weft__real_clock_nanosleep(clock, flags, time, ret_left);
    if (flags & TIMER_ABSTIME) {
        int64_t when;
        weft__deadline(clock, time, &when); /* valid() has looked */
        sleep_until(when);
    } else {
        sleep_for(time);
    }
    return 0;
}

WEFT__INTERPOSE int usleep(useconds_t us)
{
    if (!weft__hook_task())
        return weft__real_usleep(us);
    sleep_for(&(struct timespec){ us / 1000000, us % 1000000 * 1000 });
    return 0;
}

WEFT__INTERPOSE unsigned sleep(unsigned seconds)
{
    if (!weft__hook_task())
        return weft__real_sleep(seconds);
    sleep_for(&(struct timespec){ seconds, 0 });
    return 0;
}
