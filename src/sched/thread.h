/* thread.h - plain threads that spawn and wait. */
#ifndef WEFT_SCHED_THREAD_H
#define WEFT_SCHED_THREAD_H

#include "sched/wait.h"

/* The calling thread's waiter, made on first use and recycled when the thread
 * ends. Its memory is never unmapped (WAIT-3). NULL: memory is out. */
struct weft__waiter *weft__thread_waiter(void);

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
