/* thread.h - plain threads that wait. */
#ifndef WEFT_SCHED_THREAD_H
#define WEFT_SCHED_THREAD_H

#include "sched/wait.h"

/* The calling thread's waiter, made on first use and recycled when the thread
 * ends. Its memory is never unmapped (WAIT-3). NULL: memory is out. */
struct weft__waiter *weft__thread_waiter(void);

/* Joining many tasks, see thread.c: before a thread waits for one; after it has waited
 * since the point in time `since`; when it has spawned one. */
void weft__thread_pause(void);
void weft__thread_waited(int64_t since);
void weft__thread_spawned(void);

#endif
