/* The rules are at the head of future.h. */
#include "sync/future.h"

#include <errno.h>
#include <stdlib.h>

#include "sched/task.h"
#include "task/cancel.h"
#include "task/scope.h"

void weft__future_init(weft_future *future)
{
    weft__store(&future->refs, 1, relaxed); /* published by the caller */
    weft__list_init(&future->callbacks);
}

int weft_future_create(weft_future **ret_future)
{
    weft_future *future = calloc(1, sizeof *future);
    if (!future)
        return -ENOMEM;
    weft__future_init(future);
    *ret_future = future;
    return 0;
}

weft_future *weft_future_retain(weft_future *future)
{
    weft__add(&future->refs, 1, relaxed); /* by somebody who has one */
    return future;
}

/* The result. */

/* Under the lock. */
static void finish(weft_future *future, int error, intptr_t value, struct weft__wakes *wakes)
{
    future->error = error;
    future->value = value;
    future->task = NULL;
    /* release: pairs with the acquire in weft__future_done() */
    weft__store(&future->done, true, release);
    weft__wakes_take_all(wakes, &future->waiters);
}

/* False: it is done already. Else the callbacks are the caller's: FUTURE-2. */
static bool make_done(weft_future *future, int error, intptr_t value)
{
    struct weft__wakes wakes;
    weft__wakes_init(&wakes);
    weft__latch_acquire(&future->lock);
    bool first = !weft__load(&future->done, relaxed);
    if (first)
        finish(future, error, value, &wakes);
    weft__latch_release(&future->lock);
    weft__wakes_carry_out(&wakes);
    return first;
}

static struct weft__future_callback *callback_of(struct weft__list *link)
{
    return weft__container_of(link, struct weft__future_callback, link);
}

static void call_back(weft_future *future)
{
    struct weft__list *link;
    while ((link = weft__list_first(&future->callbacks))) {
        struct weft__future_callback *callback = callback_of(link);
        weft__list_remove(link);
        callback->fn(future, callback->arg);
        free(callback);
    }
}

static int complete(weft_future *future, int error, intptr_t value)
{
    if (!make_done(future, error, value))
        return -EALREADY;
    call_back(future);
    return 0;
}

int weft_future_set(weft_future *future, intptr_t value)
{
    return complete(future, 0, value);
}

int weft_future_fail(weft_future *future, int error)
{
    return error < 0 ? complete(future, error, 0) : -EINVAL;
}

int weft_future_cancel(weft_future *future)
{
    struct weft_task *wave = NULL;
    if (future->cancel)
        return future->cancel(future);
    weft__latch_acquire(&future->lock);
    bool submitted = future->task != NULL;
    if (submitted)
        wave = weft__cancel_claim(future->task); /* FUTURE-4 */
    weft__latch_release(&future->lock);
    weft__cancel_wake(wave);
    return submitted ? 0 : complete(future, -ECANCELED, 0);
}

/* acq_rel: who frees it comes after all that the others did. True: it was the last one. */
static bool drop(weft_future *future)
{
    return weft__add(&future->refs, (uint32_t)-1, acq_rel) == 1;
}

/* Callbacks that nobody is left to call. They may keep it, so it is counted again. */
static void abandon(weft_future *future)
{
    weft__store(&future->refs, 1, relaxed); /* FUTURE-3 */
    complete(future, -ECANCELED, 0);
}

void weft_future_release(weft_future *future)
{
    if (!future || !drop(future))
        return;
    if (!weft__list_empty(&future->callbacks)) {
        abandon(future);
        if (!drop(future))
            return;
    }
    free(future);
}

static void call_back_later(void *arg)
{
    weft_future *future = arg;
    call_back(future);
    weft_future_release(future);
}

void weft__future_end(weft_future *future, int result, bool later)
{
    bool first = make_done(future, result < 0 ? result : 0, result);
    if (first && later && !weft__list_empty(&future->callbacks)) {
        future->post = (struct weft__post){ .fn = call_back_later, .arg = future, .posted = true };
        weft__post_ask(&future->post);
        return;
    }
    if (first)
        call_back(future);
    weft_future_release(future);
}

