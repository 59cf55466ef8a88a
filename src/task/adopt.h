/* adopt.h - a task made of something that runs already. */
#ifndef WEFT_TASK_ADOPT_H
#define WEFT_TASK_ADOPT_H

#include "sched/task.h"

/* A control block for the code that calls, which is no task, on a stack that is not
 * the library's. The caller saves its context and publishes it. It counts as
 * spawned. NULL: memory is out. */
struct weft_task *weft__adopt(const char *name);

#endif
