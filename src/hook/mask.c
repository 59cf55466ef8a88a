/* The signal masks of virtual threads, what is pending, and waiting for any. */
#include <errno.h>
#include <stddef.h>

#include "hook/fork.h"
#include "hook/interposed.h"
#include "hook/park.h"
#include "hook/signals.h"
#include "hook/thread.h"
#include "weft/time.h"

static uint64_t mask_now(const struct weft__thread *self)
{
    return weft__load(&self->signals.mask, relaxed);
}

/* A child that was forked in a handler: its masks are the kernel's (SIG-6). */
static void set_plain_mask(struct weft__thread *self, uint64_t mask)
{
    sigset_t set;
    weft__store(&self->signals.mask, mask, relaxed);
    weft__mask_to(mask, &set);
    weft__real_pthread_sigmask(SIG_SETMASK, &set, NULL);
}

void weft__signals_set_mask(struct weft__thread *self, uint64_t mask)
{
    if (weft__unlikely(weft__hook_forked)) {
        set_plain_mask(self, mask);
        return;
    }
    weft__lock_acquire(&weft__signals_lock);
    uint64_t blocked = mask & ~mask_now(self);
    weft__store(&self->signals.mask, mask, relaxed);
    bool settle = weft__sink_wants(~mask);              /* SIG-2 */
    settle = weft__signals_bring_back(~mask) || settle; /* SIG-11 */
    if (weft__unlikely(blocked & weft__load(&self->signals.pending, relaxed)) &&
        weft__signals_pass_on(self, blocked))
        weft__sink_retry();
    weft__lock_release(&weft__signals_lock);
    self->signals.guard++; /* what is due is for the caller to handle, or not */
    if (settle)
        weft__sink_settle();
    if (weft__unlikely((blocked & weft__timer_signals()) != 0))
        weft__signals_leave(blocked & weft__timer_signals());
    self->signals.guard--;
}

/* With what that makes due. */
static void change(struct weft__thread *self, uint64_t mask)
{
    weft__signals_set_mask(self, mask & ~WEFT__UNMASKABLE);
    if (weft__signals_due(self))
        weft__signals_deliver(self, NULL);
}

WEFT__INTERPOSE int pthread_sigmask(int how, const sigset_t *set, sigset_t *ret_before)
{
    struct weft__thread *self = weft__thread_self();
    sigset_t room;
    if (!self)
        return weft__real_pthread_sigmask(how, weft__signals_for_kernel(set, &room), ret_before);
    uint64_t before = mask_now(self), other = set ? weft__mask_of(set) : 0;
    if (set && how != SIG_BLOCK && how != SIG_UNBLOCK && how != SIG_SETMASK)
        return EINVAL;
    if (ret_before)
        weft__mask_to(before, ret_before);
    if (set)
        change(self, how == SIG_BLOCK     ? before | other
                     : how == SIG_UNBLOCK ? before & ~other
                                          : other);
    return 0;
}
WEFT__INSIDE(pthread_sigmask);

WEFT__INTERPOSE int sigprocmask(int how, const sigset_t *set, sigset_t *ret_before)
{
    int rc = pthread_sigmask(how, set, ret_before);
    if (rc)
        errno = rc;
    return rc ? -1 : 0;
}

WEFT__INTERPOSE int sigpending(sigset_t *ret_set)
{
    struct weft__thread *self = weft__thread_self();
    if (!self)
        return weft__real_sigpending(ret_set);
    weft__sink_settle(); /* SIG-2 */
    int rc = weft__real_sigpending(ret_set);
    if (rc == 0) {
        uint64_t own = weft__load(&self->signals.pending, relaxed) |
                       (weft__load(&self->signals.carried, relaxed) & ~WEFT__CANCEL);
        weft__mask_to((weft__mask_of(ret_set) | own) & mask_now(self), ret_set);
    }
    return rc;
}

/* Until a handler has run. */
static int await_handler(struct weft__thread *self, uint32_t handled)
{
    struct weft__waiter *waiter = weft__waiter_self();
    while (self->signals.handled == handled) {
        struct weft__hook_wait wait;
        weft__hook_begin(&wait);
        weft__wait_begin(waiter, "signal", 0);
        weft__wait_park(waiter, WEFT_NEVER);
        weft__hook_end(&wait);
        weft__cancel_point();
    }
    errno = EINTR;
    return -1;
}

WEFT__INTERPOSE int pause(void)
{
    struct weft__thread *self = weft__thread_self();
    if (!self)
        return weft__real_pause();
    weft__cancel_point();
    return await_handler(self, self->signals.handled);
}

/* A mask for one call. Handlers find in their context what it will be after, and may change
 * that. */
static void suspend_mask(struct weft__thread *self, uint64_t mask)
{
    self->signals.before = mask_now(self);
    self->signals.suspended = true;
    weft__signals_set_mask(self, mask); /* who waits will see what is due */
}

static void resume_mask(struct weft__thread *self)
{
    self->signals.suspended = false;
    change(self, self->signals.before);
}

WEFT__INTERPOSE int sigsuspend(const sigset_t *set)
{
    struct weft__thread *self = weft__thread_self();
    sigset_t room;
    if (!self)
        return weft__real_sigsuspend(weft__signals_for_kernel(set, &room));
    weft__cancel_point();
    uint32_t handled = self->signals.handled;
    suspend_mask(self, weft__mask_of(set));
    int rc = await_handler(self, handled);
    resume_mask(self);
    return rc;
}
WEFT__INSIDE(sigsuspend);

void weft__signals_mask_begin(const sigset_t *mask)
{
    struct weft__thread *self = weft__thread_self();
    if (!self)
        return;
    if (self->signals.guard++ == 0)
        self->signals.interrupted = false;
    if (mask)
        suspend_mask(self, weft__mask_of(mask));
}

void weft__signals_mask_end(const sigset_t *mask, bool interrupted)
{
    struct weft__thread *self = weft__thread_self();
    int error = errno;
    if (!self)
        return;
    bool outermost = --self->signals.guard == 0;
    if (interrupted && outermost && weft__signals_due(self))
        weft__signals_deliver(self, NULL);
    if (mask)
        resume_mask(self);
    else if (outermost && weft__signals_due(self))
        weft__signals_deliver(self, NULL);
    if (interrupted && outermost)
        weft__cancel_point();
    errno = error;
}

void weft__signals_lend(struct weft__lent *ret_carrier)
{
    struct weft__thread *self = weft__thread_self();
    sigset_t mask;
    if (!self)
        return;
    self->signals.guard++; /* stays on this carrier, runs no handlers */
    weft__mask_to(mask_now(self), &mask);
    weft__real_pthread_sigmask(SIG_SETMASK, &mask, &ret_carrier->mask);
    weft__rank_lend(self, &ret_carrier->rank);
}

void weft__signals_return(const struct weft__lent *carrier)
{
    struct weft__thread *self = weft__thread_self();
    int error = errno;
    if (!self)
        return;
    weft__rank_return(self, &carrier->rank);
    weft__real_pthread_sigmask(SIG_SETMASK, &carrier->mask, NULL);
    weft__children_changed(); /* the kernel may have let the carrier take a SIGCHLD: CHILD-1 */
    if (--self->signals.guard == 0 && weft__signals_due(self))
        weft__signals_deliver(self, NULL);
    errno = error;
}