/* Looking and waiting. */

static int result_of(const weft_future *future, intptr_t *ret_value)
{
    if (future->error)
        return future->error;
    if (ret_value)
        *ret_value = future->value;
    return 0;
}

bool weft_future_is_done(const weft_future *future)
{
    return weft__future_done(future);
}

int weft_future_try(weft_future *future, intptr_t *ret_value)
{
    return weft__future_done(future) ? result_of(future, ret_value) : -EAGAIN;
}

bool weft__future_enlist(weft_future *future, struct weft__wait_node *node)
{
    weft__latch_acquire(&future->lock);
    bool waits = !weft__load(&future->done, relaxed);
    if (waits)
        weft__wait_list_enter(&future->waiters, node);
    weft__latch_release(&future->lock);
    return waits;
}

const weft_future *weft__future_own(void)
{
    struct weft_task *self = weft__self();
    if (!self || !(self->flags & WEFT__TASK_EPILOGUE))
        return NULL;
    return weft__epilogue_of(self)->object; /* of other epilogues NULL */
}

/* 0, -EAGAIN or an error. */
static int wait_once(weft_future *future, struct weft__waiter *waiter)
{
    struct weft__wait_node node = { .number = 0 };
    if (future->site)
        weft__wait_node_begin(&node, waiter, WEFT__WAIT_CALL, future->site);
    else
        weft__wait_node_begin(&node, waiter, "future", future);
    weft__latch_acquire(&future->lock);
    bool own = weft__future_is_ours(future);
    bool waits = !own && !weft__load(&future->done, relaxed);
    int rc = weft__wait_node_wait(&future->lock, &future->waiters, &node, waits);
    return own ? -EDEADLK : rc;
}

int weft_future_wait(weft_future *future, intptr_t *ret_value)
{
    struct weft__waiter *waiter = weft__waiter_self();
    int rc = waiter ? weft__checkpoint(waiter) : -ENOMEM;
    if (rc)
        return rc;
    while (!weft__future_done(future)) {
        rc = wait_once(future, waiter);
        if (rc && rc != -EAGAIN)
            return rc;
    }
    return result_of(future, ret_value);
}

/* Callbacks. */

/* False: it is done. */
static bool add(weft_future *future, struct weft__future_callback *callback)
{
    weft__latch_acquire(&future->lock);
    bool pending = !weft__load(&future->done, relaxed); /* FUTURE-2 */
    if (pending)
        weft__list_append(&future->callbacks, &callback->link);
    weft__latch_release(&future->lock);
    return pending;
}

int weft_future_on_done(weft_future *future, void (*fn)(weft_future *, void *), void *arg)
{
    struct weft__future_callback *callback = NULL;
    if (!weft__future_done(future)) {
        callback = malloc(sizeof *callback);
        if (!callback)
            return -ENOMEM;
        *callback = (struct weft__future_callback){ .fn = fn, .arg = arg };
        if (add(future, callback))
            return 0;
    }
    free(callback);
    fn(future, arg);
    return 0;
}

/* Under the lock: the oldest, taken out; NULL: there is none. */
static struct weft__future_callback *take_out(weft_future *future,
                                              void (*fn)(weft_future *, void *), const void *arg)
{
    struct weft__list *all = &future->callbacks;
    for (struct weft__list *at = all->next; at != all; at = at->next) {
        if (callback_of(at)->fn != fn || callback_of(at)->arg != arg)
            continue;
        weft__list_remove(at);
        return callback_of(at);
    }
    return NULL;
}

int weft_future_forget(weft_future *future, void (*fn)(weft_future *, void *), void *arg)
{
    struct weft__future_callback *found = NULL;
    weft__latch_acquire(&future->lock);
    if (!weft__load(&future->done, relaxed)) /* FUTURE-2 */
        found = take_out(future, fn, arg);
    weft__latch_release(&future->lock);
    free(found);
    return found ? 0 : -ENOENT;
}
