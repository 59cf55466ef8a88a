/* case.h - what the kinds of case have in common: each keeps its node in the case. */
#ifndef WEFT_SYNC_CASE_H
#define WEFT_SYNC_CASE_H

#include "sync/channel.h"
#include "sync/select.h"

_Static_assert(sizeof(struct weft__channel_node) <= sizeof((weft_case *)0)->weft__private,
               "a case has room for its node");

static inline struct weft__channel_node *weft__case_node(weft_case *item)
{
    return (struct weft__channel_node *)(void *)item->weft__private;
}

static inline struct weft__wait_node *weft__case_wait(weft_case *item)
{
    return &weft__case_node(item)->wait;
}

/* A node for this wait, which keeps its place. */
static inline struct weft__wait_node *
weft__case_prepare(weft_case *item, struct weft__waiter *waiter, uint64_t ticket)
{
    struct weft__wait_node *node = weft__case_wait(item);
    *node = (struct weft__wait_node){ .waiter = waiter, .ticket = ticket, .number = node->number };
    return node;
}

/* After the wait, out of its list. True: it was taken, and has nothing to do with the lock's
 * object any more (QUEUE-3). */
static inline bool weft__case_leave(weft_case *item, struct weft__latch *lock)
{
    struct weft__wait_node *node = weft__case_wait(item);
    if (node->taken)
        return true;
    weft__latch_acquire(lock);
    weft__wait_list_remove(node);
    weft__latch_release(lock);
    return false;
}

/* What weft__case_kind has, for a channel, whoever it belongs to. */
int weft__case_enlist_channel(weft_case *item, weft_channel *channel, struct weft__waiter *waiter,
                              uint64_t ticket, bool sends);
bool weft__case_delist_channel(weft_case *item, weft_channel *channel);

#endif
