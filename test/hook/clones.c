/* Waiting for children whose end makes no SIGCHLD, and for one that a descriptor stands for. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"

static char stack[65536] __attribute__((aligned(16)));

/* A clone's, on whose stack libc's calls may not be at home. */
static int end(void *code)
{
    struct timespec time = { 0, 50000000 };
    syscall(SYS_nanosleep, &time, NULL);
    syscall(SYS_exit_group, *(int *)code);
    return 0;
}

static void reap_clone(const char *what, int flags, int options)
{
    int code = 7, status = 0;
    pid_t pid = clone(end, stack + sizeof stack, flags, &code);
    pid_t reaped = waitpid(pid, &status, options);
    printf("%s: %d, %d\n", what, reaped == pid, WEXITSTATUS(status));
}

static void reap_any_clone(void)
{
    int code = 8;
    siginfo_t info = { 0 };
    pid_t pid = clone(end, stack + sizeof stack, SIGUSR2, &code);
    SAY_ERRNO(waitpid(pid, NULL, 0));
    SAY_ERRNO(waitid(P_ALL, 0, &info, WEXITED | __WCLONE));
    printf("%d, %d\n", info.si_pid == pid, info.si_status);
}

static pid_t fork_later(int code)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        usleep(50000);
        _exit(code);
    }
    return pid;
}

static void reap_ordinary(void)
{
    int status = 0;
    pid_t pid = fork_later(5);
    SAY_NUMBER(waitpid(pid, &status, __WALL) == pid);
    SAY_NUMBER(WEXITSTATUS(status));
}

static void reap_by_pidfd(void)
{
    siginfo_t info = { 0 };
    pid_t pid = fork_later(6);
    int fd = (int)syscall(SYS_pidfd_open, pid, O_NONBLOCK);
    if (fd < 0 || fcntl(fd, F_GETFL) < 0) {
        puts("no pidfds");
        return;
    }
    SAY_ERRNO(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
    fcntl(fd, F_SETFL, 0);
    SAY_ERRNO(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
    printf("%d, %d\n", info.si_pid == pid, info.si_status);
    SAY_ERRNO(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
    close(fd);
    SAY_ERRNO(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
}

int main(void)
{
    signal(SIGUSR2, SIG_IGN);
    alarm(30); /* an end that is missed hangs */
    reap_clone("no signal", 0, __WALL);
    reap_clone("another signal", SIGUSR2, __WCLONE);
    reap_clone("no signal, the same memory", CLONE_VM, __WCLONE);
    reap_any_clone();
    reap_ordinary();
    reap_by_pidfd();
    return 0;
}
