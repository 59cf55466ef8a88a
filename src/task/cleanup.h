/* cleanup.h - a handler of weft_exit(). */
#ifndef WEFT_TASK_CLEANUP_H
#define WEFT_TASK_CLEANUP_H

#include "sched/wait.h"
#include "weft/cleanup.h"

struct cleanup {
    void (*fn)(void *arg); /* NULL: it has had its time */
    void *arg;
    struct cleanup *outer;
    struct weft_scope *scope; /* in which it was pushed */
};

#endif
