/* A task's life in its group: from its admission to its end. The rules are at the head
 * of group.h. */
#include "sched/schedule.h"
#include "task/ending.h"
#include "task/failure.h"
#include "task/group.h"
#include "task/place.h"

int weft__group_admit(struct weft__group *group, struct weft_task *task)
{
    struct weft__member *member = weft__member_of(task);
    weft__lock_acquire(&group->lock);
    bool open = group->open;
    if (open) {
        weft__list_append(&group->members, &member->link);
        group->count++;
        if (task->flags & WEFT__TASK_STARTING)
            member->starting->task = task;
    }
    weft__lock_release(&group->lock);
    return open ? 0 : -EINVAL;
}

/* The end of a member. */

/* What was in force when the task met it may be behind something else by now, or have been
 * moved; so -ECANCELED and -ETIMEDOUT are excused by either. */
bool weft__has_failed(struct weft_task *task)
{
    struct weft__waiter *waiter = &task->waiter;
    if (task->result != -ECANCELED && task->result != -ETIMEDOUT)
        return task->result < 0;
    if (task->result == -ECANCELED && weft__scope_is_cancelled(waiter, waiter->scope))
        return false; /* and no deadline has cut it short */
    return weft__scope_look(waiter, waiter->scope, NULL) == 0;
}

/* The group's failures go with the one they have caused. */
static void tell_failure(struct weft__group *group, struct weft_task *task)
{
    struct weft__member *member = weft__member_of(task);
    struct weft__failure *failure = weft__failure_make(task, task->result);
    struct weft__failures *spare = weft__failures_make();
    if (failure && member->inner && member->inner->first &&
        member->inner->first->what.result == task->result) {
        failure->inner = member->inner;
        member->inner = NULL;
    }
    weft__lock_acquire(&group->lock);
    bool first = group->result == 0;
    if (first)
        group->result = task->result;
    if (!group->failures) {
        group->failures = spare;
        spare = NULL;
    }
    if (weft__failures_add(group->failures, failure))
        failure = NULL;
    weft__lock_release(&group->lock);
    weft__failures_free(spare);
    weft__failure_free(failure);
    if (first)
        weft_scope_cancel(&group->scope); /* GROUP-3 */
}

/* Under the lock. */
static void end_start(struct weft__starting *starting, int state, struct weft__wakes *wakes)
{
    starting->state = state;
    weft__wakes_claim(wakes, starting->waiter, starting->ticket);
}

static void remove_member(struct weft__group *group, struct weft__member *member,
                          struct weft__wakes *wakes)
{
    weft__list_remove(&member->link);
    weft__place_leave(group, wakes);
    if (--group->count == 0 && group->ticket)
        weft__wakes_claim(wakes, weft__group_owner(group), group->ticket); /* GROUP-2 */
}

static void leave_group(struct weft_task *task)
{
    struct weft__member *member = weft__member_of(task);
    struct weft__group *group = member->group;
    struct weft__wakes wakes;
    bool starting = task->flags & WEFT__TASK_STARTING;
    weft__wakes_init(&wakes);
    if (!starting && weft__has_failed(task))
        tell_failure(group, task);
    if (!starting && member->ret_result)
        *member->ret_result = task->result;
    weft__failures_free(member->inner);
    weft__lock_acquire(&group->lock);
    if (starting) {
        member->starting->result = task->result;
        end_start(member->starting, WEFT__NOT_STARTED, &wakes);
    }
    remove_member(group, member, &wakes);
    weft__lock_release(&group->lock);
    weft__wakes_carry_out(&wakes);
}

static void tell_end(struct weft_task *task)
{
    if (task->flags & WEFT__TASK_WATCHED) { /* END-2 */
        struct weft__ending *ending = task->arg;
        ending->end(ending, task);
    }
    if (task->flags & WEFT__TASK_EPILOGUE)
        weft__epilogue_of(task)->fn(task);
    if (task->flags & WEFT__TASK_MEMBER)
        leave_group(task);
}

__attribute__((constructor)) static void set_end(void)
{
    weft__tell_end = tell_end;
}
