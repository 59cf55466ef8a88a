/* sigwait() and its relatives: the thread says what it awaits, and whoever finds such
 * a signal hands it over: the sink, or a sender to this thread. */
#include <errno.h>

#include "hook/deadline.h"
#include "hook/interposed.h"
#include "hook/park.h"
#include "hook/signals.h"
#include "hook/thread.h"
#include "weft/time.h"

/* Under the lock, in a wait. True: there is one already. */
static bool expect(struct weft__thread *self, uint64_t set, struct weft__waiter *waiter,
                   siginfo_t *ret_info, bool *ret_settle)
{
    struct weft__signals *signals = &self->signals;
    if (weft__signals_take(self, set, ret_info))
        return true;
    signals->waiter = waiter;
    signals->awaited = set;
    signals->awaited_info = ret_info;
    *ret_settle = weft__sink_wants(set);                        /* SIG-2 */
    *ret_settle = weft__signals_bring_back(set) || *ret_settle; /* SIG-11 */
    return false;
}

static void expect_no_more(struct weft__thread *self)
{
    weft__lock_acquire(&weft__signals_lock);
    self->signals.awaited = 0;
    weft__lock_release(&weft__signals_lock);
}

/* 0, EAGAIN (the time is up) or EINTR. `now`: without waiting. */
static int await(struct weft__thread *self, uint64_t set, siginfo_t *ret_info, int64_t deadline,
                 bool now)
{
    struct weft__waiter *waiter = weft__waiter_self();
    bool settle;
    self->signals.ticket = weft__wait_begin(waiter, "signal", 0); /* WAIT-6: then the lock */
    weft__lock_acquire(&weft__signals_lock);
    bool there = expect(self, set, waiter, ret_info, &settle);
    weft__lock_release(&weft__signals_lock);
    if (there) {
        weft__wait_drop(waiter, self->signals.ticket);
        return 0;
    }
    if (settle || now)
        weft__sink_settle();
    if (now && weft__wait_abandon(waiter, self->signals.ticket)) {
        expect_no_more(self);
        return EAGAIN;
    }
    enum weft__wait_state reason = weft__wait_park(waiter, deadline);
    if (reason == WEFT__EVENT)
        return 0;
    expect_no_more(self);
    return reason == WEFT__DEADLINE ? EAGAIN : EINTR;
}

/* The same for who is in a call, and cancellation. */
static int await_in_call(struct weft__thread *self, const sigset_t *set, siginfo_t *ret_info,
                         int64_t deadline, bool now)
{
    struct weft__hook_wait wait;
    int rc;
    uint32_t handled = self->signals.handled;
    do {
        weft__cancel_point();
        weft__hook_begin(&wait);
        rc = await(self, weft__mask_of(set), ret_info, deadline, now);
        weft__hook_end(&wait);
    } while (rc == EINTR && handled == self->signals.handled);
    return rc;
}

static int outcome(int rc, const siginfo_t *info)
{
    if (rc == 0)
        return info->si_signo;
    errno = rc;
    return -1;
}

WEFT__INTERPOSE int sigtimedwait(const sigset_t *set, siginfo_t *ret_info,
                                 const struct timespec *time)
{
    struct weft__thread *self = weft__thread_self();
    siginfo_t own;
    sigset_t room;
    if (!self)
        return weft__real_sigtimedwait(weft__signals_for_kernel(set, &room), ret_info, time);
    if (time && !weft__duration_valid(time))
        return outcome(EINVAL, NULL);
    siginfo_t *info = ret_info ? ret_info : &own;
    bool now = time && time->tv_sec == 0 && time->tv_nsec == 0;
    int64_t deadline = time ? weft__duration_end(time) : WEFT_NEVER;
    int rc = await_in_call(self, set, info, deadline, now);
    if (rc == 0 && info->si_code == SI_TKILL)
        info->si_code = SI_USER; /* as libc does it */
    return outcome(rc, info);
}

WEFT__INTERPOSE int sigwaitinfo(const sigset_t *set, siginfo_t *ret_info)
{
    return sigtimedwait(set, ret_info, NULL);
}

WEFT__INTERPOSE int sigwait(const sigset_t *set, int *ret_number)
{
    struct weft__thread *self = weft__thread_self();
    siginfo_t info;
    sigset_t room;
    int rc;
    if (!self)
        return weft__real_sigwait(weft__signals_for_kernel(set, &room), ret_number);
    do {
        rc = await_in_call(self, set, &info, WEFT_NEVER, false);
    } while (rc == EINTR);
    if (rc == 0)
        *ret_number = info.si_signo;
    return rc;
}
