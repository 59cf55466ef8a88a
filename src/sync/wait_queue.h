/* wait_queue.h - who waits for a mutex, a semaphore, a channel, ...
 *
 * A list of waiters, oldest first, under the lock of the object that it belongs to.
 * All zero is an empty list, so objects need no constructor. A node lies on its
 * waiter's stack, mostly inside of something that says more: what a channel's
 * receiver wants to have where, whether a mutex was handed over.
 *
 * QUEUE-1  A node enters the list under the object's lock, after its waiter has seen
 *          under the same lock that it has to wait. Who changes the object so that
 *          somebody may go on looks into the list under that lock, too, or has seen a
 *          word which says that the list is empty, in the very exchange that made the
 *          change. So no wake is lost.
 * QUEUE-2  Taking a node ends the wait by a claim (WAIT-1). A node whose wait has ended
 *          otherwise is dropped, and the next one is tried: what the taker has to give
 *          is not lost with a waiter who has given up. That waiter's call did not
 *          happen: it got nothing.
 * QUEUE-3  A node that was taken stays where it is until the taker releases the lock:
 *          its waiter, task or plain thread (THREAD-3), goes on only when it is woken, which
 *          comes after. So the taker's messages are written after the claim. And who was
 *          taken has nothing more to do with the object.
 * QUEUE-4  The taker's last access to the object is to release the lock. Then it wakes,
 *          and touches waiters only, whose memory is type-stable: whoever is woken may
 *          destroy the object.
 * QUEUE-5  The lock is taken after the seat (WAIT-6), and nobody is woken under it.
 * QUEUE-6  Who has waited in vain, because a canceller came for nothing, a signal was
 *          handled or somebody else was faster, and waits again with the same node, has
 *          the place that he had. Only what was given away meanwhile has gone to others.
 * QUEUE-7  Whom a canceller woke for nothing stays in the list, and waits on there by a new
 *          ticket, as if nothing had been: unless a taker has dropped him (QUEUE-2), nobody
 *          has given what he waits for, or he would have been asked first. */
#ifndef WEFT_SYNC_WAIT_QUEUE_H
#define WEFT_SYNC_WAIT_QUEUE_H

#include "base/list.h"
#include "os/latch.h"
#include "sched/wakes.h"

struct weft__wait_list {
    struct weft__list nodes; /* zero before the first */
    _Atomic(uint32_t) count; /* changed under the lock */
    uint32_t last_number;    /* QUEUE-6 */
};

struct weft__wait_node {
    struct weft__list link;
    struct weft__wait_list *list; /* it is in; NULL: none. Under the lock */
    struct weft__waiter *waiter;
    uint64_t ticket;
    uint32_t number; /* QUEUE-6; 0: it comes for the first time */
    bool taken;      /* QUEUE-3 */
    bool dropped;    /* QUEUE-2: its wait had ended otherwise when its turn came */
};

/* Begins a wait of `waiter`, the caller's; see weft__wait_begin(). The node is zero the first
 * time, and for one list after. */
static inline void weft__wait_node_begin(struct weft__wait_node *node, struct weft__waiter *waiter,
                                         const char *what, const void *object)
{
    node->list = NULL;
    node->taken = node->dropped = false;
    node->waiter = waiter;
    node->ticket = weft__wait_begin(waiter, what, (uintptr_t)object);
}

/* Under the lock, as the next ones. */
static inline bool weft__wait_list_empty(const struct weft__wait_list *list)
{
    return weft__load(&list->count, relaxed) == 0;
}

/* Behind all who came before: at the end, or QUEUE-6. */
void weft__wait_list_enter(struct weft__wait_list *list, struct weft__wait_node *node);
void weft__wait_list_remove(struct weft__wait_node *node);

/* The oldest; NULL: none. */
struct weft__wait_node *weft__wait_list_first(const struct weft__wait_list *list);

/* Whether `node`, which is in no list, comes again and would be the first. */
bool weft__wait_list_would_be_first(const struct weft__wait_list *list,
                                    const struct weft__wait_node *node);

/* Whether anybody but `waiter` is in it. */
bool weft__wait_list_has_others(const struct weft__wait_list *list,
                                const struct weft__waiter *waiter);

/* Takes the oldest whose wait was not over: QUEUE-2, QUEUE-3. Its waiter is to be
 * woken after the lock has been released. NULL: nobody waits. */
struct weft__wait_node *weft__wait_list_take(struct weft__wait_list *list);

/* Takes all. */
void weft__wakes_take_all(struct weft__wakes *wakes, struct weft__wait_list *list);

/* Parks. 0: the node was taken. -EAGAIN: was dropped, or a signal was handled:
 * look again; or why the wait was cut short.
 * Unless it is 0, the node is in no list any more. Suspends. */
int weft__wait_node_park(struct weft__latch *lock, struct weft__wait_node *node);

/* Under the lock, which it releases: `waits` says what the caller has seen there (QUEUE-1).
 * Enters the list and parks, as above; or drops the node and returns 0. Suspends. */
int weft__wait_node_wait(struct weft__latch *lock, struct weft__wait_list *list,
                         struct weft__wait_node *node, bool waits);

/* Ends a wait whose node has entered no list, or has been removed. May suspend. */
void weft__wait_node_drop(struct weft__wait_node *node);

#endif
