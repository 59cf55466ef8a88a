/* Groups: entering, leaving, and the end of a member. The rules are at the head of
 * group.h. */
#include "task/group.h"

#include "base/assert.h"
#include "sched/schedule.h"
#include "task/cancel.h"
#include "task/cleanup.h"
#include "task/failure.h"

void weft_group_enter(weft_group *public, int64_t deadline)
{
    struct weft__waiter *waiter = weft__scope_self("weft_group_enter");
    struct weft__group *group = weft__group_of(public);
    uintptr_t family = weft__load(&waiter->family, relaxed); /* only we change whose it is */
    *group = (struct weft__group){ .outer = weft__family_of(family), .open = true };
    weft__list_init(&group->members);
    weft__list_init(&group->spawners);
    weft__scope_begin(waiter, &group->scope, deadline, false);
    weft__family_set(waiter, group);
}

/* The owner: whether there are no members; else the last of them will end the wait
 * with this ticket. */
static bool is_empty(struct weft__group *group, uint64_t ticket)
{
    weft__lock_acquire(&group->lock);
    bool empty = group->count == 0;
    group->ticket = empty ? 0 : ticket;
    weft__lock_release(&group->lock);
    return empty;
}

/* Nothing cuts it short: what is cancelled ends soon. */
static void await_members(struct weft__group *group, struct weft__waiter *waiter)
{
    while (!is_empty(group, 0)) {
        uint64_t ticket = weft__wait_begin(waiter, "group", (uintptr_t)group);
        if (is_empty(group, ticket))
            weft__wait_drop(waiter, ticket);
        else if (weft__wait_park_firmly(waiter) == WEFT__INTERRUPTED) /* or a canceller: CANCEL-3 */
            weft__wait_handled();
    }
}

static int outcome(struct weft__group *group)
{
    struct weft__scope *scope = weft__scope_of(&group->scope);
    if (group->result)
        return group->result;
    if (weft_scope_timed_out(&group->scope))
        return -ETIMEDOUT;
    return scope->shield ? 0 : weft__scope_look(scope->owner, scope->outer, NULL);
}

static struct weft__group *own(weft_group *public, const char *who)
{
    struct weft__group *group = weft__group_of(public);
    struct weft__waiter *waiter = weft__waiter_self();
    if (!waiter || waiter->scope != &group->scope || !group->open)
        weft__panic("%s: not the innermost scope", who);
    return group;
}

int weft_group_wait(weft_group *public)
{
    struct weft__group *group = own(public, "weft_group_wait");
    await_members(group, weft__group_owner(group));
    return outcome(group);
}

/* They go with a task that may fail for what has failed here. */
static void hand_on_failures(struct weft__group *group, struct weft__waiter *owner)
{
    struct weft__failures *failures = group->failures;
    group->failures = NULL;
    if (!failures || weft__is_thread(owner) || !(weft__task_of(owner)->flags & WEFT__TASK_MEMBER)) {
        weft__failures_free(failures);
        return;
    }
    struct weft__member *member = weft__member_of(weft__task_of(owner));
    weft__failures_free(member->inner);
    member->inner = failures;
}

/* After the last member: who comes now comes too late. */
static bool close_group(struct weft__group *group)
{
    weft__lock_acquire(&group->lock);
    bool empty = group->count == 0;
    group->open = !empty;
    weft__lock_release(&group->lock);
    return empty;
}

int weft_group_leave(weft_group *public)
{
    struct weft__waiter *owner = weft__waiter_self();
    if (owner && owner->scope != &weft__group_of(public)->scope && weft__exits(owner))
        return weft_group_result(public); /* it has been left: CLEANUP-3 */
    struct weft__group *group = own(public, "weft_group_leave");
    do {
        await_members(group, owner);
    } while (!close_group(group));
    weft__family_set(owner, group->outer);
    weft__scope_end(owner, &group->scope, "weft_group_leave");
    group->result = outcome(group);
    hand_on_failures(group, owner);
    return group->result;
}

void weft_group_cancel(weft_group *group)
{
    weft_scope_cancel(weft_group_scope(group));
}

weft_scope *weft_group_scope(weft_group *group)
{
    return &weft__group_of(group)->scope;
}

bool weft_group_cancelled(const weft_group *group)
{
    return weft_scope_cancelled((const weft_scope *)(const void *)group);
}

int weft_group_result(const weft_group *group)
{
    return ((const struct weft__group *)(const void *)group)->result;
}

unsigned weft_group_count(weft_group *public)
{
    struct weft__group *group = weft__group_of(public);
    weft__lock_acquire(&group->lock);
    unsigned count = group->count;
    weft__lock_release(&group->lock);
    return count;
}
