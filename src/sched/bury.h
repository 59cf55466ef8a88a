/* bury.h - the end of a task; see bury.c. */
#ifndef WEFT_SCHED_BURY_H
#define WEFT_SCHED_BURY_H

#include "sched/worker.h"

/* Gives an ended task's control block back. `worker` may be NULL: a plain
 * thread calls; else its seat is held. */
void weft__release(struct weft__worker *worker, struct weft_task *task);

/* JOIN-4: an ending task ends the wait of its joiner, and returns whom it has to
 * run or to wake; NULL: nobody waits. */
struct weft__waiter *weft__claim_joiner(struct weft_task *task);

#endif
