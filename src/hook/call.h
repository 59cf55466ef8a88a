/* call.h - an interposed call on a descriptor: attempts that do not block, and
 * waits in between.
 *
 *     struct weft__call call = { .attempt = ..., .what = "read", ... };
 *     return weft__call_result(weft__call_run(entry, fd, &call));
 *
 * CALL-1  An attempt never blocks unless `plain` is set. That is set when poll(2)
 *         says ready where the attempt says EAGAIN: no event will come, and the
 *         carrier has to wait in the kernel (unconnected unix datagrams). And for
 *         terminals that are read by VMIN or VTIME, of which poll(2) says nothing.
 * CALL-2  Before a wait the edge was read, then something was tried or looked at,
 *         and found not ready: EDGE-3 does the rest.
 * CALL-3  One deadline holds for all of a call's waits, as SO_RCVTIMEO does; in recvmmsg()
 *         and sendmmsg() for those of one message.
 * CALL-4  Whoever waits while another thread closes the descriptor gets what a
 *         shutdown(2) before would have given: the end, EPIPE, or accept's EINVAL.
 *         Programs that end their threads that way shut down first, since in the
 *         kernel, where the waiting call holds the file, close(2) alone wakes
 *         nobody. What is no socket: EBADF.
 * CALL-5  Where the poller does not take the descriptor (the kernel limits how many epoll
 *         sets lead to a file, and how deep), the carrier waits in poll(2) instead,
 *         and a light task, whose carrier others need, looks again and again: a limit of
 *         the library's own is no result of the program's call.
 * CALL-6  Whose time is over tries or looks once more: the worker may have been busy since what
 *         it waits for came, in time. The kernel does the same. But not if the number has been
 *         closed meanwhile: it may be another file's. */
#ifndef WEFT_HOOK_CALL_H
#define WEFT_HOOK_CALL_H

#include <errno.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "hook/kind.h"
#include "hook/stay.h"
#include "hook/thread.h"
#include "weft/time.h"

struct weft__call {
    /* Returns the system call's result or -errno. */
    ssize_t (*attempt)(int fd, const struct weft__call *call);
    const char *what;
    enum weft__side side;
    uint32_t kind; /* the entry's flags; for attempts */
    size_t wanted; /* a TCP read of less has emptied the socket (EDGE-4); 0: says nothing */
    bool plain;    /* CALL-1 */
    bool choosy;   /* not content with whatever makes the side ready: its EAGAIN says nothing */
    bool no_wait;  /* EAGAIN is for the program */
    bool asked;    /* about mode and deadline, which are valid */
    bool begun;    /* something was moved: a handler ends the call, SA_RESTART or not */
    int closed;    /* CALL-4, for reading */
    int64_t deadline;
    /* the arguments, as the attempt wants them */
    void *buf;
    size_t size;
    int flags;
    struct sockaddr *address;
    socklen_t *address_size;
};

/* Attempts, waits and attempts again. Suspends; a cancellation point. errno stays as it
 * was. Returns the result or -errno; -EAGAIN when the descriptor is not to wait, or no longer. */
ssize_t weft__call_run(struct weft__fd *entry, int fd, struct weft__call *call);

/* Whether the call may wait; asks once. */
bool weft__call_waits(struct weft__fd *entry, int fd, struct weft__call *call);

/* Waits until poll(2) finds one of `events` or a trouble, and returns what it has
 * found, or -errno; -EAGAIN as above. Suspends. */
int weft__call_await(struct weft__fd *entry, int fd, struct weft__call *call, short events);

/* After an interruption whose handlers have run: whether to go on (SA_RESTART). */
bool weft__call_restarts(const struct weft__call *call, uint32_t handled);

/* What poll(2) says now. */
short weft__call_look(int fd, short events);

/* POSIX's way to report. */
static inline ssize_t weft__call_result(ssize_t result)
{
    if (weft__likely(result >= 0))
        return result;
    errno = (int)-result;
    return -1;
}

/* Our way, for attempts. */
static inline ssize_t weft__call_or_errno(ssize_t result)
{
    return result < 0 ? -errno : result;
}

/* The entry for a call that weft handles; NULL: libc's own does. */
static inline struct weft__fd *weft__call_entry(int fd)
{
    struct weft__fd *entry = weft__hook_task() ? weft__kind_get(fd) : NULL;
    if (!entry || weft__load(&entry->flags, relaxed) & WEFT__FD_FILE)
        return NULL;
    return entry;
}

#endif
