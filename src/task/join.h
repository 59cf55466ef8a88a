/* join.h - what waits for tasks, and cancels who does, shares with weft_join(). */
#ifndef WEFT_TASK_JOIN_H
#define WEFT_TASK_JOIN_H

#include "sched/task.h"

/* A handle's task: whether it may be released. */
static inline bool weft__has_ended(struct weft_task *task)
{
    /* acquire: pairs with the exchange in weft__bury() */
    struct weft__waiter *joiner = weft__load(&task->joiner, acquire);
    return joiner == WEFT__TASK_DONE || joiner == WEFT__TASK_ACKED;
}

/* Waits for it, passing the cancellation point. 0, -ECANCELED or -ETIMEDOUT. */
int weft__await_end(struct weft_task *task, struct weft__waiter *waiter);

/* Releases one that has ended. `ret_result` may be NULL. Returns 0, or -ENOMEM: it
 * never ran. */
int weft__reap(struct weft_task *task, int *ret_result);

/* The waiter's word was `word`, WAITING. Whether that wait may be claimed: if it was a
 * firm join, it has become an ordinary one (CANCEL-10). False: it is over, or its waiter
 * will see for himself that he has been cancelled. */
bool weft__join_soften(struct weft__waiter *waiter, uint64_t word);

/* JOIN-6. The caller's wait, which has begun, is to end when the task does. 0; -EAGAIN: it
 * has ended, or is about to; -EINVAL: somebody else joins it. */
int weft__join_watch(struct weft_task *task, struct weft__waiter *waiter);

/* After the wait, if that was 0: takes it back. The task knows nothing of the waiter's
 * ticket any more. */
void weft__join_unwatch(struct weft_task *task, struct weft__waiter *waiter);

#endif
