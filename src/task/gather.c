/* Waiting for several tasks at once: JOIN-6 in sched/bury.c. */
#include "weft/gather.h"

#include <errno.h>

#include "sched/schedule.h"
#include "task/join.h"
#include "task/scope.h"

/* The first that has ended; `count`: none. `*ret_some`: there is a task at all. */
static size_t find_ended(weft_task *const *tasks, size_t count, bool *ret_some)
{
    *ret_some = false;
    for (size_t i = 0; i < count; i++) {
        if (!tasks[i])
            continue;
        *ret_some = true;
        if (weft__has_ended(tasks[i]))
            return i;
    }
    return count;
}

/* Becomes the joiner of all, or of those before the first of which it cannot: returns why,
 * as weft__join_watch(), and how many of the array that are. */
static int enrol(weft_task *const *tasks, size_t count, struct weft__waiter *waiter,
                 size_t *ret_enrolled)
{
    for (size_t i = 0; i < count; i++) {
        int rc = tasks[i] ? weft__join_watch(tasks[i], waiter) : 0;
        if (rc) {
            *ret_enrolled = i;
            return rc;
        }
    }
    *ret_enrolled = count;
    return 0;
}

/* JOIN-6: nobody knows our ticket any more when this returns. */
static void withdraw_all(weft_task *const *tasks, size_t count, struct weft__waiter *waiter)
{
    for (size_t i = 0; i < count; i++) {
        if (tasks[i])
            weft__join_unwatch(tasks[i], waiter);
    }
}

/* Returns 0 when it is time to look again, else why not. */
static int await_any(weft_task *const *tasks, size_t count, struct weft__waiter *waiter)
{
    uint64_t ticket = weft__wait_begin(waiter, "join any", count);
    struct weft__ended ended = { .reason = WEFT__EVENT };
    size_t enrolled;
    int rc = enrol(tasks, count, waiter, &enrolled);
    if (rc)
        weft__wait_drop(waiter, ticket);
    else
        ended = weft__scope_park(waiter, WEFT_NEVER);
    withdraw_all(tasks, enrolled, waiter);
    if (rc == -EINVAL)
        return rc;
    return ended.reason == WEFT__EVENT ? 0 : weft__scope_error(waiter, ended);
}

static ssize_t wait_any(weft_task *const *tasks, size_t count, struct weft__waiter *waiter)
{
    for (;;) {
        bool some;
        int rc = weft__checkpoint(waiter);
        if (rc)
            return rc;
        size_t i = find_ended(tasks, count, &some);
        if (i < count || !some)
            return some ? (ssize_t)i : -ENOENT;
        rc = await_any(tasks, count, waiter);
        if (rc)
            return rc;
    }
}

static bool contains(weft_task *const *tasks, size_t count, const weft_task *self)
{
    for (size_t i = 0; self && i < count; i++) {
        if (tasks[i] == self)
            return true;
    }
    return false;
}

/* What every call here begins with. Who is a plain thread is a guest until end(). */
static int begin(weft_task *const *tasks, size_t count, struct weft__waiter **ret_waiter)
{
    struct weft_task *self = weft__self();
    if (contains(tasks, count, self))
        return -EDEADLK;
    *ret_waiter = weft__waiter_self();
    if (!*ret_waiter)
        return -ENOMEM;
    if (!self)
        weft__guest_enter(); /* weft_stop() may run as soon as they have ended */
    return 0;
}

static void end(struct weft__waiter *waiter)
{
    if (weft__is_thread(waiter))
        weft__guest_leave();
}

ssize_t weft_wait_any(weft_task *const *tasks, size_t count)
{
    struct weft__waiter *waiter;
    ssize_t rc = begin(tasks, count, &waiter);
    if (rc)
        return rc;
    rc = wait_any(tasks, count, waiter);
    end(waiter);
    return rc;
}

int weft_join_any(weft_task **tasks, size_t count, size_t *ret_index, int *ret_result)
{
    struct weft__waiter *waiter;
    int rc = begin(tasks, count, &waiter);
    if (rc)
        return rc;
    ssize_t i = wait_any(tasks, count, waiter);
    if (i >= 0) {
        if (ret_index)
            *ret_index = (size_t)i;
        rc = weft__reap(tasks[i], ret_result);
        tasks[i] = NULL;
    }
    end(waiter);
    return i < 0 ? (int)i : rc;
}

/* One after the other, and none released before all have ended. */
static int wait_all(weft_task *const *tasks, size_t count, struct weft__waiter *waiter)
{
    int rc = weft__checkpoint(waiter);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (tasks[i])
            rc = weft__await_end(tasks[i], waiter);
    }
    return rc;
}

int weft_gather(weft_task **tasks, size_t count, int *ret_results)
{
    struct weft__waiter *waiter;
    int rc = begin(tasks, count, &waiter);
    if (rc)
        return rc;
    rc = wait_all(tasks, count, waiter);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        int result = 0;
        if (tasks[i] && weft__reap(tasks[i], &result))
            result = -ENOMEM;
        if (ret_results)
            ret_results[i] = result;
        tasks[i] = NULL;
    }
    end(waiter);
    return rc;
}
