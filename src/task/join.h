/* join.h - joining, for who cancels joiners and for select. */
#ifndef WEFT_TASK_JOIN_H
#define WEFT_TASK_JOIN_H

#include "sched/wait.h"

/* The waiter's word was `word`, WAITING. Whether that wait may be claimed: if it was a
 * firm join, it has become an ordinary one (CANCEL-10). False: it is over, or its waiter
 * will see for himself that he has been cancelled. */
bool weft__join_soften(struct weft__waiter *waiter, uint64_t word);

/* For select (JOIN-6). Whether the task has ended: to join it does not wait. */
bool weft__join_ended(struct weft_task *task);

/* The caller's wait, which has begun, is to end when the task does. 0; -EAGAIN: it has
 * ended, or is about to; -EINVAL: somebody else joins it. */
int weft__join_watch(struct weft_task *task, struct weft__waiter *waiter);

/* After the wait: takes that back. */
void weft__join_unwatch(struct weft_task *task, struct weft__waiter *waiter);

#endif
