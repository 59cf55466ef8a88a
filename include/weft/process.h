/* weft/process.h - child processes.
 *
 * A child process is described by a spec, spawned, talked to through descriptors of
 * weft's (weft/io.h), and waited for; all of that under scopes, as everything else:
 *
 *     const char *argv[] = { "sort", "-u", NULL };
 *     weft_process_spec spec = { .argv = argv,
 *                                .in = { .kind = WEFT_STDIO_PIPE },
 *                                .out = { .kind = WEFT_STDIO_PIPE } };
 *     WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_S(5)))
 *         rc = weft_process_run(&spec, text, size, 1 << 20, &result);
 *     fwrite(result.out.data, 1, result.out.size, stdout);
 *     weft_process_result_clear(&result);
 *
 * weft_process_run() does it all; the other functions are its parts.
 *
 * Whose child is it? weft waits for its own children by their descriptors, and for no
 * others; SIGCHLD stays the program's, and is sent for them, too. A process keeps its
 * number, as a zombie when it has ended, until it is destroyed here: so no signal reaches
 * anybody else. A program that waits for any child (wait(), waitpid(-1)), or ignores
 * SIGCHLD, takes the status away: waiting here gives -ECHILD then.
 *
 * Needs Linux 5.4: -ENOSYS else. */
#ifndef WEFT_PROCESS_H
#define WEFT_PROCESS_H

#include <sys/resource.h>
#include <sys/types.h>

#include <weft/common.h>

WEFT__BEGIN

/* A child process. */
typedef struct weft_process weft_process;

/* What a child's standard descriptor is: the parent's; /dev/null; a pipe, whose other end
 * weft_process_fd() gives; a given descriptor; for standard error: what standard output
 * is. A file that weft has used, as the parent's end of such a pipe, is in non-blocking mode
 * (weft/io.h), for a child that is given it, too: between two children put a pipe(2). */
#define WEFT_STDIO_INHERIT 0u
#define WEFT_STDIO_NULL 1u
#define WEFT_STDIO_PIPE 2u
#define WEFT_STDIO_FD 3u
#define WEFT_STDIO_OUT 4u

typedef struct weft_stdio {
    unsigned kind;
    int fd; /* of WEFT_STDIO_FD; stays the caller's */
} weft_stdio;

/* The child leads a process group of its own: signals go to all of it. */
#define WEFT_PROCESS_GROUP 0x1u
/* The same in a session of its own, without a terminal. */
#define WEFT_PROCESS_SESSION 0x2u
/* The child has its standard descriptors and those named in `fds`, and no others. Without
 * this flag it has all that are not close-on-exec, which weft's own are. Needs Linux 5.11:
 * -ENOSYS or -EINVAL else. */
#define WEFT_PROCESS_CLOSE_FDS 0x4u

/* What to run, and how. All zero but `argv` means: the defaults. In the child no signal is
 * ignored, handled or blocked. */
typedef struct weft_process_spec {
    const char *const *argv; /* ends with NULL */
    const char *file;        /* the program; NULL: argv[0]. Without a slash: in the PATH */
    const char *const *envp; /* ends with NULL; NULL: the parent's */
    const char *cwd;         /* NULL: the parent's. What `file` is relative to */
    weft_stdio in, out, err;
    const int *fds; /* further descriptors that the child has, under the same numbers; from 3 */
    size_t fd_count;
    unsigned flags;        /* WEFT_PROCESS_* */
    int64_t grace;         /* ns, for weft_process_run(): from SIGTERM to SIGKILL; 0: a second */
    uintptr_t reserved[4]; /* must be zero */
} weft_process_spec;

/* Runs a program in a new process. Errors of what is done in the child, such as to change
 * to its folder or to execute the program, are reported here, as their system calls give
 * them.
 *
 * *ret_process is the caller's, who destroys or detaches it. Any task or plain thread; never
 * suspends, but blocks the thread until the program has been found and executed.
 * Returns 0, -EINVAL (the spec), -ENOENT (no such program or folder), -EACCES, -ENOEXEC,
 * -EBADF (a descriptor that is not open), -ENOSYS (an old kernel), -EAGAIN, -EMFILE,
 * -ENOMEM, or another error of the system calls. */
WEFT_API int weft_process_spawn(const weft_process_spec *spec, weft_process **ret_process)
    WEFT__NONNULL(1, 2);

/* Releases a process that has ended, and closes its pipes. One that runs still is killed
 * (SIGKILL, to its group if it has its own); to be gentle, weft_process_terminate() comes
 * first. Nobody waits for it or uses its pipes. NULL is ignored.
 *
 * Any task or plain thread; never suspends, but blocks the thread until the kernel has
 * ended what was killed; or until it ends by itself, if it has become somebody's whom the
 * caller may not signal. */
WEFT_API void weft_process_destroy(weft_process *process);

