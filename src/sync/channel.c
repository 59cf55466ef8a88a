#include "sync/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sched/spend.h"
#include "task/scope.h"

#define ROOM_AT_FIRST 16 /* elements, in a channel without bound */

int weft_channel_create(size_t size, size_t capacity, weft_channel **ret_channel)
{
    bool unbounded = capacity == WEFT_UNBOUNDED;
    size_t room = unbounded ? ROOM_AT_FIRST : capacity, bytes;
    if (__builtin_mul_overflow(size, room, &bytes))
        return -ENOMEM;
    weft_channel *channel = calloc(1, sizeof *channel);
    char *ring = malloc(bytes ? bytes : 1);
    if (!channel || !ring) {
        free(channel);
        free(ring);
        return -ENOMEM;
    }
    channel->size = size;
    channel->room = room;
    channel->unbounded = unbounded;
    channel->ring = ring;
    *ret_channel = channel;
    return 0;
}

void weft_channel_destroy(weft_channel *channel)
{
    if (!channel)
        return;
    free(channel->ring);
    free(channel);
}

static inline void copy(const weft_channel *channel, void *to, const void *from)
{
    if (weft__likely(channel->size == sizeof(uint64_t)))
        memcpy(to, from, sizeof(uint64_t));
    else if (channel->size)
        memcpy(to, from, channel->size);
}

/* Of the element number `index` after the head; index <= room. */
static char *slot(const weft_channel *channel, size_t index)
{
    size_t at = channel->head + index;
    return channel->ring + (at < channel->room ? at : at - channel->room) * channel->size;
}

/* Twice the room; what stood before the head now stands after the old end. */
static bool grow(weft_channel *channel)
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

static void push(weft_channel *channel, const void *element)
{
    copy(channel, slot(channel, weft__load(&channel->count, relaxed)), element);
    weft__bump(&channel->count, 1);
}

static void pop(weft_channel *channel, void *ret_element)
{
    copy(channel, ret_element, slot(channel, 0));
    weft__bump(&channel->count, (size_t)-1);
    if (++channel->head == channel->room)
        channel->head = 0;
}

static struct weft__channel_node *take(struct weft__wait_list *list, struct weft__waiter **ret_wake)
{
    struct weft__wait_node *wait = weft__wait_list_take(list);
    if (!wait)
        return NULL;
    struct weft__channel_node *node = weft__container_of(wait, struct weft__channel_node, wait);
    node->result = 0;
    *ret_wake = wait->waiter;
    return node;
}

int weft__channel_put(weft_channel *channel, const void *element, struct weft__waiter **ret_wake)
{
    struct weft__channel_node *receiver;
    *ret_wake = NULL;
    if (weft__unlikely(weft__load(&channel->closed, relaxed)))
        return -EPIPE;
    if ((receiver = take(&channel->receivers, ret_wake))) {
        copy(channel, receiver->element, element); /* CHAN-2 */
        return 0;
    }
    if (weft__load(&channel->count, relaxed) == channel->room) {
        if (!channel->unbounded)
            return -EAGAIN;
        if (!grow(channel))
            return -ENOMEM;
    }
    push(channel, element);
    return 0;
}

int weft__channel_get(weft_channel *channel, void *ret_element, struct weft__waiter **ret_wake)
{
    struct weft__channel_node *sender;
    *ret_wake = NULL;
    if (weft__load(&channel->count, relaxed)) {
        pop(channel, ret_element);
        if ((sender = take(&channel->senders, ret_wake)))
            push(channel, sender->element); /* CHAN-3 */
        return 0;
    }
    if ((sender = take(&channel->senders, ret_wake))) {
        copy(channel, ret_element, sender->element);
        return 0;
    }
    return weft__load(&channel->closed, relaxed) ? -EPIPE : -EAGAIN;
}

static void wake(struct weft__waiter *waiter)
{
    if (waiter)
        weft__wait_wake(waiter);
}

