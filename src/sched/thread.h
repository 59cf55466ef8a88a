/* thread.h - plain threads that spawn and wait. */
#ifndef WEFT_SCHED_THREAD_H
#define WEFT_SCHED_THREAD_H

#include "base/compiler.h"
#include "sched/wait.h"

/* What others may know of a plain thread. The pool wants a multiple of 16. */
struct weft__plain_thread {
    WEFT_ALIGNED(16) struct weft__waiter waiter;
    _Atomic(uint32_t) woken;         /* its wait's winner has said so: THREAD-3; it sleeps on it */
    struct weft__plain_thread *next; /* the waker's, from the claim to the wake: sched/wakes.h */
};

static inline struct weft__plain_thread *weft__plain_thread_of(struct weft__waiter *waiter)
{
    return weft__container_of(waiter, struct weft__plain_thread, waiter);
}

static inline bool weft__plain_thread_is_woken(struct weft__plain_thread *thread)
{
    return weft__load(&thread->woken, acquire); /* pairs with weft__wait_wake() */
}

/* The calling thread's waiter, made on first use and recycled when the thread
 * ends. Its memory is never unmapped (WAIT-3). NULL: memory is out. */
struct weft__waiter *weft__thread_waiter(void);

/* The number of the plain thread that calls, from 1: no later one gets it, as it gets the waiter
 * of one that has ended. */
uint64_t weft__thread_number(void);

struct weft__stock;

/* The calling thread's stock, for the runtime that runs now: the caller knows that it
 * does, and will until it is done with the stock. NULL: memory is out. */
struct weft__stock *weft__thread_stock(void);

/* The runtime starts, its pools are there; it stops, they are about to go. */
void weft__threads_open(void);
void weft__threads_close(void);

/* Joining many tasks, see thread.c: before a thread waits for one; after it has waited
 * since the point in time `since`; when it has spawned one. */
void weft__thread_pause(void);
void weft__thread_waited(int64_t since);
void weft__thread_spawned(void);

#endif
