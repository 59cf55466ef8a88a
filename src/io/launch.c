/* The protocol is at the head of launch.h. */
#include "io/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/annotate.h"
#include "os/memory.h"
#include "os/private_fd.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define CLOSE_RANGE_CLOEXEC_ 4u /* the header that has it comes with glibc 2.34 */
#define P_PIDFD_ 3              /* 2.36 */

#define SIGNALS 64
#define STACK_SIZE (64 * 1024) /* and what execvpe() copies */

struct child {
    const struct weft__launch *launch;
    int report;
    volatile bool shares; /* the parent's memory: LAUNCH-3 */
    volatile int error;
};

/* The child's part. */

/* The kernel's own struct: handler, flags, restorer, mask. */
WEFT_UNSEEN static void forget_handlers(void)
{
    unsigned long action[4];
    for (int number = 1; number <= SIGNALS; number++) {
        if (syscall(SYS_rt_sigaction, number, NULL, action, 8) < 0 || action[0] == 0)
            continue;
        for (int i = 0; i < 4; i++)
            action[i] = 0;
        syscall(SYS_rt_sigaction, number, action, NULL, 8);
    }
}

/* First out of the way what another one is to become. */
WEFT_UNSEEN static bool set_stdio(const int wanted[3])
{
    long from[3];
    for (int i = 0; i < 3; i++) {
        from[i] = wanted[i];
        if (from[i] >= 0 && from[i] < 3 && from[i] != i)
            from[i] = syscall(SYS_fcntl, wanted[i], F_DUPFD_CLOEXEC, 3);
        if (from[i] < 0 && wanted[i] >= 0)
            return false;
    }
    for (int i = 0; i < 3; i++) {
        long rc = 0;
        if (wanted[i] == WEFT__AS_OUT)
            rc = syscall(SYS_dup3, 1, i, 0);
        else if (from[i] == i)
            rc = syscall(SYS_fcntl, i, F_SETFD, 0);
        else if (from[i] >= 0)
            rc = syscall(SYS_dup3, from[i], i, 0);
        if (rc < 0)
            return false;
    }
    return true;
}

WEFT_UNSEEN static bool set_others(const struct weft__launch *launch)
{
    if (launch->close_fds && syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC_) < 0)
        return false;
    for (size_t i = 0; i < launch->fd_count; i++) {
        if (syscall(SYS_fcntl, launch->fds[i], F_SETFD, 0) < 0)
            return false;
    }
    return true;
}

WEFT_UNSEEN static bool prepare(const struct weft__launch *launch)
{
    uint64_t none = 0;
    forget_handlers();
    if (launch->session && syscall(SYS_setsid) < 0)
        return false;
    if (launch->group && !launch->session && syscall(SYS_setpgid, 0, 0) < 0)
        return false;
    if (launch->cwd && syscall(SYS_chdir, launch->cwd) < 0)
        return false;
    return set_stdio(launch->stdio) && set_others(launch) &&
           syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none) == 0;
}

/* execvpe() has the search and the scripts without a first line, and needs no memory but
 * the stack. */
WEFT_UNSEEN static int run_child(void *arg)
{
    struct child *child = arg;
    const struct weft__launch *launch = child->launch;
    child->shares = true;
    if (prepare(launch))
        execvpe(launch->file, (char *const *)(uintptr_t)launch->argv,
                (char *const *)(uintptr_t)launch->envp);
    int error = errno;
    child->error = error;
    syscall(SYS_write, child->report, &error, sizeof error);
    syscall(SYS_exit_group, 127);
    return 0;
}

/* The parent's part. */

static bool kernel_waits_by_descriptor(void)
{
    siginfo_t info;
    return syscall(SYS_waitid, P_PIDFD_, INT_MAX, &info, WEXITED | WNOHANG, NULL) == 0 ||
           errno == EBADF;
}

static size_t stack_size_for(const struct weft__launch *launch)
{
    const char *path = getenv("PATH");
    size_t size = STACK_SIZE + strlen(launch->file) + (path ? strlen(path) : 0);
    for (size_t i = 0; launch->argv[i]; i++)
        size += sizeof *launch->argv;
    return weft__memory_pages(size);
}

/* LAUNCH-2. Emulators may not know CLONE_PIDFD. */
static pid_t clone_child(struct child *child, char *stack, size_t size, int *ret_pidfd)
{
    const int flags = (WEFT__CHILDREN_SHARE ? CLONE_VM : 0) | CLONE_VFORK | SIGCHLD;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = clone(run_child, stack + size, flags | CLONE_PIDFD, child, ret_pidfd);
    if (pid < 0 && errno == EINVAL)
        pid = clone(run_child, stack + size, flags, child);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return pid;
}

static void reap(pid_t pid)
{
    siginfo_t info;
    while (syscall(SYS_waitid, P_PID, pid, &info, WEXITED, NULL) < 0 && errno == EINTR)
        ;
}

/* LAUNCH-3. */
static int error_of(const struct child *child, int report)
{
    int error = 0;
    ssize_t n;
    if (child->shares)
        return child->error;
    do {
        n = read(report, &error, sizeof error);
    } while (n < 0 && errno == EINTR);
    return error;
}

/* 0, or an error: then the child is no more. */
static int see_to(pid_t pid, const struct child *child, int report, int *pidfd)
{
    int error = error_of(child, report);
    if (error == 0 && *pidfd < 0) {
        *pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        error = *pidfd < 0 ? errno : 0;
        if (error)
            kill(pid, SIGKILL);
    }
    if (error == 0)
        return 0;
    reap(pid);
    if (*pidfd >= 0)
        close(*pidfd);
    return -error;
}

static pid_t launch_on(char *stack, size_t size, const struct weft__launch *launch, int *ret_pidfd)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0)
        return -errno;
    report[1] = weft__private_fd_take(report[1]); /* not where the child's own will be */
    struct child child = { .launch = launch, .report = report[1] };
    *ret_pidfd = -1;
    pid_t pid = clone_child(&child, stack, size, ret_pidfd);
    int rc = pid < 0 ? -errno : 0;
    weft__private_fd_close(report[1]);
    if (rc == 0)
        rc = see_to(pid, &child, report[0], ret_pidfd);
    close(report[0]);
    return rc ? rc : pid;
}

pid_t weft__launch(const struct weft__launch *launch, int *ret_pidfd)
{
    int kept = errno;
    pid_t pid = -ENOSYS;
    if (kernel_waits_by_descriptor()) {
        size_t size = stack_size_for(launch);
        char *stack = weft__memory_map(size, weft__memory_page(), true);
        pid = stack ? launch_on(stack, size, launch, ret_pidfd) : -ENOMEM;
        if (stack)
            weft__memory_unmap(stack, size);
    }
    errno = kept;
    return pid;
}
