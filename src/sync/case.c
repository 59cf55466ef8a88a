/* Cases of channels, events, futures and tasks. */
#include <errno.h>
#include <sched.h>

#include "sync/case.h"
#include "sync/event.h"
#include "sync/future.h"
#include "task/join.h"

void weft__case_begin(weft_case *item)
{
    weft__case_wait(item)->number = 0;
}

/* Channels. */

static int attempt_send(weft_case *item)
{
    int rc = weft_channel_try_send(item->weft__object, item->weft__element);
    item->result = rc;
    return rc == -EAGAIN ? rc : 0;
}

static int attempt_receive(weft_case *item)
{
    int rc = weft_channel_try_receive(item->weft__object, item->weft__element);
    item->result = rc;
    return rc == -EAGAIN ? rc : 0;
}

/* Whether an attempt may succeed, by the lock's holder: not by taking himself. */
static bool can_send(const weft_channel *channel, const struct weft__waiter *self)
{
    return weft__load(&channel->closed, relaxed) || channel->unbounded ||
           weft__load(&channel->count, relaxed) < channel->room ||
           weft__wait_list_has_others(&channel->receivers, self);
}

static bool can_receive(const weft_channel *channel, const struct weft__waiter *self)
{
    return weft__load(&channel->closed, relaxed) || weft__load(&channel->count, relaxed) ||
           weft__wait_list_has_others(&channel->senders, self);
}

int weft__case_enlist_channel(weft_case *item, weft_channel *channel, struct weft__waiter *waiter,
                              uint64_t ticket, bool sends)
{
    struct weft__wait_node *node = weft__case_prepare(item, waiter, ticket);
    struct weft_task *self = weft__self();
    weft__case_node(item)->element = item->weft__element;
    struct weft__worker *worker = weft__channel_acquire(channel, self);
    bool waits = !(sends ? can_send(channel, waiter) : can_receive(channel, waiter));
    if (waits)
        weft__wait_list_enter(sends ? &channel->senders : &channel->receivers, node);
    weft__channel_release(channel, self, worker);
    if (worker)
        weft__leave(self);
    return waits ? 0 : -EAGAIN;
}

bool weft__case_delist_channel(weft_case *item, weft_channel *channel)
{
    struct weft_task *self = weft__self();
    struct weft__worker *worker;
    if (weft__case_wait(item)->taken) { /* as weft__case_leave() */
        item->result = weft__case_node(item)->result;
        return true;
    }
    worker = weft__channel_acquire(channel, self);
    weft__wait_list_remove(weft__case_wait(item));
    weft__channel_release(channel, self, worker);
    if (worker)
        weft__leave(self);
    return false;
}

static int enlist_send(weft_case *item, struct weft__waiter *waiter, uint64_t ticket)
{
    return weft__case_enlist_channel(item, item->weft__object, waiter, ticket, true);
}

static int enlist_receive(weft_case *item, struct weft__waiter *waiter, uint64_t ticket)
{
    return weft__case_enlist_channel(item, item->weft__object, waiter, ticket, false);
}

static bool delist_channel(weft_case *item)
{
    return weft__case_delist_channel(item, item->weft__object);
}

const struct weft__case_kind weft__case_send = { attempt_send, enlist_send, delist_channel };
const struct weft__case_kind weft__case_receive = { attempt_receive, enlist_receive,
                                                    delist_channel };

/* Events. */

static int attempt_event(weft_case *item)
{
    item->result = 0;
    return weft__event_passed(weft__event_of(item->weft__object)) ? 0 : -EAGAIN;
}

static int enlist_event(weft_case *item, struct weft__waiter *waiter, uint64_t ticket)
{
    struct weft__wait_node *node = weft__case_prepare(item, waiter, ticket);
    return weft__event_enlist(weft__event_of(item->weft__object), node) ? 0 : -EAGAIN;
}

static bool delist_event(weft_case *item)
{
    struct weft__event_flag *event = weft__event_of(item->weft__object);
    item->result = 0;
    return weft__case_leave(item, &event->lock);
}

const struct weft__case_kind weft__case_event = { attempt_event, enlist_event, delist_event };

/* Futures. */

static int attempt_future(weft_case *item)
{
    weft_future *future = item->weft__object;
    if (!weft__future_done(future))
        return -EAGAIN;
    item->result = future->error;
    return 0;
}

static int enlist_future(weft_case *item, struct weft__waiter *waiter, uint64_t ticket)
{
    struct weft__wait_node *node = weft__case_prepare(item, waiter, ticket);
    return weft__future_enlist(item->weft__object, node) ? 0 : -EAGAIN;
}

static bool delist_future(weft_case *item)
{
    weft_future *future = item->weft__object;
    if (!weft__case_leave(item, &future->lock))
        return false;
    item->result = future->error;
    return true;
}

const struct weft__case_kind weft__case_future = { attempt_future, enlist_future, delist_future };

/* Tasks: JOIN-6. */

struct watcher {
    struct weft__waiter *waiter;
};

static struct watcher *watcher_of(weft_case *item)
{
    return (struct watcher *)(void *)item->weft__private;
}

static int attempt_task(weft_case *item)
{
    item->result = 0;
    return weft__has_ended(item->weft__object) ? 0 : -EAGAIN;
}

static int enlist_task(weft_case *item, struct weft__waiter *waiter, uint64_t ticket)
{
    (void)ticket; /* the task reads it */
    watcher_of(item)->waiter = waiter;
    return weft__join_watch(item->weft__object, waiter);
}

static bool delist_task(weft_case *item)
{
    weft__join_unwatch(item->weft__object, watcher_of(item)->waiter);
    return false;
}

const struct weft__case_kind weft__case_task = { attempt_task, enlist_task, delist_task };
