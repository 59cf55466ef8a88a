/* channel.h - channels, as select and queues use them.
 *
 * CHAN-1  Receivers wait only while there is nothing in the channel and no sender waits;
 *         senders only while it is full and no receiver waits. Closed: nobody waits.
 * CHAN-2  An element goes to one receiver: from the ring, or straight from a sender's
 *         memory to that of a receiver who waits. It is copied after the claim, under
 *         the lock, which the other side does not leave before (QUEUE-3); so a receiver
 *         whose memory several channels may fill gets it from the one that has claimed.
 * CHAN-3  In order: a sender waits only while the ring is full, and who takes an element
 *         out of it puts the oldest waiting sender's in.
 *
 * CHAN-4  A ring without bound grows outside of the lock: an allocator that somebody has
 *         preloaded may suspend. Who has found no room brings memory, which is put in place
 *         under the lock if the ring is full still, and begins again.
 *
 * The latch leans towards a worker whose tasks alone use the channel (os/latch.h). Whoever
 * can enters it, with the worker's seat, which he needs anyway to wake or to wait.
 *
 * A queue (sync/queue.c) is a channel whose elements leave in another order, and who puts
 * and gets does some more under the lock. What both do is written once, and inlined. */
#ifndef WEFT_SYNC_CHANNEL_H
#define WEFT_SYNC_CHANNEL_H

#include <errno.h>
#include <string.h>

#include "sched/enter.h"
#include "sched/spend.h"
#include "sync/wait_queue.h"
#include "task/scope.h"
#include "weft/channel.h"

