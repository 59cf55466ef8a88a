#include "task/place.h"

static bool give(struct weft__group *group, struct weft__wakes *wakes)
{
    struct weft__list *link;
    while ((link = weft__list_first(&group->spawners))) {
        struct weft__spawner *spawner = weft__container_of(link, struct weft__spawner, link);
        weft__list_remove(link);
        if (weft__wakes_claim(wakes, spawner->waiter, spawner->ticket))
            return true;
    }
    return false;
}

static bool has_place(struct weft__group *group)
{
    return group->limit == 0 || group->places < group->limit;
}

/* 0, -EINVAL, or -EAGAIN: there is none, and `spawner`, if there is one, is in the
 * list. */
static int try_take(struct weft__group *group, struct weft__spawner *spawner)
{
    int rc = 0;
    weft__lock_acquire(&group->lock);
    if (!group->open)
        rc = -EINVAL;
    else if (has_place(group))
        group->places++;
    else
        rc = -EAGAIN;
    if (rc == -EAGAIN && spawner)
        weft__list_append(&group->spawners, &spawner->link);
    weft__lock_release(&group->lock);
    return rc;
}

static void delist(struct weft__group *group, struct weft__spawner *spawner)
{
    weft__lock_acquire(&group->lock);
    weft__list_remove(&spawner->link);
    weft__lock_release(&group->lock);
}

/* What is in force in the group, and its deadline. */
static int look(struct weft__group *group, int64_t *ret_deadline)
{
    return weft__scope_look(weft__group_owner(group), &group->scope, ret_deadline);
}

/* In the list. Who cancels the group looks for us there, and we at the group: CANCEL-2,
 * under the group's lock. Returns 0 (the place is ours), -EAGAIN or an error. */
static int park(struct weft__group *group, struct weft__spawner *spawner)
{
    struct weft__waiter *waiter = spawner->waiter;
    int64_t deadline;
    int rc = look(group, &deadline);
    if (rc) {
        delist(group, spawner);
        if (weft__wait_abandon(waiter, spawner->ticket))
            return rc;
        if (weft__wait_park_firmly(waiter) == WEFT__EVENT)
            weft__place_return(group);
        return rc;
    }
    struct weft__ended ended = weft__scope_park(waiter, deadline);
    if (ended.reason == WEFT__EVENT)
        return 0;
    delist(group, spawner);
    rc = weft__scope_error(waiter, ended);
    return rc ? rc : -EAGAIN;
}

static int await(struct weft__group *group, struct weft__waiter *waiter)
{
    struct weft__spawner spawner = { .waiter = waiter };
    spawner.ticket = weft__wait_begin(waiter, "group's limit", (uintptr_t)group);
    int rc = try_take(group, &spawner);
    if (rc == -EAGAIN)
        return park(group, &spawner);
    weft__wait_drop(waiter, spawner.ticket);
    return rc;
}

void weft__place_leave(struct weft__group *group, struct weft__wakes *wakes)
{
    group->places--;
    if (has_place(group) && give(group, wakes)) /* the limit may have become lower */
        group->places++;
}

int weft__place_take(struct weft__group *group, struct weft__waiter *waiter)
{
    int rc = weft__checkpoint(waiter);
    if (rc)
        return rc;
    rc = try_take(group, NULL);
    while (rc == -EAGAIN)
        rc = await(group, waiter);
    if (rc == 0 && (rc = look(group, NULL)))
        weft__place_return(group);
    return rc;
}

void weft__place_return(struct weft__group *group)
{
    struct weft__wakes wakes;
    weft__wakes_init(&wakes);
    weft__lock_acquire(&group->lock);
    weft__place_leave(group, &wakes);
    weft__lock_release(&group->lock);
    weft__wakes_carry_out(&wakes);
}

void weft_group_set_limit(weft_group *public, unsigned limit)
{
    struct weft__group *group = weft__group_of(public);
    struct weft__wakes wakes;
    weft__wakes_init(&wakes);
    weft__lock_acquire(&group->lock);
    group->limit = limit;
    while (has_place(group) && give(group, &wakes))
        group->places++;
    weft__lock_release(&group->lock);
    weft__wakes_carry_out(&wakes);
}