int weft_channel_try_send(weft_channel *channel, const void *element)
{
    struct weft__waiter *woken;
    if (weft__channel_looks_full(channel))
        return -EAGAIN;
    weft__latch_acquire(&channel->lock);
    int rc = weft__channel_put(channel, element, &woken);
    weft__latch_release(&channel->lock);
    wake(woken);
    return rc;
}

int weft_channel_try_receive(weft_channel *channel, void *ret_element)
{
    struct weft__waiter *woken;
    if (weft__channel_looks_empty(channel))
        return -EAGAIN;
    weft__latch_acquire(&channel->lock);
    int rc = weft__channel_get(channel, ret_element, &woken);
    weft__latch_release(&channel->lock);
    wake(woken);
    return rc;
}

/* After the try under the lock: waits, or ends the wait. */
static int end_wait(weft_channel *channel, struct weft__channel_node *node,
                    struct weft__wait_list *list, int tried, struct weft__waiter *woken)
{
    if (tried == -EAGAIN)
        weft__wait_list_append(list, &node->wait);
    weft__latch_release(&channel->lock);
    if (tried == -EAGAIN) {
        int rc = weft__wait_node_park(&channel->lock, &node->wait);
        return rc ? rc : node->result;
    }
    wake(woken);
    weft__wait_node_drop(&node->wait);
    return tried;
}

/* Each waits once: 0, -EAGAIN or an error. */
static int wait_to_send(weft_channel *channel, const void *element, struct weft__waiter *waiter)
{
    struct weft__channel_node node = { .element = (void *)(uintptr_t)element };
    struct weft__waiter *woken;
    weft__wait_node_begin(&node.wait, waiter, "send to channel", channel);
    weft__latch_acquire(&channel->lock);
    int rc = weft__channel_put(channel, element, &woken);
    return end_wait(channel, &node, &channel->senders, rc, woken);
}

static int wait_to_receive(weft_channel *channel, void *ret_element, struct weft__waiter *waiter)
{
    struct weft__channel_node node = { .element = ret_element };
    struct weft__waiter *woken;
    weft__wait_node_begin(&node.wait, waiter, "receive from channel", channel);
    weft__latch_acquire(&channel->lock);
    int rc = weft__channel_get(channel, ret_element, &woken);
    return end_wait(channel, &node, &channel->receivers, rc, woken);
}

int weft_channel_send(weft_channel *channel, const void *element)
{
    struct weft__waiter *waiter = weft__waiter_self();
    int rc = waiter ? weft__checkpoint(waiter) : -ENOMEM;
    if (rc)
        return rc;
    weft__spend(waiter);
    rc = weft_channel_try_send(channel, element);
    while (rc == -EAGAIN)
        rc = wait_to_send(channel, element, waiter);
    return rc;
}

int weft_channel_receive(weft_channel *channel, void *ret_element)
{
    struct weft__waiter *waiter = weft__waiter_self();
    int rc = waiter ? weft__checkpoint(waiter) : -ENOMEM;
    if (rc)
        return rc;
    weft__spend(waiter);
    rc = weft_channel_try_receive(channel, ret_element);
    while (rc == -EAGAIN)
        rc = wait_to_receive(channel, ret_element, waiter);
    return rc;
}

static void refuse_all(struct weft__wait_list *list, struct weft__wakes *wakes)
{
    struct weft__waiter *waiter;
    struct weft__channel_node *node;
    while ((node = take(list, &waiter))) {
        node->result = -EPIPE;
        weft__wakes_add(wakes, waiter);
    }
}

int weft_channel_close(weft_channel *channel)
{
    struct weft__wakes wakes;
    weft__wakes_init(&wakes);
    weft__latch_acquire(&channel->lock);
    bool before = weft__load(&channel->closed, relaxed);
    weft__store(&channel->closed, true, relaxed);
    refuse_all(&channel->receivers, &wakes); /* CHAN-1: there is nothing in it for them */
    refuse_all(&channel->senders, &wakes);
    weft__latch_release(&channel->lock);
    weft__wakes_carry_out(&wakes);
    return before ? -EALREADY : 0;
}

size_t weft_channel_count(const weft_channel *channel)
{
    return weft__load(&channel->count, relaxed);
}
