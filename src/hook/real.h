/* real.h - libc's own functions behind the interposed ones.
 *
 * Filled before any other constructor of the process runs (the object is linked
 * with -z initfirst), so nobody can call an interposer before, and no call pays
 * for dlsym(). */
#ifndef WEFT_HOOK_REAL_H
#define WEFT_HOOK_REAL_H

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <mqueue.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "hook/calls.h"

/* What stands before the definition of an interposer. */
#define WEFT__INTERPOSE __attribute__((visibility("default")))

typedef int weft__main_fn(int argc, char **argv, char **envp);

/* libc has no header for it. */
int __libc_start_main(weft__main_fn *main, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end);
ssize_t __read(int fd, void *buf, size_t size);
ssize_t __read_chk(int fd, void *buf, size_t size, size_t room);
ssize_t __write(int fd, const void *buf, size_t size);
ssize_t __recv_chk(int fd, void *buf, size_t size, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t size, size_t room, int flags,
                       struct sockaddr *address, socklen_t *address_size);
ssize_t __send(int fd, const void *buf, size_t size, int flags);
int __connect(int fd, const struct sockaddr *address, socklen_t size);
int __socket(int domain, int type, int protocol);
int __pipe(int ret_fds[2]);
int __close(int fd);
int __dup2(int fd, int to);
pid_t __vfork(void);
int __fcntl(int fd, int command, ...);
int __poll(struct pollfd *fds, nfds_t count, int timeout);
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                const sigset_t *mask, size_t room);
int __select(int count, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout);

int __nanosleep(const struct timespec *time, struct timespec *ret_left);
int __sched_yield(void);
int __sigaction(int number, const struct sigaction *action, struct sigaction *ret_before);
int __sigsuspend(const sigset_t *set);
int __sigpause(int signal_or_mask, int is_signal);
int __xpg_sigpause(int number);
sighandler_t bsd_signal(int number, sighandler_t handler);
pid_t __wait(int *ret_status);
pid_t __waitpid(pid_t pid, int *ret_status, int options);

/* What <setjmp.h> has for programs with _FORTIFY_SOURCE. */
void __longjmp_chk(struct __jmp_buf_tag env[1], int value) __attribute__((noreturn));

/* <signal.h> makes it X/Open's by a macro. */
#undef sigpause

/* Programs may call what libc would rather they did not. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#define WEFT__DECLARE(name) extern __typeof__(name) *weft__real_##name WEFT_HIDDEN;
WEFT__CALLS(WEFT__DECLARE)
#undef WEFT__DECLARE

#endif
