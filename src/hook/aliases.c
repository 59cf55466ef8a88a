/* libc's other names for what is interposed. Programs of today are seldom linked with
 * them, older libraries are. Those of locks (__pthread_mutex_lock and its like) have been kept by
 * libc only for programs linked before 2.34, and are left alone. */
#include <sys/wait.h>

#include "hook/interposed.h"

WEFT__INTERPOSE int __nanosleep(const struct timespec *time, struct timespec *ret_left)
{
    return weft__hook_nanosleep(time, ret_left);
}

WEFT__INTERPOSE int __sched_yield(void)
{
    return weft__hook_sched_yield();
}

WEFT__INTERPOSE int __sigaction(int number, const struct sigaction *action,
                                struct sigaction *ret_before)
{
    return weft__hook_sigaction(number, action, ret_before);
}

WEFT__INTERPOSE int __sigsuspend(const sigset_t *set)
{
    return weft__hook_sigsuspend(set);
}

WEFT__INTERPOSE sighandler_t bsd_signal(int number, sighandler_t handler)
{
    return weft__hook_signal(number, handler);
}

WEFT__INTERPOSE sighandler_t ssignal(int number, sighandler_t handler)
{
    return weft__hook_signal(number, handler);
}

WEFT__INTERPOSE int gsignal(int number)
{
    return weft__hook_raise(number);
}

WEFT__INTERPOSE pid_t __wait(int *ret_status)
{
    return weft__hook_waitpid(-1, ret_status, 0);
}

WEFT__INTERPOSE pid_t __waitpid(pid_t pid, int *ret_status, int options)
{
    return weft__hook_waitpid(pid, ret_status, options);
}
