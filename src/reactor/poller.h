/* poller.h - waiting for descriptor events: the interface of every reactor.
 *
 * One poller per worker. A descriptor is registered once, edge-triggered, for
 * both directions, for as long as it is open; events carry the 64-bit key given
 * then. Only the holder of the worker's seat waits; any thread may add, remove
 * and wake. */
#ifndef WEFT_REACTOR_POLLER_H
#define WEFT_REACTOR_POLLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#define WEFT__POLLER_EVENTS 32

/* What an event says; combinations occur. */
#define WEFT__EVENT_READ 0x1u   /* readable, end of stream, or error */
#define WEFT__EVENT_WRITE 0x2u  /* writable, or error */
#define WEFT__EVENT_HANGUP 0x4u /* the end or an error is near: a short read proves nothing */
#define WEFT__EVENT_RING 0x8u   /* the worker's ring has completions; comes alone, without a key */

struct weft__event {
    uint64_t key;
    unsigned what;
};

struct weft__poller {
    int epoll_fd;
    int wake_fd;
    bool coarse; /* the kernel has no epoll_pwait2: timeouts are milliseconds */
    /* Here and not on the stack: small stacks poll too. */
    struct epoll_event raw[WEFT__POLLER_EVENTS];
};

/* Returns 0 or -errno. */
int weft__poller_init(struct weft__poller *poller);
void weft__poller_finish(struct weft__poller *poller);

/* Registers `fd`. Returns 0, -EPERM (a kind of file that is always ready),
 * -EBADF, -ENOMEM, -ENOSPC. -EEXIST: was registered before, counts as success. */
int weft__poller_add(struct weft__poller *poller, int fd, uint64_t key);

/* Registers the ring of the worker whose poller it is. Returns 0 or -errno. */
int weft__poller_add_ring(struct weft__poller *poller, int fd);

/* Removes `fd`; events that were under way may still come. */
void weft__poller_remove(struct weft__poller *poller, int fd);

/* Waits until there are events, a wake, or `timeout` nanoseconds have passed (0:
 * only looks, negative: no limit). Returns how many weft__poller_event() has. */
int weft__poller_wait(struct weft__poller *poller, int64_t timeout);

/* The i-th event of the last wait; a wake says nothing (`what` is 0). */
struct weft__event weft__poller_event(const struct weft__poller *poller, int i);

/* Makes the present or the next wait return. Async-signal-safe. */
void weft__poller_wake(struct weft__poller *poller);

#endif
