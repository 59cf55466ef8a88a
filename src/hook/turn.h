/* turn.h - one task at a time, first come first served, per descriptor.
 *
 * For calls between whose look at the descriptor and whose action a sibling must
 * not come (accept), and for events that one of many waiters takes: only who has
 * the turn waits for the descriptor, the others wait for the turn.
 *
 * TURN-1  The first of its descriptor in its bucket's list has the turn.
 * TURN-2  Who leaves the list while first wakes the next. Whoever is first
 *         without knowing it, since its wait has just ended otherwise, leaves. */
#ifndef WEFT_HOOK_TURN_H
#define WEFT_HOOK_TURN_H

#include "base/list.h"
#include "sched/task.h"

struct weft__turn {
    struct weft__list link;
    int fd;
    struct weft__waiter *waiter;
    uint64_t ticket;
};

/* Waits for the turn until `deadline`. 0 or -errno: -EAGAIN when that has passed.
 * Suspends. */
int weft__turn_take(struct weft__turn *turn, int fd, int64_t deadline, const char *what);
void weft__turn_leave(struct weft__turn *turn);

#endif
