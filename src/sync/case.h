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

/* What weft__case_kind has, for a channel, whoever it belongs to. */
int weft__case_enlist_channel(weft_case *item, weft_channel *channel, struct weft__waiter *waiter,
                              uint64_t ticket, bool sends);
bool weft__case_delist_channel(weft_case *item, weft_channel *channel);

#endif
