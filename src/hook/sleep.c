/* Sleeping and giving way. */
#include <errno.h>

#include "hook/deadline.h"
#include "hook/interposed.h"
#include "hook/park.h"
#include "hook/signals.h"
#include "sched/worker.h"
#include "weft/time.h"

/* 0; EINTR: a handler has run (sleeping is never restarted); ECANCELED or ETIMEDOUT: a
 * scope around it has ended. */
static int sleep_until(int64_t when)
{
    struct weft__hook_wait wait;
    uint32_t handled = weft__signals_handled();
    int rc;
    do {
        weft__cancel_point();
        weft__hook_begin(&wait);
        rc = weft_sleep_until(when);
        weft__hook_end(&wait);
    } while (rc == -EINTR && handled == weft__signals_handled());
    if (rc == -EINTR)
        weft__cancel_point();
    return -rc;
}

static int outcome(int rc)
{
    if (rc)
        errno = rc;
    return rc ? -1 : 0;
}

/* May write to what it reads: *ret_left only when it is interrupted. */
static int sleep_for(const struct timespec *time, struct timespec *ret_left)
{
    int64_t end = weft__duration_end(time);
    int rc = sleep_until(end);
    if (rc && ret_left)
        weft__duration_left(end, ret_left);
    return rc;
}

/* If nobody else ran here, who the caller waits for may want this CPU. */
WEFT__INTERPOSE int sched_yield(void)
{
    WEFT__STAYS;
    struct weft_task *self = weft__hook_task();
    if (!self)
        return weft__real_sched_yield();
    struct weft__hook_wait wait;
    struct weft__worker *worker = self->worker;
    uint64_t before = weft__load(&worker->switches, relaxed);
    weft__hook_begin(&wait);
    weft_yield();
    bool alone = self->worker == worker && weft__load(&worker->switches, relaxed) == before;
    weft__hook_end(&wait);
    return alone ? weft__real_sched_yield() : 0;
}
WEFT__INSIDE(sched_yield);

WEFT__INTERPOSE int nanosleep(const struct timespec *time, struct timespec *ret_left)
{
    WEFT__STAYS;
    if (!weft__hook_task())
        return weft__real_nanosleep(time, ret_left);
    if (!weft__duration_valid(time)) {
        errno = EINVAL;
        return -1;
    }
    return outcome(sleep_for(time, ret_left));
}
WEFT__INSIDE(nanosleep);

WEFT__INTERPOSE int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                                    struct timespec *ret_left)
{
    WEFT__STAYS;
    bool ours = clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC;
    if (!weft__hook_task() || !ours || !weft__duration_valid(time))
        return weft__real_clock_nanosleep(clock, flags, time, ret_left);
    int64_t when;
    if (!(flags & TIMER_ABSTIME))
        return sleep_for(time, ret_left);
    weft__deadline(clock, time, &when); /* it is valid */
    return sleep_until(when);
}

WEFT__INTERPOSE int usleep(useconds_t us)
{
    WEFT__STAYS;
    if (!weft__hook_task())
        return weft__real_usleep(us);
    struct timespec time = { us / 1000000, us % 1000000 * 1000 };
    return outcome(sleep_for(&time, NULL));
}

/* What is left is rounded, as libc does it: down. */
WEFT__INTERPOSE unsigned sleep(unsigned seconds)
{
    WEFT__STAYS;
    if (!weft__hook_task())
        return weft__real_sleep(seconds);
    struct timespec time = { seconds, 0 };
    return sleep_for(&time, &time) == 0 ? 0 : (unsigned)time.tv_sec;
}
