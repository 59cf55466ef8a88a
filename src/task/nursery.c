/* Spawning into groups, and tasks that say when they are ready. */
#include "sched/schedule.h"
#include "task/cancel.h"
#include "task/place.h"
#include "task/spawn.h"

int weft__group_spawn(weft_group *group, struct weft__request *request)
{
    struct weft__waiter *waiter = weft__waiter_self();
    request->group = weft__group_of(group);
    int rc = waiter ? weft__place_take(request->group, waiter) : -ENOMEM;
    if (rc)
        return rc;
    rc = weft__spawn(request, NULL);
    if (rc)
        weft__place_return(request->group);
    return rc;
}

int weft_group_spawn_at(const char *site, const weft_attr *attr, weft_group *group,
                        int (*fn)(void *arg), void *arg, int *ret_result)
{
    struct weft__request request = {
        .site = site, .attr = attr, .fn = fn, .arg = arg, .ret_result = ret_result
    };
    return weft__group_spawn(group, &request);
}

int weft_group_spawn_copy(const char *site, const weft_attr *attr, weft_group *group,
                          int (*fn)(void *args), const void *args, size_t size)
{
    struct weft__request request = {
        .site = site, .attr = attr, .fn = fn, .args = args, .size = size
    };
    return weft__group_spawn(group, &request);
}

/* Starting. */

/* Whether it still does; then whoever ends that will end the wait with this ticket. */
static bool is_starting(struct weft__group *group, struct weft__starting *starting, uint64_t ticket)
{
    weft__lock_acquire(&group->lock);
    bool waits = starting->state == WEFT__STARTING || starting->state == WEFT__GIVEN_UP;
    starting->ticket = ticket;
    weft__lock_release(&group->lock);
    return waits;
}

static void cancel_start(struct weft__group *group, struct weft__starting *starting)
{
    struct weft_task *wave = NULL;
    weft__lock_acquire(&group->lock);
    if (starting->state == WEFT__STARTING) { /* else it may be gone */
        starting->state = WEFT__GIVEN_UP;
        wave = weft__cancel_claim(starting->task);
    }
    weft__lock_release(&group->lock);
    weft__cancel_wake(wave);
}

/* One wait; `firmly`: it was cancelled already. Returns what has cut it short. */
static int park(struct weft__group *group, struct weft__starting *starting, bool firmly)
{
    struct weft__waiter *waiter = starting->waiter;
    uint64_t ticket = weft__wait_begin(waiter, "start", (uintptr_t)group);
    if (!is_starting(group, starting, ticket)) {
        weft__wait_drop(waiter, ticket);
        return 0;
    }
    if (firmly) {
        if (weft__wait_park_firmly(waiter) == WEFT__INTERRUPTED)
            weft__wait_handled();
        return 0;
    }
    struct weft__ended ended = weft__scope_park(waiter, WEFT_NEVER);
    return ended.reason == WEFT__EVENT ? 0 : weft__scope_error(waiter, ended);
}

/* The task says that it has started, or ends: whichever, `starting` is on our stack. */
static int await(struct weft__group *group, struct weft__starting *starting)
{
    int cut_short = 0;
    while (is_starting(group, starting, 0)) {
        int rc = park(group, starting, cut_short != 0);
        if (rc == 0 || cut_short)
            continue;
        cut_short = rc;
        cancel_start(group, starting);
    }
    return cut_short;
}

int weft__group_start(weft_group *group, struct weft__request *request, intptr_t *ret_value)
{
    struct weft__starting starting = { .waiter = weft__waiter_self() };
    request->starting = &starting;
    int rc = weft__group_spawn(group, request);
    if (rc)
        return rc;
    int cut_short = await(weft__group_of(group), &starting);
    if (starting.state == WEFT__STARTED) { /* at the same moment: it has happened */
        if (ret_value)
            *ret_value = starting.value;
        return 0;
    }
    if (cut_short)
        return cut_short;
    return starting.result < 0 ? starting.result : -EPROTO;
}

int weft_group_start_at(const char *site, const weft_attr *attr, weft_group *group,
                        int (*fn)(void *arg), void *arg, intptr_t *ret_value)
{
    struct weft__request request = { .site = site, .attr = attr, .fn = fn, .arg = arg };
    return weft__group_start(group, &request, ret_value);
}

/* Under the lock: the caller's start has happened. */
static void set_started(struct weft_task *self, intptr_t value, struct weft__wakes *wakes)
{
    struct weft__member *member = weft__member_of(self);
    struct weft__starting *starting = member->starting;
    member->ret_result = NULL;
    self->flags &= (uint16_t)~WEFT__TASK_STARTING;
    starting->value = value;
    starting->state = WEFT__STARTED;
    weft__wakes_claim(wakes, starting->waiter, starting->ticket);
}

void weft_started(intptr_t value)
{
    struct weft_task *self = weft__self();
    if (!self || !(self->flags & WEFT__TASK_STARTING))
        return;
    struct weft__member *member = weft__member_of(self);
    struct weft__group *group = member->group;
    struct weft__wakes wakes;
    weft__wakes_init(&wakes);
    weft__lock_acquire(&group->lock);
    if (member->starting->state == WEFT__STARTING)
        set_started(self, value, &wakes);
    weft__lock_release(&group->lock);
    weft__wakes_carry_out(&wakes);
}
