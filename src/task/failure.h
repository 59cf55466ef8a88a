/* failure.h - what has failed in a group, and in the groups of those who failed.
 *
 * A group remembers who failed, in order. When it is left they go with its owner, if he
 * is in a group himself and may fail for that reason; they become the inner failures of
 * his own. */
#ifndef WEFT_TASK_FAILURE_H
#define WEFT_TASK_FAILURE_H

#include "sched/task.h"
#include "weft/group.h"

#define WEFT__FAILURES_KEPT 64

struct weft__failure {
    struct weft__failure *next;
    struct weft__failures *inner; /* NULL, or those that its result came from */
    weft_failure what;
};

struct weft__failures {
    struct weft__failure *first, *last;
    size_t count; /* of all; those beyond the limit, or without memory, are not kept */
    size_t kept;
};

/* NULL when memory is out. */
struct weft__failure *weft__failure_make(const struct weft_task *task, int result);
void weft__failure_free(struct weft__failure *failure);

/* NULL when memory is out. */
struct weft__failures *weft__failures_make(void);

/* Counts one, and keeps it, if there is room and both are there: whether it has. */
bool weft__failures_add(struct weft__failures *failures, struct weft__failure *failure);

/* All, with what is inside. NULL is ignored. */
void weft__failures_free(struct weft__failures *failures);

#endif
