/* place.h - places in a group that has a limit, and handing them on (GROUP-4). Who is
 * to be woken, is so without the group's lock: CANCEL-9. */
#ifndef WEFT_TASK_PLACE_H
#define WEFT_TASK_PLACE_H

#include "sched/wakes.h"
#include "task/group.h"

/* Takes a place; waits for one where there is a limit. A cancellation point of the
 * waiter and of the group. Returns 0, -ECANCELED, -ETIMEDOUT or -EINVAL (it is not
 * open). */
int weft__place_take(struct weft__group *group, struct weft__waiter *waiter);

/* Under the lock: somebody has left his place, which goes to the first that still waits
 * if the limit allows it. */
void weft__place_leave(struct weft__group *group, struct weft__wakes *wakes);

/* Nobody has come to the place that was taken. */
void weft__place_return(struct weft__group *group);

#endif
