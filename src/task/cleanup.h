/* cleanup.h - a handler of weft_exit(). */
#ifndef WEFT_TASK_CLEANUP_H
#define WEFT_TASK_CLEANUP_H

#include "sched/task.h"
#include "weft/cleanup.h"

struct cleanup {
    void (*fn)(void *arg); /* NULL: it has had its time */
    void *arg;
    struct cleanup *outer;
    struct weft_scope *scope; /* in which it was pushed */
};

/* Whether weft_exit() has left all the scopes of the waiter, which is the caller's. */
static inline bool weft__exits(struct weft__waiter *waiter)
{
    return !weft__is_thread(waiter) && weft__task_of(waiter)->flags & WEFT__TASK_EXITS;
}

#endif
