/* stall.h - tasks that do not come back, in words. */
#ifndef WEFT_OBSERVE_STALL_H
#define WEFT_OBSERVE_STALL_H

#include "sched/task.h"
#include "weft/observe.h"

/* Lines on stderr. */
void weft__stall_say(struct weft_task *task, const weft_stall *stall);

#endif
