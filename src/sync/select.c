#include "sync/select.h"

#include <errno.h>

#include "sched/enter.h"
#include "sched/spend.h"
#include "task/scope.h"
#include "time/clock.h"
#include "weft/time.h"

#define LAST_KIND WEFT__CASE_SEMAPHORE

/* For plain threads, which have no worker's random numbers. */
static _Atomic(uint64_t) chance;

static uint32_t random_below(uint32_t count)
{
    struct weft_task *self = weft__self();
    struct weft__worker *worker = weft__enter_here(self);
    if (weft__likely(worker != NULL)) {
        uint32_t number = weft__random_below(&worker->random, count);
        weft__leave(self);
        return number;
    }
    uint64_t state = weft__add(&chance, 1, relaxed);
    return weft__random_below(&state, count);
}

/* NULL: it can never go on, or is the clock's. */
static const struct weft__case_kind *kind_of(const weft_case *item)
{
    static const struct weft__case_kind *const kinds[] = {
        [WEFT__CASE_SEND] = &weft__case_send,
        [WEFT__CASE_RECEIVE] = &weft__case_receive,
        [WEFT__CASE_EVENT] = &weft__case_event,
        [WEFT__CASE_TASK] = &weft__case_task,
        [WEFT__CASE_READABLE] = &weft__case_descriptor,
        [WEFT__CASE_WRITABLE] = &weft__case_descriptor,
        [WEFT__CASE_FUTURE] = &weft__case_future,
        [WEFT__CASE_PUT] = &weft__case_put,
        [WEFT__CASE_GET] = &weft__case_get,
        [WEFT__CASE_MAILBOX] = &weft__case_mailbox,
        [WEFT__CASE_SEMAPHORE] = &weft__case_semaphore,
    };
    _Static_assert(sizeof kinds / sizeof *kinds == LAST_KIND + 1, "all that there are");
    const struct weft__case_kind *kind = kinds[item->weft__kind];
    if (kind == &weft__case_descriptor)
        return item->weft__number >= 0 ? kind : NULL;
    return item->weft__object ? kind : NULL;
}

static bool is_timer(const weft_case *item)
{
    return item->weft__kind == WEFT__CASE_TIMER;
}

static int attempt(weft_case *item)
{
    const struct weft__case_kind *kind = kind_of(item);
    if (kind)
        return kind->attempt(item);
    if (!is_timer(item) || item->weft__number == WEFT_NEVER ||
        weft__clock_now() < item->weft__number)
        return -EAGAIN;
    item->result = 0;
    return 0;
}

/* SELECT-1. Forwards or backwards from anywhere, so that of two neighbours either may
 * come first. */
static int attempt_all(weft_case *cases, size_t count)
{
    uint32_t draw = count > 1 ? random_below(2 * (uint32_t)count) : 0;
    size_t at = draw / 2, step = draw % 2 ? 1 : count - 1;
    for (size_t i = 0; i < count; i++, at = (at + step) % count) {
        int rc = attempt(&cases[at]);
        if (rc != -EAGAIN)
            return rc ? rc : (int)at;
    }
    return -EAGAIN;
}

/* Of the timers, the next. */
static int64_t next_timer(const weft_case *cases, size_t count)
{
    int64_t next = WEFT_NEVER;
    for (size_t i = 0; i < count; i++) {
        if (is_timer(&cases[i]) && cases[i].weft__number < next)
            next = cases[i].weft__number;
    }
    return next;
}

/* Returns 0, or why not; how many are in their lists to *ret_listed. */
static int enlist_all(weft_case *cases, size_t count, struct weft__waiter *waiter, uint64_t ticket,
                      size_t *ret_listed)
{
    int rc = 0;
    size_t i;
    for (i = 0; i < count && rc == 0; i++) {
        const struct weft__case_kind *kind = kind_of(&cases[i]);
        rc = kind ? kind->enlist(&cases[i], waiter, ticket) : 0;
    }
    *ret_listed = rc ? i - 1 : i;
    return rc;
}

/* SELECT-3: the case that was taken, or -EAGAIN. */
static int delist_all(weft_case *cases, size_t listed)
{
    int chosen = -EAGAIN;
    for (size_t i = 0; i < listed; i++) {
        const struct weft__case_kind *kind = kind_of(&cases[i]);
        if (kind && kind->delist(&cases[i]))
            chosen = (int)i;
    }
    return chosen;
}

/* Waits once: the chosen case, -EAGAIN or an error. */
static int wait_once(weft_case *cases, size_t count, struct weft__waiter *waiter)
{
    size_t listed;
    uint64_t ticket = weft__wait_begin(waiter, "select", count);
    int rc = enlist_all(cases, count, waiter, ticket, &listed);
    if (rc) { /* SELECT-2 */
        weft__wait_drop(waiter, ticket);
        int chosen = delist_all(cases, listed);
        return chosen >= 0 ? chosen : rc;
    }
    struct weft__ended ended = weft__scope_park(waiter, next_timer(cases, count));
    int chosen = delist_all(cases, listed);
    if (chosen >= 0 || ended.reason == WEFT__EVENT) /* SELECT-4 */
        return chosen;
    rc = weft__scope_error(waiter, ended);
    return rc ? rc : -EAGAIN;
}

static int attempt_first(weft_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (weft__unlikely(cases[i].weft__kind > LAST_KIND))
            return -EINVAL;
        weft__case_begin(&cases[i]);
    }
    return attempt_all(cases, count);
}

int weft_select_try(weft_case *cases, size_t count)
{
    return count ? attempt_first(cases, count) : -EINVAL;
}

int weft_select(weft_case *cases, size_t count)
{
    struct weft__waiter *waiter = weft__waiter_self();
    int rc = waiter ? weft__checkpoint(waiter) : -ENOMEM;
    if (rc)
        return rc;
    if (count == 0)
        return -EINVAL;
    weft__spend(waiter);
    rc = attempt_first(cases, count);
    while (rc == -EAGAIN) {
        rc = wait_once(cases, count, waiter);
        if (rc == -EAGAIN)
            rc = attempt_all(cases, count);
    }
    return rc;
}
