/* What a task can say about itself, and giving way. */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "base/assert.h"
#include "sched/carrier.h"
#include "sched/schedule.h"
#include "task/name.h"
#include "task/scope.h"
#include "time/clock.h"
#include "weft/time.h"

/* The carrier's idle context runs no code but the library's. */
weft_task *weft_self(void)
{
    struct weft_task *self = weft__self();
    return self && !(self->flags & WEFT__TASK_IDLE) ? self : NULL;
}

int weft_yield(void)
{
    struct weft_task *self = weft__self();
    if (!self) {
        sched_yield();
        struct weft__waiter *waiter = weft__waiter_self();
        return waiter ? weft__checkpoint(waiter) : -ENOMEM;
    }
    int rc = weft__checkpoint(&self->waiter);
    if (rc)
        return rc;
    weft__pass(self);
    if (weft__is_virtual(self) && weft__wait_interrupted && weft__wait_interrupted())
        weft__wait_handled();
    return 0;
}

int64_t weft_now(void)
{
    return weft__clock_now();
}

int64_t weft_after(int64_t duration)
{
    int64_t now = weft__clock_now();
    return duration < WEFT_NEVER - now ? now + duration : WEFT_NEVER;
}

static int sleep_until(int64_t when, int64_t now)
{
    struct weft__waiter *waiter = weft__waiter_self();
    if (!waiter)
        return -ENOMEM;
    int rc = weft__checkpoint(waiter);
    while (rc == 0 && when > now) {
        weft__wait_begin(waiter, "sleep", (uint64_t)when);
        struct weft__ended ended = weft__scope_park(waiter, when);
        if (ended.reason == WEFT__DEADLINE && ended.deadline == when)
            return 0;
        rc = weft__scope_error(waiter, ended);
        now = weft__clock_now();
    }
    return rc;
}

int weft_sleep(int64_t duration)
{
    int64_t now = weft__clock_now();
    if (duration <= 0)
        return sleep_until(now, now);
    return sleep_until(duration < WEFT_NEVER - now ? now + duration : WEFT_NEVER, now);
}

int weft_sleep_until(int64_t when)
{
    return sleep_until(when, weft__clock_now());
}

uint64_t weft_task_id(const weft_task *task)
{
    if (!task)
        task = weft_self();
    return task ? weft__load(&((weft_task *)task)->id, relaxed) : 0;
}

void weft_set_name(const char *name)
{
    struct weft_task *self = weft_self();
    if (!self)
        return;
    memset(self->name, 0, sizeof self->name);
    strncat(self->name, name, WEFT_NAME_MAX);
}

/* Without the C library: called by signal handlers, for tasks that run. */
WEFT_RACY size_t weft__task_name(const struct weft_task *task, char *buf, size_t size)
{
    const char *name = task->name, *end = name + sizeof task->name;
    if (!*name && task->site) { /* "file:line function" */
        name = task->site;
        for (const char *at = name; *at; at++) {
            if (*at == ' ')
                name = at + 1;
        }
        end = name + size;
    }
    size_t length = 0;
    while (length < size - 1 && name + length < end && name[length]) {
        buf[length] = name[length];
        length++;
    }
    buf[length] = 0;
    return length;
}

int weft_get_name(const weft_task *task, char *buf, size_t size)
{
    if (!task)
        task = weft_self();
    return task && size ? (int)weft__task_name(task, buf, size) : -EINVAL;
}

void weft_pin(void)
{
    struct weft_task *self = weft_self();
    if (self && self->pins++ == 0) {
        self->carrier = weft__carrier_of(self);
        weft__count_pinned(self->carrier, 1);
    }
}

void weft_unpin(void)
{
    struct weft_task *self = weft_self();
    if (!self)
        return;
    if (self->pins == 0)
        weft__panic("weft_unpin: not pinned");
    if (--self->pins == 0) {
        weft__count_pinned(self->carrier, -1);
        self->carrier = NULL;
    }
}
