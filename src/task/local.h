/* local.h - where task-locals are kept. */
#ifndef WEFT_TASK_LOCAL_H
#define WEFT_TASK_LOCAL_H

#include "sched/locals.h"
#include "sched/task.h"

/* A plain thread's. Of the calling thread, and never kept across a suspension. */
struct weft__locals **weft__thread_locals(void);

/* What the children of the caller inherit from; `self` NULL: a plain thread. */
static inline struct weft__locals *weft__locals_of(const struct weft_task *self)
{
    return self ? self->locals : *weft__thread_locals();
}

#endif
