/* root.h - the group of all tasks. */
#ifndef WEFT_TASK_ROOT_H
#define WEFT_TASK_ROOT_H

#include <stdint.h>

/* After weft_cancel_all(), for the monitor: looks for tasks that were missed, and for such
 * as do not end. Returns when to look again, in real time. */
int64_t weft__root_look(void);

/* Set by src/observe: says which tasks there are after the time of grace. */
extern void (*weft__on_overdue)(void);

#endif
