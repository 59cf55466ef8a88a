/* Sending signals. To the process: through the kernel, and back by way of the sink,
 * before the call returns, as POSIX has it for whoever sends to itself. To a virtual
 * thread: without the kernel. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "hook/interposed.h"
#include "hook/signals.h"
#include "hook/thread.h"

static int fail(int error)
{
    errno = error;
    return -1;
}

/* The caller's own share of what was sent to the process. */
static void settle(struct weft__thread *self)
{
    int error = errno;
    self->signals.guard++; /* handlers come after: one that forks leaves the child no sink */
    weft__sink_settle();
    if (--self->signals.guard == 0 && weft__signals_due(self))
        weft__signals_deliver(self, NULL);
    errno = error;
}

WEFT__INTERPOSE int kill(pid_t pid, int number)
{
    struct weft__thread *self = weft__thread_self();
    int rc = weft__real_kill(pid, number);
    if (self && rc == 0 && number != 0 && (pid <= 0 || pid == getpid()))
        settle(self);
    return rc;
}

WEFT__INTERPOSE int killpg(pid_t group, int number)
{
    struct weft__thread *self = weft__thread_self();
    int rc = weft__real_killpg(group, number);
    if (self && rc == 0 && number != 0 && (group == 0 || group == getpgrp()))
        settle(self);
    return rc;
}

WEFT__INTERPOSE int sigqueue(pid_t pid, int number, const union sigval value)
{
    struct weft__thread *self = weft__thread_self();
    int rc = weft__real_sigqueue(pid, number, value);
    if (self && rc == 0 && number != 0 && pid == getpid())
        settle(self);
    return rc;
}

/* To threads. */

static bool is_program_s(int number)
{
    return number > 0 && number < WEFT__NUDGE_RESTART && number != 32 && number != 33;
}

static siginfo_t info_of(int number, int code)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_signo = number;
    info.si_code = code;
    info.si_pid = getpid();
    info.si_uid = getuid();
    return info;
}

/* What the kernel does at once whoever the thread is. */
static bool is_for_the_process(const struct weft__thread *thread, int number)
{
    if (number == SIGKILL || number == SIGSTOP)
        return true;
    bool blocked = weft__load(&thread->signals.mask, relaxed) & WEFT__SIGNAL(number);
    return !blocked && weft__signal_wanted(number) &&
           weft__signal_action(number).sa_handler == SIG_DFL;
}

/* Under the lock: who is in the list has not ended (SIG-5). */
static int send_now(struct weft__thread *thread, const siginfo_t *info, bool *ret_to_process)
{
    int number = info->si_signo;
    *ret_to_process = false;
    if (number == 0 || weft__list_empty(&thread->signals.link))
        return 0;
    if (!is_program_s(number))
        return EINVAL;
    *ret_to_process = is_for_the_process(thread, number);
    return *ret_to_process ? 0 : weft__signals_send(thread, info);
}

/* The thread is `thread`, or the one of number `tid`; ESRCH: there is none such. Those
 * that end may be nobody's a moment later, so what is found is sent under the same lock. */
static int send_to(struct weft__thread *thread, pid_t tid, const siginfo_t *info)
{
    bool to_process = false;
    weft__signals_hold();
    weft__lock_acquire(&weft__signals_lock);
    if (!thread)
        thread = weft__signals_thread((uint32_t)tid);
    int rc = thread ? send_now(thread, info, &to_process) : ESRCH;
    weft__lock_release(&weft__signals_lock);
    if (to_process)
        weft__signal_default(info->si_signo);
    weft__signals_unhold(); /* handles what the caller has sent to itself */
    return rc;
}

WEFT__INTERPOSE int pthread_kill(pthread_t id, int number)
{
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__thread_gone(id) ? ESRCH : weft__real_pthread_kill(id, number);
    siginfo_t info = info_of(number, SI_TKILL);
    return send_to(thread, 0, &info);
}

WEFT__INTERPOSE int pthread_sigqueue(pthread_t id, int number, const union sigval value)
{
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__thread_gone(id) ? ESRCH : weft__real_pthread_sigqueue(id, number, value);
    siginfo_t info = info_of(number, SI_QUEUE);
    info.si_value = value;
    return send_to(thread, 0, &info);
}

WEFT__INTERPOSE int raise(int number)
{
    struct weft__thread *self = weft__thread_self();
    if (!self)
        return weft__real_raise(number);
    siginfo_t info = info_of(number, SI_TKILL);
    int rc = send_to(self, 0, &info);
    return rc ? fail(rc) : 0;
}
WEFT__INSIDE(raise);

/* By number: the thread's, as gettid() gives it, or the kernel's. */
int weft__signals_tgkill(pid_t pid, pid_t tid, int number)
{
    siginfo_t info = info_of(number, SI_TKILL);
    int rc = pid == getpid() && weft__sink_exists() ? send_to(NULL, tid, &info) : ESRCH;
    if (rc == ESRCH)
        return (int)weft__real_syscall(SYS_tgkill, pid, tid, number);
    return rc ? fail(rc) : 0;
}

WEFT__INTERPOSE int tgkill(pid_t pid, pid_t tid, int number)
{
    return weft__signals_tgkill(pid, tid, number);
}

/* Whether it was sent to ourselves only the kernel knows, by way of /proc. */
int weft__signals_pidfd(int fd, int number, void *info, unsigned flags)
{
    struct weft__thread *self = weft__thread_self();
    int rc = (int)weft__real_syscall(SYS_pidfd_send_signal, fd, number, info, flags);
    if (self && rc == 0 && number != 0)
        settle(self);
    return rc;
}

WEFT__INTERPOSE pid_t gettid(void)
{
    struct weft__thread *self = weft__thread_self();
    return self ? (pid_t)self->tid : weft__real_gettid();
}
WEFT__INSIDE(gettid);
