#include "sync/channel.h"

#include <stdlib.h>

#define ROOM_AT_FIRST 16 /* elements, in a channel without bound */

int weft__channel_init(weft_channel *channel, size_t size, size_t capacity)
{
    bool unbounded = capacity == WEFT_UNBOUNDED;
    size_t room = unbounded ? ROOM_AT_FIRST : capacity, bytes;
    if (__builtin_mul_overflow(size, room, &bytes))
        return -ENOMEM;
    char *ring = malloc(bytes ? bytes : 1);
    if (!ring)
        return -ENOMEM;
    channel->size = size;
    channel->room = room;
    channel->unbounded = unbounded;
    channel->ring = ring;
    return 0;
}

int weft_channel_create(size_t size, size_t capacity, weft_channel **ret_channel)
{
    weft_channel *channel = calloc(1, sizeof *channel);
    int rc = channel ? weft__channel_init(channel, size, capacity) : -ENOMEM;
    if (rc)
        free(channel);
    else
        *ret_channel = channel;
    return rc;
}

void weft_channel_destroy(weft_channel *channel)
{
    if (!channel)
        return;
    free(channel->ring);
    free(channel);
}

/* What stood before the head now stands after the old end. */
bool weft__channel_grow(weft_channel *channel)
{
    size_t room = channel->room, bytes;
    if (__builtin_mul_overflow(2 * room, channel->size, &bytes))
        return false;
    char *ring = realloc(channel->ring, bytes ? bytes : 1);
    if (!ring)
        return false;
    memcpy(ring + room * channel->size, ring, channel->head * channel->size);
    channel->ring = ring;
    channel->room = 2 * room;
    return true;
}

static const struct weft__channel_order in_order = { weft__channel_grow, weft__channel_push,
                                                     weft__channel_pop };

static inline int put_last(weft_channel *channel, void *element, struct weft__waiter **ret_wake)
{
    return weft__channel_put(channel, element, ret_wake, &in_order);
}

static inline int get_first(weft_channel *channel, void *ret_element,
                            struct weft__waiter **ret_wake)
{
    return weft__channel_get(channel, ret_element, ret_wake, &in_order);
}

static const struct weft__channel_way sending = { put_last, weft__channel_looks_full, true,
                                                  "send to channel" };
static const struct weft__channel_way receiving = { get_first, weft__channel_looks_empty, false,
                                                    "receive from channel" };

int weft_channel_try_send(weft_channel *channel, const void *element)
{
    return weft__channel_try(channel, (void *)(uintptr_t)element, &sending);
}

int weft_channel_try_receive(weft_channel *channel, void *ret_element)
{
    return weft__channel_try(channel, ret_element, &receiving);
}

int weft_channel_send(weft_channel *channel, const void *element)
{
    return weft__channel_pass(channel, (void *)(uintptr_t)element, &sending);
}

int weft_channel_receive(weft_channel *channel, void *ret_element)
{
    return weft__channel_pass(channel, ret_element, &receiving);
}

static void refuse_all(struct weft__wait_list *list, struct weft__wakes *wakes)
{
    struct weft__waiter *waiter;
    struct weft__channel_node *node;
    while ((node = weft__channel_take(list, &waiter))) {
        node->result = -EPIPE;
        weft__wakes_add(wakes, waiter);
    }
}

bool weft__channel_shut(weft_channel *channel, struct weft__wakes *wakes)
{
    bool before = weft__load(&channel->closed, relaxed);
    weft__store(&channel->closed, true, relaxed);
    refuse_all(&channel->receivers, wakes); /* CHAN-1: there is nothing in it for them */
    refuse_all(&channel->senders, wakes);
    return !before;
}

int weft_channel_close(weft_channel *channel)
{
    struct weft__wakes wakes;
    weft__wakes_init(&wakes);
    weft__latch_acquire(&channel->lock);
    bool open = weft__channel_shut(channel, &wakes);
    weft__latch_release(&channel->lock);
    weft__wakes_carry_out(&wakes);
    return open ? 0 : -EALREADY;
}

size_t weft_channel_count(const weft_channel *channel)
{
    return weft__load(&channel->count, relaxed);
}
