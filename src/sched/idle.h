/* idle.h - what a carrier does when its worker has nothing to run. */
#ifndef WEFT_SCHED_IDLE_H
#define WEFT_SCHED_IDLE_H

#include "sched/worker.h"
#include "weft/event.h"

/* Searches, sleeps, and searches again, until there is a task to run. NULL: the
 * runtime closes, or the worker is another carrier's now. Runs on the carrier's own
 * context; the seat is held. */
struct weft_task *weft__find(struct weft__worker *worker);

/* Set whenever a worker without work falls asleep while somebody waits for the end of all
 * tasks (`stopping`). */
extern weft_event weft__fell_asleep;

/* Threads of the library that wait for work, and that no task waits for, become more or
 * fewer: they wake nobody, so the search for deadlocks does not count them. Whoever gives one
 * something to do says so before. */
void weft__threads_rest(int change);

/* Threads of the library that do something for somebody become more or fewer: while there is
 * one, nobody searches for deadlocks. Only saves the search, which would count them. */
void weft__threads_work(int change);

/* A thread that could have woken a task rests now: workers that sleep look for a deadlock
 * again. Any plain thread. */
void weft__look_for_deadlock(void);

/* Called when no task will ever run again; does not return. Set by src/observe. */
extern void (*weft__on_deadlock)(void);

#endif
