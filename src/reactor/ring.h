/* ring.h - calls that the kernel makes while their tasks wait: a ring per worker.
 *
 * The ring of a worker is made when the first call comes. Whoever calls hands an entry to
 * the kernel and waits; the kernel says what came of it in a completion, and the worker's
 * poller is told by an edge, as of a descriptor.
 *
 * RING-1  A ring is made once, under `lock`, and then OPEN, or REFUSED: the kernel has none
 *         for us, and other ways have to do until the runtime starts again.
 * RING-2  It is no part of what the seat protects. An entry is filled, and handed to the
 *         kernel, under `lock` in one go: none is ever left behind when a task goes elsewhere or
 *         a worker to another carrier, and a task that has lost its worker since it looked
 *         which ring is its own submits to that one all the same.
 * RING-3  The kernel may do a part of the call under `lock`: so nobody waits for that to
 *         submit a call; who finds it taken has to go another way. Only who cancels waits.
 * RING-4  Never are more entries under way than there is room for completions, so the kernel
 *         never has to keep one back, which we would not notice. Calls are admitted while half
 *         of the room is free; so who cancels finds some.
 * RING-5  A completion is reaped once, under `reaping`, and told without a lock. The telling
 *         is the last access to it from here, so its memory may go after; not before, so
 *         whoever waits does so until then, whatever happens to him.
 * RING-6  No completion is lost. Each makes an edge after it can be seen; who polls for the
 *         worker reaps until nothing is left, and so does who has submitted, since much is
 *         done at once. Of two that reap at a time the second finds what the first did not.
 * RING-7  What the kernel passes on orders nothing for the C language. So the submitter ends
 *         with a release of the completion's `sent`, and who has reaped it begins with an
 *         acquire.
 * RING-8  The runtime stops when no task is left, so no call is under way. A forked child
 *         touches nothing but the descriptor, which it closes: the memory is not there.
 *
 * Some calls are completed on the OS thread that has submitted them: the kernel interrupts what
 * it does for that, a computation as well as a call, which then goes on (a few fail with EINTR
 * instead, those that signal(7) says to do so without any handler; epoll_wait(2) is one). A
 * thread that cannot be interrupted, since it waits for a disk itself, holds them up so long. */
#ifndef WEFT_REACTOR_RING_H
#define WEFT_REACTOR_RING_H

#include "os/lock.h"
#include "os/uring.h"

struct weft__poller;

/* For one call. */
struct weft__completion {
    /* Tells what the call returns, or -errno. Called under the seat of a worker's, or by who
     * submits; does not suspend. */
    void (*tell)(struct weft__completion *completion, int32_t result);
    _Atomic(bool) sent;
};

struct weft__ring {
    struct weft__lock lock, reaping;
    _Atomic(uint32_t) state; /* changed under `lock` */
    _Atomic(uint32_t) under_way;
    struct weft__poller *poller;
    struct weft__uring uring;          /* if it is open; as the next */
    weft__uring_operations operations; /* what its kernel can do */
};

void weft__ring_init(struct weft__ring *ring, struct weft__poller *poller);
void weft__ring_finish(struct weft__ring *ring);

/* In a forked child. */
void weft__ring_abandon(struct weft__ring *ring);

/* What it can do; makes it if need be. 0: there is none, or somebody makes it at this moment. */
weft__uring_operations weft__ring_operations(struct weft__ring *ring);

/* Whether it has been made. */
bool weft__ring_is_open(struct weft__ring *ring);

/* Hands `entry` to the kernel; its user_data is set here. False: it was not possible now, and
 * the completion is not told. It may have been told on return. */
bool weft__ring_submit(struct weft__ring *ring, struct io_uring_sqe *entry,
                       struct weft__completion *completion);

/* Asks the kernel to take back a call that was submitted to this ring, and that its caller
 * waits for. The call's own completion says whether it did; the kernel may miss a call that is
 * about to go on, so who wants to be sure asks again. */
void weft__ring_cancel(struct weft__ring *ring, struct weft__completion *completion);

/* Tells all completions that are there. Any thread. */
void weft__ring_reap(struct weft__ring *ring);

#endif
