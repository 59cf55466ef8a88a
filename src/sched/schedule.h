/* schedule.h - which task runs next.
 *
 * All functions here want the seat of `worker` to be held by the caller. */
#ifndef WEFT_SCHED_SCHEDULE_H
#define WEFT_SCHED_SCHEDULE_H

#include "base/assert.h"
#include "sched/worker.h"

/* The next task to run, started (it has a stack) and off every CPU; it may be
 * the running one. NULL: nothing that can run at this moment; the caller goes to
 * the carrier's idle context. */
struct weft_task *weft__next(struct weft__worker *worker);

/* Makes a task runnable that the caller has the right to wake: at the front of
 * the caller's worker, or from a plain thread on some shelf. Takes the seat. */
void weft__make_ready(struct weft_task *task);

/* The same by a task that has its worker's seat. */
void weft__make_ready_here(struct weft__worker *worker, struct weft_task *task);

/* The same at the end of the queue: woken in bulk. */
void weft__ready_queued(struct weft__worker *worker, struct weft_task *task);

/* From here on for tasks that are runnable and, if they are of a strand, have its baton
 * (STRAND-6). To the end of the queue: */
void weft__requeue(struct weft__worker *worker, struct weft_task *task);

/* Who has just been given a baton: in front, unless somebody is there. */
void weft__ready_next(struct weft__worker *worker, struct weft_task *task);

/* A task that has not run yet. */
void weft__ready_fresh(struct weft__worker *worker, struct weft_task *task);

/* From threads that have no worker: onto a shelf. Wants no seat. */
void weft__ready_outside(struct weft_task *task);

/* Whether something can run on this worker now. */
bool weft__has_work(struct weft__worker *worker);

/* Looks at the clock, timers, descriptors, shelf and inboxes. */
void weft__tick(struct weft__worker *worker);

/* Parks the running task until it is made runnable. The seat, of the worker that
 * resumes it, is held on return. */
void weft__suspend(struct weft_task *self);

/* Lets the others run, if there are any. Takes and leaves the seat. */
void weft__pass(struct weft_task *self);

/* A virtual thread is about to end, and still has its block: its task-locals are
 * destroyed, and handlers that were left behind forgotten. */
void weft__finish(struct weft_task *self);

/* Ends the running task, from anywhere on its stack; destroys its task-locals. */
WEFT_NORETURN void weft__end(struct weft_task *self);

/* Set by src/task: the running task, which is a WEFT__TASK_TELLS, has left its function,
 * or ends without having run, under a seat. And: why a task does not begin, if it does
 * not. */
extern void (*weft__tell_end)(struct weft_task *task);
extern int (*weft__refuse)(struct weft__waiter *waiter);

/* Releases what an ended task held, and tells its joiner (task/join.c). */
void weft__bury(struct weft__worker *worker, struct weft_task *task);

/* The first function of every task, and of those that are virtual threads. */
void weft__task_main(void *task);
void weft__virtual_main(void *task);

#endif
