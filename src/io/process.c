/* The protocol is at the head of process.h. */
#include "io/process.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/operation.h"
#include "os/error.h"
#include "weft/io.h"
#include "weft/scope.h"

#define P_PIDFD_ 3 /* glibc 2.36 */

int weft__process_look(int pidfd, weft_process_status *ret_status)
{
    int kept = errno, rc = 0;
    siginfo_t info = { .si_pid = 0 };
    struct rusage usage = { .ru_maxrss = 0 };
    if (syscall(SYS_waitid, P_PIDFD_, pidfd, &info, WEXITED | WNOHANG | WNOWAIT, &usage) < 0)
        rc = -errno;
    else if (info.si_pid == 0)
        rc = -EAGAIN;
    errno = kept;
    if (rc)
        return rc;
    bool exited = info.si_code == CLD_EXITED;
    *ret_status = (weft_process_status){ .code = exited ? info.si_status : -1,
                                         .signal = exited ? 0 : info.si_status,
                                         .core_dumped = info.si_code == CLD_DUMPED,
                                         .usage = usage };
    return 0;
}

static bool runs(const weft_process *process)
{
    weft_process_status status;
    return weft__process_look(process->pidfd, &status) == -EAGAIN;
}

/* The handle goes: PROC-2. */

static void release(weft_process *process)
{
    for (int i = 0; i < 3; i++)
        weft_process_close(process, i);
    weft_close(process->pidfd);
    free(process);
}

/* False: it runs still. */
static bool reap(const weft_process *process)
{
    int kept = errno;
    siginfo_t info = { .si_pid = 0 };
    long rc = syscall(SYS_waitid, P_PIDFD_, process->pidfd, &info, WEXITED | WNOHANG, NULL);
    errno = kept;
    return rc < 0 || info.si_pid != 0;
}

/* Those that were given up. */
static struct weft__list orphans = WEFT__LIST_INIT(orphans);
static struct weft__lock orphans_lock;

/* They are not a forked child's. */
static void forget(void)
{
    orphans_lock = (struct weft__lock){ 0 };
    weft__list_init(&orphans);
}

__attribute__((constructor)) static void set_up_fork(void)
{
    pthread_atfork(NULL, NULL, forget);
}

static weft_process *take_ended_orphan(void)
{
    weft_process *found = NULL;
    weft__lock_acquire(&orphans_lock);
    for (struct weft__list *at = orphans.next; at != &orphans && !found; at = at->next) {
        weft_process *orphan = weft__container_of(at, weft_process, link);
        if (reap(orphan))
            found = orphan;
    }
    if (found)
        weft__list_remove(&found->link);
    weft__lock_release(&orphans_lock);
    return found;
}

void weft__process_reap(void)
{
    weft_process *orphan;
    while ((orphan = take_ended_orphan()))
        release(orphan);
}

void weft_process_detach(weft_process *process)
{
    if (process) {
        for (int i = 0; i < 3; i++)
            weft_process_close(process, i);
        weft__lock_acquire(&orphans_lock);
        weft__list_append(&orphans, &process->link);
        weft__lock_release(&orphans_lock);
    }
    weft__process_reap();
}

void weft_process_destroy(weft_process *process)
{
    if (process) {
        struct pollfd pfd = { .fd = process->pidfd, .events = POLLIN };
        int kept = errno;
        if (runs(process))
            weft_process_signal(process, SIGKILL);
        while (!reap(process))
            poll(&pfd, 1, -1);
        errno = kept;
        release(process);
    }
    weft__process_reap();
}

/* What is asked of it. */

pid_t weft_process_pid(const weft_process *process)
{
    return process->pid;
}

int weft_process_pidfd(const weft_process *process)
{
    return process->pidfd;
}

int weft_process_fd(const weft_process *process, int number)
{
    return number < 0 || number > 2 || process->fds[number] < 0 ? -EBADF : process->fds[number];
}

int weft_process_close(weft_process *process, int number)
{
    int fd = weft_process_fd(process, number);
    if (fd < 0)
        return fd;
    process->fds[number] = -1;
    return weft_close(fd);
}

int weft_process_signal(weft_process *process, int number)
{
    weft_process_status status;
    int kept = weft__error(), state = weft__process_look(process->pidfd, &status);
    if (state == -ECHILD || (state == 0 && !process->group))
        return -ESRCH;
    /* PROC-2: nobody else has the number. */
    int rc = kill(process->group ? -process->pid : process->pid, number);
    if (rc < 0)
        rc = -weft__error();
    weft__error_set(kept);
    return rc;
}

/* Waiting. */

static ssize_t try_wait(int pidfd, struct weft__operation *op)
{
    return weft__process_look(pidfd, op->buf);
}

int weft_process_wait(weft_process *process, weft_process_status *ret_status)
{
    weft_process_status status;
    struct weft__operation op = { .attempt = try_wait,
                                  .what = "process",
                                  .side = WEFT__READ,
                                  .buf = ret_status ? ret_status : &status };
    return (int)weft__operate(process->pidfd, &op);
}

void weft__process_await(weft_process *process, weft_process_status *ret_status)
{
    weft_scope shield;
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    int rc = weft_process_wait(process, ret_status);
    while (rc != 0 && rc != -ECHILD) { /* it cannot be waited for so */
        struct pollfd ended = { .fd = process->pidfd, .events = POLLIN };
        weft__poll_firmly(&ended, 1);
        rc = weft_process_wait(process, ret_status);
    }
    weft_scope_leave(&shield);
}

static int wait_for_grace(weft_process *process, int64_t grace)
{
    weft_scope scope;
    weft_process_signal(process, SIGTERM);
    weft_scope_enter(&scope, weft_after(grace));
    int rc = weft_process_wait(process, NULL);
    bool over = weft_scope_leave(&scope);
    return rc == -ECHILD || (rc == -ETIMEDOUT && over) ? 0 : rc;
}

int weft_process_terminate(weft_process *process, int64_t grace)
{
    int rc = weft_checkpoint();
    if (rc == 0)
        rc = wait_for_grace(process, grace);
    weft_process_signal(process, SIGKILL);
    weft__process_await(process, NULL);
    return rc;
}