/* Gives a process up instead: its pipes are closed, and it runs on. When it has ended it is
 * reaped by the next weft_process_spawn(), weft_process_destroy() or weft_process_detach().
 * NULL is ignored. Any task or plain thread; never suspends. */
WEFT_API void weft_process_detach(weft_process *process);

/* The process's number. Any caller; never suspends. */
WEFT_API pid_t weft_process_pid(const weft_process *process) WEFT__NONNULL(1);

/* A descriptor that becomes readable when the process has ended and stays so, for
 * weft_poll() and weft_select(). The process's: not to be closed. Any caller; never
 * suspends. */
WEFT_API int weft_process_pidfd(const weft_process *process) WEFT__NONNULL(1);

/* The parent's end of the pipe that is the child's standard descriptor `number`: 0, which
 * is written to, 1 or 2. The process's, until it is closed. Any task or plain thread; never
 * suspends. Returns -EBADF if there is none, or it has been closed. */
WEFT_API int weft_process_fd(const weft_process *process, int number) WEFT__NONNULL(1);

/* Closes it: what the child reads ends, or it has nobody to write to. Who waits at it gets
 * -EBADF. Any task or plain thread, one at a time; never suspends. Returns 0 or -EBADF. */
WEFT_API int weft_process_close(weft_process *process, int number) WEFT__NONNULL(1);

/* How a process has ended. */
typedef struct weft_process_status {
    int code;            /* what it exited with; -1: a signal has ended it */
    int signal;          /* that one; 0: none */
    bool core_dumped;    /* it left a core dump */
    struct rusage usage; /* what it, and children that it has waited for, have used */
} weft_process_status;

/* Waits until the process has ended. Any number of tasks and threads may, and as often as
 * they like. `ret_status` may be NULL.
 *
 * Suspends (blocks a plain thread); a cancellation point.
 * Returns 0, -ECHILD (it has ended, and somebody else has taken its status), -ETIMEDOUT or
 * -ECANCELED (the surrounding scope), or -ENOMEM. */
WEFT_API int weft_process_wait(weft_process *process, weft_process_status *ret_status)
    WEFT__NONNULL(1);

/* Sends it a signal; to its process group if it has its own, whether or not the process
 * itself has ended. Any task or plain thread; never suspends.
 * Returns 0, -ESRCH (it has ended), -EINVAL (no such signal) or -EPERM. */
WEFT_API int weft_process_signal(weft_process *process, int number) WEFT__NONNULL(1);

/* Ends a process: SIGTERM, and SIGKILL if it has not ended after `grace` nanoseconds. If it
 * has a process group of its own, all of that gets the one, and whoever is left of it when
 * the process has ended the other. When the call returns the process has ended, whatever is
 * cancelled: that only cuts the grace short. Whom the caller may not signal, since it has
 * changed its user, ends by itself.
 *
 * Suspends (blocks a plain thread) until it has ended; a cancellation point in that.
 * Returns 0, -ETIMEDOUT or -ECANCELED (the surrounding scope; it was killed at once), or
 * -ENOMEM or -ENOSPC (there was no memory, or no epoll watch, to wait with: likewise). */
WEFT_API int weft_process_terminate(weft_process *process, int64_t grace) WEFT__NONNULL(1);

/* What a process has written: `size` bytes, and a zero byte behind them. NULL: nothing. */
typedef struct weft_process_output {
    char *data;
    size_t size;
    bool truncated; /* there was more than the limit */
} weft_process_output;

/* What has become of a process. */
typedef struct weft_process_result {
    weft_process_status status;
    weft_process_output out, err;
} weft_process_result;

/* Runs a program from its beginning to its end, and everybody else's who has its pipes.
 * If standard input is a pipe, the `input_size` bytes at `input` are written to it and it
 * is closed; it does not matter if the program does not read them. Of standard output and
 * standard error, where they are pipes, up to `limit` bytes each are kept; more is read and
 * dropped, so that the program goes on (`truncated`). All at the same time.
 *
 * When the surrounding scope is cancelled or its time is up, the process is ended as by
 * weft_process_terminate(), with the spec's grace, in a shield. Whatever is returned, it
 * has ended and was reaped, and *ret_result, the caller's, has what was collected by then.
 *
 * Suspends (blocks a plain thread); a cancellation point.
 * Returns 0 when it has ended by itself, whatever its status is; an error of
 * weft_process_spawn(); -EINVAL (input, and standard input is no pipe); -ECHILD, as
 * weft_process_wait(); -ETIMEDOUT or -ECANCELED (the surrounding scope); or -ENOMEM (it was
 * ended). */
WEFT_API int weft_process_run(const weft_process_spec *spec, const void *input, size_t input_size,
                              size_t limit, weft_process_result *ret_result) WEFT__NONNULL(1, 5);

/* Frees what a result has; it is empty then. Any caller; never suspends. */
WEFT_API void weft_process_result_clear(weft_process_result *result) WEFT__NONNULL(1);

WEFT__END

#endif
