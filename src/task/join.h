/* join.h - a joiner that is to be cancelled. */
#ifndef WEFT_TASK_JOIN_H
#define WEFT_TASK_JOIN_H

#include "sched/wait.h"

/* The waiter's word was `word`, WAITING. Whether that wait may be claimed: if it was a
 * firm join, it has become an ordinary one (CANCEL-10). False: it is over, or its waiter
 * will see for himself that he has been cancelled. */
bool weft__join_soften(struct weft__waiter *waiter, uint64_t word);

#endif
