/* ending.h - being told of a task's end.
 *
 * END-1  begin() is called when nothing can go wrong with the spawning any more, before
 *        anybody knows of the task. Then end() is called exactly once: when it has left its
 *        function, and its task-locals are destroyed; or when it ends without having run,
 *        because it was cancelled before or there was no stack for it.
 * END-2  The task is there until end() returns, and so is its group, of which it is a member
 *        still: what is in force for it can be asked (GROUP-3).
 * END-3  Neither may suspend. They may be called under a seat, end() on a carrier's own stack.
 *        What it leaves as the task's result is what the group sees. */
#ifndef WEFT_TASK_ENDING_H
#define WEFT_TASK_ENDING_H

#include "sched/task.h"

/* Part of the argument of a WEFT__TASK_WATCHED task; asked for in its spawning. */
struct weft__ending {
    void (*begin)(struct weft__ending *ending, struct weft_task *task);
    void (*end)(struct weft__ending *ending, struct weft_task *task);
};

/* For end(): whether the task has failed; what is only carrying out a cancellation is none. */
bool weft__has_failed(struct weft_task *task);

#endif
