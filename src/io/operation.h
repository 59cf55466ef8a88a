/* operation.h - a system call that may have to wait. */
#ifndef WEFT_IO_OPERATION_H
#define WEFT_IO_OPERATION_H

#include <sys/socket.h>

#include "io/fd.h"

struct weft__operation {
    /* Makes the call once, without blocking. Returns its result or -errno. */
    ssize_t (*attempt)(int fd, struct weft__operation *operation);
    const char *what;
    enum weft__side side;
    bool no_wait;  /* -EAGAIN is for the caller */
    bool socket;   /* set by weft__operate() */
    bool regular;  /* the same: a file, and attempt() may suspend, and never gives -EAGAIN */
    size_t wanted; /* a TCP read of less has emptied the socket (EDGE-4); 0: says nothing */
    /* the call's arguments, as it wants them */
    void *buf;
    size_t size;
    int flags;
    struct sockaddr *address;
    socklen_t *address_size;
};

/* For a plain thread that waits in poll(2), since no runtime runs: the milliseconds after
 * which it looks at its deadline, and whether a scope that it has entered was cancelled;
 * -1: it has entered none. */
int weft__operation_slice(struct weft__waiter *waiter);

/* A task that never has to wait gives way now and then. May suspend. */
void weft__operation_spend(void);

/* Attempts, waits and attempts again until the call has a result. Suspends; a
 * cancellation point. */
ssize_t weft__operate(int fd, struct weft__operation *operation);

struct pollfd;

/* As weft_poll(), in a shield without a deadline; where it can wait for nothing, for want of memory
 * or epoll watches, the thread is blocked. Suspends. */
void weft__poll_firmly(struct pollfd *fds, unsigned count);

#endif
