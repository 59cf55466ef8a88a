/* operation.h - a system call that may have to wait. */
#ifndef WEFT_IO_OPERATION_H
#define WEFT_IO_OPERATION_H

#include <sys/socket.h>

#include "io/fd.h"
#include "os/error.h"

struct weft__operation {
    /* Makes the call once, without blocking. Returns its result or -errno. */
    ssize_t (*attempt)(int fd, struct weft__operation *operation);
    const char *what;
    enum weft__side side;
    bool no_wait;        /* -EAGAIN is for the caller */
    bool aside;          /* asks for something else than what makes the side ready: -EAGAIN says
                    * nothing of that */
    bool untold;         /* set by attempt() with -EAGAIN: no event will tell when to try again */
    bool socket;         /* set by weft__operate() */
    bool regular;        /* the same: a file, and attempt() may suspend, and never gives -EAGAIN */
    bool begun;          /* by weft__operate(): the parts of a call are about one file, */
    uint32_t generation; /* that of the descriptor then (EDGE-5) */
    size_t wanted;       /* a TCP read of less has emptied the socket (EDGE-4); 0: says nothing */
    /* the call's arguments, as it wants them */
    void *buf;
    size_t size;
    int flags;
    struct sockaddr *address;
    socklen_t *address_size;
};

/* How an attempt returns what a system call has. */
static inline ssize_t weft__or_errno(ssize_t result)
{
    return result < 0 ? -weft__error() : result;
}

/* For a plain thread that waits in poll(2), since no runtime runs: the milliseconds after
 * which it looks at its deadline, and whether a scope that it has entered was cancelled;
 * -1: it has entered none. */
int weft__operation_slice(struct weft__waiter *waiter);

/* A task that never has to wait gives way now and then. May suspend. */
void weft__operation_spend(void);

/* Attempts, waits and attempts again until the call has a result; -EBADF when the file that it
 * has begun with was closed, whatever has the number now. Suspends; a cancellation point. */
ssize_t weft__operate(int fd, struct weft__operation *operation);

/* After a part: waits until poll(2) finds the side ready, or a trouble, and returns what it has
 * found, or -errno. Takes nothing, so that an error stays for the next call. Suspends. */
int weft__operation_await(int fd, struct weft__operation *operation);

struct pollfd;

/* As weft_poll(), in a shield without a deadline; where it can wait for nothing, for want of memory
 * or epoll watches, the thread is blocked. Suspends. */
void weft__poll_firmly(struct pollfd *fds, unsigned count);

#endif
