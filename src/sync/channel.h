/* channel.h - channels, as select uses them.
 *
 * CHAN-1  Receivers wait only while there is nothing in the channel and no sender waits;
 *         senders only while it is full and no receiver waits. Closed: nobody waits.
 * CHAN-2  An element goes to one receiver: from the ring, or straight from a sender's
 *         memory to that of a receiver who waits. It is copied after the claim, under
 *         the lock, which the other side does not leave before (QUEUE-3); so a receiver
 *         whose memory several channels may fill gets it from the one that has claimed.
 * CHAN-3  In order: a sender waits only while the ring is full, and who takes an element
 *         out of it puts the oldest waiting sender's in. */
#ifndef WEFT_SYNC_CHANNEL_H
#define WEFT_SYNC_CHANNEL_H

#include "sync/wait_queue.h"
#include "weft/channel.h"

struct weft_channel {
    struct weft__latch lock; /* of all the rest; atomics may be looked at without */
    _Atomic(bool) closed;
    bool unbounded;
    size_t size;
    size_t room; /* elements that the ring has memory for */
    size_t head;
    _Atomic(size_t) count;
    char *ring;
    struct weft__wait_list receivers, senders;
};

/* Somebody who waits. */
struct weft__channel_node {
    struct weft__wait_node wait;
    void *element; /* a sender's is not written to */
    int result;    /* the taker's message: 0 or -EPIPE */
};

/* Do it if it can be done at once: 0, -EPIPE, -ENOMEM or -EAGAIN. Under the lock;
 * *ret_wake, unless NULL, is to be woken after its release. */
int weft__channel_put(weft_channel *channel, const void *element, struct weft__waiter **ret_wake);
int weft__channel_get(weft_channel *channel, void *ret_element, struct weft__waiter **ret_wake);

/* Whether it looks as if those would give -EAGAIN; true of some moment. */
static inline bool weft__channel_looks_full(const weft_channel *channel)
{
    return !channel->unbounded && weft__wait_list_empty(&channel->receivers) &&
           weft__load(&channel->count, relaxed) == channel->room &&
           !weft__load(&channel->closed, relaxed);
}

static inline bool weft__channel_looks_empty(const weft_channel *channel)
{
    return weft__load(&channel->count, relaxed) == 0 && weft__wait_list_empty(&channel->senders) &&
           !weft__load(&channel->closed, relaxed);
}

#endif
