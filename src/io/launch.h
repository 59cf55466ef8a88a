/* launch.h - new processes that run a program.
 *
 * The child shares the parent's memory until it executes the program, and the calling
 * thread stands still meanwhile (CLONE_VM, CLONE_VFORK): nothing is copied, however large
 * the process is. For the moment that this takes a carrier is blocked as by any other system
 * call; if the program lies on a slow disk, its worker goes to another one.
 *
 * LAUNCH-1  The child has a stack of its own, and writes to nothing else of the parent's
 *           but errno, which is put back, and what it has to say. All its system calls are
 *           direct: what sanitizers would note of them is not true of the parent.
 * LAUNCH-2  No handler of the parent's runs in it: every signal is blocked before it is
 *           made, and unblocked when none is handled any more.
 * LAUNCH-3  Where the memory turns out not to be shared, as under tools that make a fork of
 *           it, it reports through a pipe, which ends when the program is executed. Only
 *           then is the pipe waited for: a process that others fork at the same time may
 *           keep it open.
 * LAUNCH-4  Its descriptor is made with it. So it is the child's, even if somebody has
 *           waited for it already. */
#ifndef WEFT_IO_LAUNCH_H
#define WEFT_IO_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define WEFT__AS_IT_IS (-1)
#define WEFT__AS_OUT (-2)

struct weft__launch {
    const char *file;
    const char *const *argv, *const *envp;
    const char *cwd; /* or NULL */
    int stdio[3];    /* what becomes 0, 1 and 2; AS_IT_IS, AS_OUT */
    const int *fds;
    size_t fd_count;
    bool group, session, close_fds;
};

/* The child's number, and its descriptor; or an error, of the program's execution, too. */
pid_t weft__launch(const struct weft__launch *launch, int *ret_pidfd);

#endif
