/* The program's part of a template: to fork it, and to end it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/annotate.h"
#include "io/fd.h"
#include "process/template.h"
#include "sched/worker.h"
#include "weft/io.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

#define TRIES 50 /* of a millisecond */

#ifdef WEFT__TSAN
#define OWN_THREADS 2 /* the sanitizer's, too */
#else
#define OWN_THREADS 1
#endif

/* libc's, since 2.32: true as long as no thread was ever made. */
extern char __libc_single_threaded __attribute__((weak));

/* A folder has a link for itself, one in its parent, and one for each folder in it. */
static bool counts_one_thread(void)
{
    struct stat tasks;
    return stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink <= 2 + OWN_THREADS;
}

/* TEMPLATE-1. The kernel counts a thread a little longer than its joiner waits for it;
 * under emulators it counts theirs. */
static bool has_one_thread(void)
{
    const struct timespec moment = { 0, 1000000 };
    if (weft__load(&weft__rt.running, relaxed))
        return false;
    if (&__libc_single_threaded && __libc_single_threaded)
        return true;
    for (int left = TRIES; left > 0 && !counts_one_thread(); left--)
        nanosleep(&moment, NULL);
    return counts_one_thread();
}

/* What is in buffers would be written once more by each worker. */
static pid_t fork_template(struct weft__template_room *room, const int ends[2], int program,
                           const struct weft__worker_init *init)
{
    sigset_t all, before;
    sigfillset(&all);
    fflush(NULL);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]); /* it may have a standard descriptor's number */
        weft__template_main(room, ends[1], program, init);
    }
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid < 0 ? -error : pid;
}

static int start(struct weft__template_room *room, const struct weft__worker_init *init,
                 struct weft__template *ret_template)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    int program = (int)syscall(SYS_pidfd_open, getpid(), 0); /* TEMPLATE-2 */
    pid_t pid = fork_template(room, ends, program, init);
    close(ends[1]);
    if (program >= 0)
        close(program);
    if (pid < 0) {
        close(ends[0]);
        return pid;
    }
    weft__fd_renew(ends[0], 0);
    *ret_template = (struct weft__template){ .pid = pid, .control = ends[0] };
    return 0;
}

int weft__template_start(unsigned max, const struct weft__worker_init *init,
                         struct weft__template *ret_template)
{
    int kept = errno, rc = -EBUSY;
    if (has_one_thread()) {
        struct weft__template_room *room = weft__template_room(max);
        rc = room ? start(room, init, ret_template) : -ENOMEM;
        free(room);
    }
    errno = kept;
    return rc;
}

/* Others may have copies of our end: not only closed. */
void weft__template_stop(struct weft__template *template)
{
    int kept = errno;
    shutdown(template->control, SHUT_RDWR);
    weft_close(template->control);
    while (waitpid(template->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    errno = kept;
}

bool weft__template_ended(const struct weft__template *template)
{
    char byte;
    int kept = errno;
    ssize_t n = recv(template->control, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    bool ended = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    errno = kept;
    return ended;
}
