/* scopes.h - what scopes and groups mean for a task, for dumps. */
#ifndef WEFT_OBSERVE_SCOPES_H
#define WEFT_OBSERVE_SCOPES_H

#include "observe/text.h"
#include "sched/task.h"

/* Adds ", in a group of task 7, deadline in 1.250 s, cancelled", as far as it is true. The
 * scopes lie on stacks that may go away meanwhile. Async-signal-safe. */
void weft__line_scopes(struct weft__line *line, struct weft_task *task, int64_t now);

#endif