struct weft_channel {
    struct weft__latch lock; /* of all the rest; atomics may be looked at without */
    struct weft__latch_habit habit;
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

/* A zeroed channel's ring. 0 or -ENOMEM. */
int weft__channel_init(weft_channel *channel, size_t size, size_t capacity);

/* Destroying: in builds with assertions nobody may be in its lists. */
#ifdef NDEBUG
static inline void weft__channel_assert_unused(const weft_channel *channel, const char *who)
{
    (void)channel;
    (void)who;
}
#else
void weft__channel_assert_unused(const weft_channel *channel, const char *who);
#endif

/* Under the lock, as the next ones: nothing goes in any more, and all who wait get
 * -EPIPE, once they are woken. False: it was closed before. */
bool weft__channel_shut(weft_channel *channel, struct weft__wakes *wakes);

/* As weft__checkpoint(), of a plain thread; or -ENOMEM. */
int weft__channel_check_thread(void);

struct weft__heap;

/* Without the lock: twice the room, unless there is some by now; and in the heap of its ring,
 * unless NULL. 0 or -ENOMEM. */
int weft__channel_grow(weft_channel *channel, struct weft__heap *heap);

static inline void weft__channel_copy(const weft_channel *channel, void *to, const void *from)
{
    if (weft__likely(channel->size == sizeof(uint64_t)))
        memcpy(to, from, sizeof(uint64_t));
    else if (channel->size)
        memcpy(to, from, channel->size);
}

/* Of the element number `index` after the head; index <= room. */
static inline char *weft__channel_slot(const weft_channel *channel, size_t index)
{
    size_t at = channel->head + index;
    return channel->ring + (at < channel->room ? at : at - channel->room) * channel->size;
}

/* There is room. */
static inline void weft__channel_push(weft_channel *channel, const void *element)
{
    size_t count = weft__load(&channel->count, relaxed);
    weft__channel_copy(channel, weft__channel_slot(channel, count), element);
    weft__bump(&channel->count, 1);
}

/* There is an element. */
static inline void weft__channel_pop(weft_channel *channel, void *ret_element)
{
    weft__channel_copy(channel, ret_element, weft__channel_slot(channel, 0));
    weft__bump(&channel->count, (size_t)-1);
    if (++channel->head == channel->room)
        channel->head = 0;
}

/* How elements come and leave: as the two above. */
struct weft__channel_order {
    void (*push)(weft_channel *channel, const void *element);
    void (*pop)(weft_channel *channel, void *ret_element);
};

static inline struct weft__channel_node *weft__channel_take(struct weft__wait_list *list,
                                                            struct weft__waiter **ret_wake)
{
    struct weft__wait_node *wait = weft__wait_list_empty(list) ? NULL : weft__wait_list_take(list);
    if (!wait)
        return NULL;
    struct weft__channel_node *node = weft__container_of(wait, struct weft__channel_node, wait);
    node->result = 0;
    *ret_wake = wait->waiter;
    return node;
}

/* Puts an element in, or gets one, if it can be done at once: 0, -EPIPE, -EAGAIN or -ENOBUFS
 * (once it has grown). *ret_wake, unless NULL, has got or given it by waiting. */
WEFT_INLINE int weft__channel_put(weft_channel *channel, const void *element,
                                  struct weft__waiter **ret_wake,
                                  const struct weft__channel_order *order)
{
    struct weft__channel_node *receiver;
    *ret_wake = NULL;
    if (weft__unlikely(weft__load(&channel->closed, relaxed)))
        return -EPIPE;
    if ((receiver = weft__channel_take(&channel->receivers, ret_wake))) {
        weft__channel_copy(channel, receiver->element, element); /* CHAN-2 */
        return 0;
    }
    if (weft__load(&channel->count, relaxed) == channel->room)
        return channel->unbounded ? -ENOBUFS : -EAGAIN;
    order->push(channel, element);
    return 0;
}

WEFT_INLINE int weft__channel_get(weft_channel *channel, void *ret_element,
                                  struct weft__waiter **ret_wake,
                                  const struct weft__channel_order *order)
{
    struct weft__channel_node *sender;
    *ret_wake = NULL;
    if (weft__load(&channel->count, relaxed)) {
        order->pop(channel, ret_element);
        if ((sender = weft__channel_take(&channel->senders, ret_wake)))
            order->push(channel, sender->element); /* CHAN-3 */
        return 0;
    }
    if ((sender = weft__channel_take(&channel->senders, ret_wake))) {
        weft__channel_copy(channel, ret_element, sender->element);
        return 0;
    }
    return weft__load(&channel->closed, relaxed) ? -EPIPE : -EAGAIN;
}

/* Whether it looks as if those would give -EAGAIN; true of some moment. Without the lock,
 * as what follows. */
static inline bool weft__channel_looks_full(const weft_channel *channel)
{
    return !channel->unbounded && weft__wait_list_empty(&channel->receivers) &&
           weft__load(&channel->count, relaxed) == channel->room &&
           !weft__load(&channel->closed, relaxed);
}

static inline bool weft__channel_looks_empty(const weft_channel *channel)
{
    /* Where there is room for one, a waiting sender's follows one that leaves: in between it
     * looks empty, and never was. */
    return weft__load(&channel->count, relaxed) == 0 &&
           (channel->unbounded || channel->room != 1) && weft__wait_list_empty(&channel->senders) &&
           !weft__load(&channel->closed, relaxed);
}

/* `self`: the calling task; NULL: a plain thread. Returns its worker, with the seat, if it has
 * entered. NULL: it has the latch, for which nobody waits with a seat that he need not have,
 * since it is all the worker has. */
WEFT_INLINE struct weft__worker *weft__channel_acquire(weft_channel *channel,
                                                       struct weft_task *self)
{
    struct weft__worker *worker = weft__enter_here(self);
    if (weft__likely(worker != NULL)) {
        if (weft__likely(weft__latch_enter(&channel->lock, worker->index)))
            return worker;
        weft__leave(self);
    }
    weft__latch_acquire(&channel->lock);
    return NULL;
}

/* `worker`: what that has returned. Its seat is still to be left. */
WEFT_INLINE void weft__channel_release(weft_channel *channel, struct weft_task *self,
                                       struct weft__worker *worker)
{
    if (weft__likely(worker != NULL))
        weft__latch_leave(worker->index);
    else
        weft__latch_release_by_habit(&channel->lock, &channel->habit,
                                     self ? self->worker->index : WEFT__LATCH_NOBODY);
}

/* One of the two directions. */
struct weft__channel_way {
    /* weft__channel_put() or _get() in some order, and what else is to be done. */
    int (*move)(weft_channel *channel, void *element, struct weft__waiter **ret_wake);
    bool (*looks_barred)(const weft_channel *channel);
    int (*grow)(weft_channel *channel);                  /* who sends: CHAN-4 */
    int (*slowly)(weft_channel *channel, void *element); /* weft__channel_pass_slowly() */
    bool sends;                                          /* who waits is one of the senders */
    const char *what;
};

/* `self`: the calling task; NULL: a plain thread. */
WEFT_INLINE int weft__channel_move(weft_channel *channel, void *element, struct weft_task *self,
                                   const struct weft__channel_way *way)
{
    struct weft__waiter *woken;
    struct weft__worker *worker = weft__channel_acquire(channel, self);
    int rc = way->move(channel, element, &woken);
    weft__channel_release(channel, self, worker);
    if (woken && worker)
        weft__wait_wake_here(worker, woken);
    else if (woken)
        weft__wait_wake(woken);
    if (worker)
        weft__leave(self);
    return rc;
}

WEFT_INLINE int weft__channel_try(weft_channel *channel, void *element, struct weft_task *self,
                                  const struct weft__channel_way *way)
{
    int rc;
    if (way->looks_barred(channel))
        return -EAGAIN;
    do {
        rc = weft__channel_move(channel, element, self, way);
    } while (way->sends && weft__unlikely(rc == -ENOBUFS) && (rc = way->grow(channel)) == 0);
    return rc;
}

/* Waits once: 0, -EAGAIN or an error. A sender's channel has a bound. */
WEFT_INLINE int weft__channel_wait(weft_channel *channel, struct weft__channel_node *node,
                                   const struct weft__channel_way *way, struct weft__waiter *waiter)
{
    struct weft__waiter *woken;
    struct weft_task *self = weft__is_thread(waiter) ? NULL : weft__task_of(waiter);
    weft__wait_node_begin(&node->wait, waiter, way->what, channel);
    struct weft__worker *worker = weft__channel_acquire(channel, self);
    int rc = way->move(channel, node->element, &woken);
    if (rc == -EAGAIN)
        weft__wait_list_enter(way->sends ? &channel->senders : &channel->receivers, &node->wait);
    weft__channel_release(channel, self, worker);
    if (worker)
        weft__leave(self); /* the wait has the seat as well */
    if (rc == -EAGAIN) {
        rc = weft__wait_node_park(&channel->lock, &node->wait);
        return rc ? rc : node->result;
    }
    if (woken)
        weft__wait_wake(woken);
    weft__wait_node_drop(&node->wait);
    return rc;
}

/* Waits until it can be done, by whoever has not waited yet. */
WEFT_INLINE int weft__channel_pass_slowly(weft_channel *channel, void *element,
                                          const struct weft__channel_way *way)
{
    struct weft__waiter *waiter = weft__waiter_self();
    if (!waiter)
        return -ENOMEM;
    struct weft_task *self = weft__is_thread(waiter) ? NULL : weft__task_of(waiter);
    int rc = weft__channel_try(channel, element, self, way);
    if (rc != -EAGAIN)
        return rc;
    struct weft__channel_node node = { .element = element };
    do {
        rc = weft__channel_wait(channel, &node, way, waiter);
    } while (rc == -EAGAIN);
    return rc;
}

/* Who has entered, and found that he has to wait. Leaves both. */
WEFT_INLINE int weft__channel_wait_inside(weft_channel *channel, void *element,
                                          struct weft_task *self, struct weft__worker *worker,
                                          const struct weft__channel_way *way)
{
    struct weft__channel_node node = { .element = element, .wait.waiter = &self->waiter };
    node.wait.ticket = weft__wait_begin_here(self, worker, way->what, channel);
    weft__wait_list_enter(way->sends ? &channel->senders : &channel->receivers, &node.wait);
    weft__latch_leave(worker->index);
    weft__leave(self); /* the wait has the seat as well */
    int rc = weft__wait_node_park(&channel->lock, &node.wait);
    while (weft__unlikely(rc == -EAGAIN))
        rc = weft__channel_wait(channel, &node, way, &self->waiter);
    return rc ? rc : node.result;
}

/* Waits until it can be done. Mostly the latch leans, and it can be done. */
WEFT_INLINE int weft__channel_pass(weft_channel *channel, void *element,
                                   const struct weft__channel_way *way)
{
    struct weft_task *self = weft__self();
    int rc = weft__unlikely(!self) ? weft__channel_check_thread() : weft__checkpoint(&self->waiter);
    if (rc)
        return rc;
    if (weft__likely(self != NULL))
        weft__spend(&self->waiter);
    struct weft__worker *worker = weft__enter_here(self);
    if (weft__unlikely(!worker))
        return way->slowly(channel, element);
    if (weft__unlikely(!weft__latch_enter(&channel->lock, worker->index))) {
        weft__leave(self);
        return way->slowly(channel, element);
    }
    struct weft__waiter *woken;
    rc = way->move(channel, element, &woken);
    if (rc == -EAGAIN)
        return weft__channel_wait_inside(channel, element, self, worker, way);
    weft__latch_leave(worker->index);
    if (woken)
        weft__wait_wake_here(worker, woken);
    weft__leave(self);
    return weft__unlikely(rc == -ENOBUFS) ? way->slowly(channel, element) : rc;
}

#endif
