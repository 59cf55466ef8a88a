#include "sync/channel.h"

#include <stdlib.h>

#include "base/assert.h"
#include "sync/heap.h"

#define ROOM_AT_FIRST 16 /* elements, in a channel without bound */

static char *make_ring(const weft_channel *channel, size_t room)
{
    size_t bytes;
    if (__builtin_mul_overflow(room, channel->size, &bytes))
        return NULL;
    return malloc(bytes ? bytes : 1);
}

int weft__channel_init(weft_channel *channel, size_t size, size_t capacity)
{
    channel->unbounded = capacity == WEFT_UNBOUNDED;
    channel->size = size;
    channel->room = channel->unbounded ? ROOM_AT_FIRST : capacity;
    channel->ring = make_ring(channel, channel->room);
    return channel->ring ? 0 : -ENOMEM;
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

#ifndef NDEBUG
void weft__channel_assert_unused(const weft_channel *channel, const char *who)
{
    if (!weft__wait_list_empty(&channel->receivers) || !weft__wait_list_empty(&channel->senders))
        weft__panic("%s: somebody waits at it", who);
}
#endif

void weft_channel_destroy(weft_channel *channel)
{
    if (!channel)
        return;
    weft__channel_assert_unused(channel, "weft_channel_destroy");
    free(channel->ring);
    free(channel);
}

/* Under the lock: into twice the room, the head first; `*ring` is the old one after. */
static void move_to(weft_channel *channel, char **ring)
{
    char *before = channel->ring;
    size_t head = channel->head * channel->size, all = channel->room * channel->size;
    memcpy(*ring, before + head, all - head);
    memcpy(*ring + all - head, before, head);
    channel->ring = *ring;
    channel->room *= 2;
    channel->head = 0;
    *ring = before;
}

static size_t room_of(weft_channel *channel)
{
    weft__latch_acquire(&channel->lock);
    size_t room = channel->room;
    weft__latch_release(&channel->lock);
    return room;
}

/* CHAN-4; one that was shut at once has nothing in it, and no ring. */
int weft__channel_grow(weft_channel *channel, struct weft__heap *heap)
{
    size_t room = room_of(channel);
    char *ring = make_ring(channel, 2 * room);
    struct weft__heap_place *places = heap ? weft__heap_make_places(2 * room) : NULL;
    bool there = ring && (places || !heap);
    if (there) {
        weft__latch_acquire(&channel->lock);
        if (channel->room == room && weft__load(&channel->count, relaxed) == room) {
            move_to(channel, &ring);
            if (heap)
                weft__heap_grow(heap, &places);
        }
        weft__latch_release(&channel->lock);
    }
    free(ring);
    free(places);
    return there ? 0 : -ENOMEM;
}

static int grow(weft_channel *channel)
{
    return weft__channel_grow(channel, NULL);
}

static const struct weft__channel_order in_order = { weft__channel_push, weft__channel_pop };

static inline int put_last(weft_channel *channel, void *element, struct weft__waiter **ret_wake)
{
    return weft__channel_put(channel, element, ret_wake, &in_order);
}

static inline int get_first(weft_channel *channel, void *ret_element,
                            struct weft__waiter **ret_wake)
{
    return weft__channel_get(channel, ret_element, ret_wake, &in_order);
}

static int send_slowly(weft_channel *channel, void *element);
static int receive_slowly(weft_channel *channel, void *ret_element);

static const struct weft__channel_way sending = { .move = put_last,
                                                  .looks_barred = weft__channel_looks_full,
                                                  .grow = grow,
                                                  .slowly = send_slowly,
                                                  .sends = true,
                                                  .what = "send to channel" };
static const struct weft__channel_way receiving = { .move = get_first,
                                                    .looks_barred = weft__channel_looks_empty,
                                                    .slowly = receive_slowly,
                                                    .what = "receive from channel" };

static WEFT_NOINLINE int send_slowly(weft_channel *channel, void *element)
{
    return weft__channel_pass_slowly(channel, element, &sending);
}

static WEFT_NOINLINE int receive_slowly(weft_channel *channel, void *ret_element)
{
    return weft__channel_pass_slowly(channel, ret_element, &receiving);
}

int weft__channel_check_thread(void)
{
    struct weft__waiter *waiter = weft__thread_waiter();
    return waiter ? weft__checkpoint(waiter) : -ENOMEM;
}

int weft_channel_try_send(weft_channel *channel, const void *element)
{
    return weft__channel_try(channel, (void *)(uintptr_t)element, weft__self(), &sending);
}

int weft_channel_try_receive(weft_channel *channel, void *ret_element)
{
    return weft__channel_try(channel, ret_element, weft__self(), &receiving);
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
