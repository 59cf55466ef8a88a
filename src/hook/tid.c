#include "hook/tid.h"

#include <errno.h>
#include <sys/syscall.h>

#include "hook/interposed.h"
#include "hook/rank.h"
#include "hook/signals.h"

#define IOPRIO_PROCESS 1 /* <linux/ioprio.h>'s, by whom a single thread is meant as well */

/* What the kernel is told. */
static pid_t in_kernel(pid_t tid)
{
    return tid != 0 && tid != getpid() && weft__rank_has(tid) ? 0 : tid;
}

/* The rest may be another process's. */
static long kill_thread(pid_t tid, int number)
{
    int rc = weft__signals_tgkill(getpid(), tid, number);
    return rc < 0 && errno == ESRCH ? weft__real_syscall(SYS_tkill, tid, number) : rc;
}

/* libc's returns 0, the kernel how much it has written. */
static long get_affinity(pid_t tid, size_t size, cpu_set_t *ret_cpus)
{
    if (!weft__rank_has(tid))
        return weft__real_syscall(SYS_sched_getaffinity, tid, size, ret_cpus);
    long rc = weft__real_syscall(SYS_sched_getaffinity, 0, size, ret_cpus);
    return rc < 0 || weft__hook_sched_getaffinity(tid, (size_t)rc, ret_cpus) == 0 ? rc : -1;
}

static long pass_on(long number, const long at[6])
{
    return weft__real_syscall(number, at[0], at[1], at[2], at[3], at[4], at[5]);
}

static long pass_on_first(long number, const long at[6])
{
    return weft__real_syscall(number, in_kernel((pid_t)at[0]), at[1], at[2], at[3], at[4], at[5]);
}

static long pass_on_second(long number, const long at[6])
{
    return weft__real_syscall(number, at[0], in_kernel((pid_t)at[1]), at[2], at[3], at[4], at[5]);
}

long weft__tid_syscall(long number, const long at[6])
{
    pid_t tid = (pid_t)at[0];
    switch (number) {
    case SYS_tkill:
        return kill_thread(tid, (int)at[1]);
    case SYS_sched_setaffinity:
        return weft__hook_sched_setaffinity(tid, (size_t)at[1], (void *)at[2]);
    case SYS_sched_getaffinity:
        return get_affinity(tid, (size_t)at[1], (void *)at[2]);
    case SYS_sched_setscheduler:
        return weft__hook_sched_setscheduler(tid, (int)at[1], (void *)at[2]);
    case SYS_sched_getscheduler:
        return weft__hook_sched_getscheduler(tid);
    case SYS_sched_setparam:
        return weft__hook_sched_setparam(tid, (void *)at[1]);
    case SYS_sched_getparam:
        return weft__hook_sched_getparam(tid, (void *)at[1]);
    case SYS_sched_setattr:
        return weft__rank_set_attr(tid, (void *)at[1], (unsigned)at[2]);
    case SYS_sched_getattr:
        return weft__rank_get_attr(tid, (void *)at[1], (unsigned)at[2], (unsigned)at[3]);
    case SYS_sched_rr_get_interval:
    case SYS_prlimit64:
        return pass_on_first(number, at);
    case SYS_setpriority:
    case SYS_getpriority:
        return at[0] == PRIO_PROCESS ? pass_on_second(number, at) : pass_on(number, at);
    case SYS_ioprio_set:
    case SYS_ioprio_get:
        return at[0] == IOPRIO_PROCESS ? pass_on_second(number, at) : pass_on(number, at);
    default:
        return pass_on(number, at);
    }
}

/* And libc's. */

WEFT__INTERPOSE int sched_rr_get_interval(pid_t tid, struct timespec *ret_interval)
{
    return weft__real_sched_rr_get_interval(in_kernel(tid), ret_interval);
}

WEFT__INTERPOSE int setpriority(__priority_which_t which, id_t who, int niceness)
{
    if (which == PRIO_PROCESS)
        who = (id_t)in_kernel((pid_t)who);
    return weft__real_setpriority(which, who, niceness);
}

WEFT__INTERPOSE int getpriority(__priority_which_t which, id_t who)
{
    if (which == PRIO_PROCESS)
        who = (id_t)in_kernel((pid_t)who);
    return weft__real_getpriority(which, who);
}
