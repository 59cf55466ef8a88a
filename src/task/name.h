/* name.h - what to call a task in a report. */
#ifndef WEFT_TASK_NAME_H
#define WEFT_TASK_NAME_H

#include "sched/task.h"

/* Writes the name it was given, or else its function's; terminated, cut to
 * `size`, which is not 0. Returns the length. Async-signal-safe. */
size_t weft__task_name(const struct weft_task *task, char *buf, size_t size);

#endif
