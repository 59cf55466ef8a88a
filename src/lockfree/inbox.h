/* inbox.h - many producers put, one consumer takes all.
 *
 * Protocol. `head` is a stack of nodes, newest first. A producer links its node
 * to the head it saw and swings the head with a compare-and-swap; the consumer
 * takes the whole stack with one exchange and turns it round.
 *
 * INBOX-1  Each node that was put is taken exactly once: a node is reachable
 *          from `head` from its producer's successful CAS until an exchange, and
 *          one exchange takes all that is reachable.
 * INBOX-2  No ABA: nodes leave only by an exchange that empties the stack, and a
 *          producer that saw a head which has left meanwhile, and which came
 *          back, links to a node that is in the stack again: that is no error.
 * INBOX-3  Nodes of one producer come out in the order it put them.
 * INBOX-4  A consumer that announces that it will sleep and then looks at `head`,
 *          both seq_cst, or a producer that puts and then looks for sleepers,
 *          both seq_cst: one sees the other (PARK-2). */
#ifndef WEFT_LOCKFREE_INBOX_H
#define WEFT_LOCKFREE_INBOX_H

#include "base/atomic.h"

struct weft__inbox_node {
    struct weft__inbox_node *next;
};

struct weft__inbox {
    _Atomic(struct weft__inbox_node *) head;
};

/* Any thread. */
static inline void weft__inbox_put(struct weft__inbox *inbox, struct weft__inbox_node *node)
{
    struct weft__inbox_node *head = weft__load(&inbox->head, relaxed); /* checked by the CAS */
    do {
        node->next = head;
    } while (!weft__cas_weak(&inbox->head, &head, node, seq_cst, relaxed)); /* INBOX-4 */
}

/* Any thread; a hint unless ordered as INBOX-4 says. */
static inline bool weft__inbox_empty(struct weft__inbox *inbox)
{
    return weft__load(&inbox->head, seq_cst) == NULL;
}

/* The consumer: takes all nodes, oldest first. */
static inline struct weft__inbox_node *weft__inbox_take(struct weft__inbox *inbox)
{
    if (weft__load(&inbox->head, relaxed) == NULL) /* saves the exchange */
        return NULL;
    /* acquire: pairs with the CAS in weft__inbox_put() */
    struct weft__inbox_node *node = weft__exchange(&inbox->head, NULL, acquire);
    struct weft__inbox_node *oldest = NULL;
    while (node) {
        struct weft__inbox_node *next = node->next;
        node->next = oldest;
        oldest = node;
        node = next;
    }
    return oldest;
}

#endif
