/* scope.h - what scopes mean for whoever waits. */
#ifndef WEFT_TASK_SCOPE_H
#define WEFT_TASK_SCOPE_H

#include <errno.h>

#include "sched/wait.h"
#include "weft/scope.h"

/* The deadline in force, for weft__wait_park(). */
int64_t weft__scope_deadline(const struct weft__waiter *waiter);

/* Every cancellation point begins with this: 0, or -ETIMEDOUT when the deadline
 * in force has passed. */
int weft__checkpoint_slow(struct weft__waiter *waiter);

static inline int weft__checkpoint(struct weft__waiter *waiter)
{
    return weft__likely(waiter->scope == NULL) ? 0 : weft__checkpoint_slow(waiter);
}

/* The error for a wait that ended for `reason`, which is not EVENT; marks the
 * scope whose deadline it was. */
int weft__scope_error(struct weft__waiter *waiter, enum weft__wait_state reason);

#endif
