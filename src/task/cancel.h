/* cancel.h - finding and waking whom a cancellation concerns.
 *
 * What is in force everybody finds out by looking outwards (task/scope.h). Who cancels
 * a scope, or moves its deadline, has to find those who are parked and look no more:
 * the scope's owner, the children of the groups that he has entered inside the scope,
 * the children of theirs, and so on. So each waiter knows the innermost group that it
 * has entered and not left (`family`), each group the one around it of the same owner,
 * and its members.
 *
 * CANCEL-7   The walk goes downwards with a lock on each step of its path: an owner's
 *            family, then a group's members, then a member's family. What is locked
 *            stays: an owner leaves no group while his family is locked, a member does
 *            not end while its group is. All cancellers go downwards, so none waits for
 *            another in a circle; and it is a tree, so each step back up is known
 *            (group->owner, member->group) and no depth is too much for a stack.
 * CANCEL-8   Whoever comes too late for the walk, since he was spawned behind it, has
 *            not parked before the heavy barrier; he sees for himself (CANCEL-2).
 * CANCEL-9   Under the locks the waits of tasks are only claimed. They are woken when no
 *            lock is held, since waking wants a worker's seat, and a holder of the seat
 *            may want the lock (WAIT-6). In between they are the canceller's, and he
 *            chains them through their queue's link.
 * CANCEL-10  A join without a scope is firm: nothing but the task's end may claim it
 *            (JOIN-5). Only weft_cancel() comes to such a wait, and makes it an ordinary
 *            one first. A joiner looks whether it is cancelled after it has said that
 *            it is firm, so one of the two sees the other. */
#ifndef WEFT_TASK_CANCEL_H
#define WEFT_TASK_CANCEL_H

#include "sched/wait.h"

struct weft__group;
struct weft_task;

/* The parts of weft_cancel(): a task's mark, false if it is marked already; behind the
 * heavy barrier, the claim of its own wait; and, when no lock is held, waking those whose
 * waits have been claimed. */
bool weft__cancel_set(struct weft__waiter *waiter);
void weft__cancel_claim_waiter(struct weft_task **wave, struct weft__waiter *waiter);
void weft__cancel_wake(struct weft_task *wave);

/* weft_cancel() in two parts, for who holds the lock of the task's group: returns those
 * who are to be woken, when it holds no lock. */
struct weft_task *weft__cancel_claim(struct weft_task *task);

/* Does what weft_scope_cancel_from_signal() has left to do. Never suspends. */
void weft__cancel_posted(void);

/* The owner has entered a group, or left it: from now on `innermost` is his. */
void weft__family_set(struct weft__waiter *waiter, struct weft__group *innermost);

static inline struct weft__group *weft__family_of(uintptr_t family)
{
    return (struct weft__group *)(family & ~WEFT__FAMILY_BITS);
}

#endif
