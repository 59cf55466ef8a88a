/* start.h - giving a task its stack, and a virtual thread its thread-local block. */
#ifndef WEFT_SCHED_START_H
#define WEFT_SCHED_START_H

#include "sched/worker.h"

/* Gives a fresh task a stack: the one that the running task leaves behind when
 * it is ending and the size fits, else one from the cache. False: memory is
 * out, and the task has ended (NO_STACK). The seat is held. */
bool weft__start(struct weft__worker *worker, struct weft_task *task);

#endif
