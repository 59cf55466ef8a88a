/* place.h - places in a group that has a limit, and handing them on (GROUP-4). */
#ifndef WEFT_TASK_PLACE_H
#define WEFT_TASK_PLACE_H

#include "task/group.h"

/* Whose waits have been claimed under a group's lock; they are woken without it
 * (CANCEL-9): the group's owner, somebody who waits for a place, and for a start. */
struct weft__woken {
    struct weft__waiter *waiter[3];
    unsigned count;
};

/* False: that wait is over. */
bool weft__woken_claim(struct weft__woken *woken, struct weft__waiter *waiter, uint64_t ticket);
void weft__woken_wake(struct weft__woken *woken);

/* Takes a place; waits for one where there is a limit. A cancellation point of the
 * waiter and of the group. Returns 0, -ECANCELED, -ETIMEDOUT or -EINVAL (it is not
 * open). */
int weft__place_take(struct weft__group *group, struct weft__waiter *waiter);

/* Under the lock: gives a place to the first that still waits. False: nobody does. */
bool weft__place_give(struct weft__group *group, struct weft__woken *woken);

/* Nobody has come to the place that was taken. */
void weft__place_return(struct weft__group *group);

#endif
