/* pool.h - pools of resources.
 *
 * A pool of at most `max` resources has `max` slots, in which they are made.
 *
 * POOL-1  A slot is free, idle, or somebody's: with a resource in it that is being
 *         checked, lent or destroyed, or without one that is being made. Who takes a slot
 *         out of a list, under the lock, has it alone until he gives it back; so no two
 *         have one resource, and there are never more than slots.
 * POOL-2  Who waits does so only while no slot is free or idle, and the pool is open. Who
 *         gives a slot back gives it to the one who has waited longest, with what is in it
 *         or without. So nobody is overtaken, and no slot lies idle while somebody waits.
 * POOL-3  A waiter has been given a slot, or has given up, never both (QUEUE-2); the slot
 *         is written after the claim (QUEUE-3).
 * POOL-4  What the program has given us to call is called without the lock, by who has the
 *         slot.
 * POOL-5  Once the pool is closed no resource is put into the idle list, and none is lent. */
#ifndef WEFT_EXEC_POOL_H
#define WEFT_EXEC_POOL_H

#include "sync/wait_queue.h"
#include "weft/pool.h"

struct weft__slot {
    struct weft__list link;   /* in the free or the idle list */
    struct weft__slot *chain; /* the next made one of the same bucket */
    void *resource;
    int64_t made_at, idle_since;
    bool made; /* the lock's, as `lent`; who has the slot may read it */
    bool lent; /* its borrower may give it back; not while it is checked or made for him */
};

/* What somebody who asks has been given: a slot, and if it could be lent at once, what is in
 * it. Resources may be equal; then it may have been given back in place of another by now. */
struct weft__loan {
    struct weft__slot *slot;
    void *resource;
    bool lent;
};

struct weft_pool {
    struct weft__latch lock; /* of all the rest that is not constant */
    bool closed;
    weft_pool_attr attr; /* constant */
    unsigned busy;       /* slots that are somebody's */
    unsigned idle_count;
    struct weft__list idle; /* the newest first */
    struct weft__list free;
    struct weft__wait_list waiters;
    uint64_t made, destroyed, failed_makes, failed_checks;
    uint64_t waits;
    int64_t total_wait, longest_wait;
    unsigned bucket_bits;        /* constant */
    struct weft__slot **buckets; /* constant; what has been made, by resource */
    struct weft__slot slots[];
};

/* Somebody who waits. */
struct weft__pool_node {
    struct weft__wait_node wait;
    int64_t since;
    struct weft__loan loan; /* the giver's messages */
    int result;             /* 0 or -EPIPE */
};

/* Gives the caller's slot back: to the one who has waited longest, or into its list. What
 * is in it is destroyed first when the pool is closed. */
void weft__slot_give(weft_pool *pool, struct weft__slot *slot);

/* The same under the lock, which it releases. `now`: the clock. */
void weft__slot_give_locked(weft_pool *pool, struct weft__slot *slot, int64_t now);

/* Without the lock: makes a resource in the slot, which is the caller's. 0, make()'s error,
 * or -EPIPE: it is made, and the pool is closed. */
int weft__slot_fill(weft_pool *pool, struct weft__slot *slot);

/* Without the lock: destroys what is in the slot, which stays the caller's. */
void weft__slot_empty(weft_pool *pool, struct weft__slot *slot);

/* Empties the caller's slot and gives it back. */
void weft__slot_clear(weft_pool *pool, struct weft__slot *slot);

/* Under the lock, as what follows. The first of a list, or NULL. */
static inline struct weft__slot *weft__slot_first(struct weft__list *list)
{
    struct weft__list *link = weft__list_first(list);
    return link ? weft__container_of(link, struct weft__slot, link) : NULL;
}

/* The lent slot with this resource, or NULL. */
struct weft__slot *weft__slot_find(weft_pool *pool, const void *resource);

/* Gives the borrower a slot that is in no list. */
void weft__slot_lend(weft_pool *pool, struct weft__slot *slot, int64_t now,
                     struct weft__loan *ret_loan);

/* Takes a slot out of its list. */
void weft__slot_take(weft_pool *pool, struct weft__slot *slot);

/* Whether what is in it may not be lent any more. */
bool weft__slot_expired(const weft_pool *pool, const struct weft__slot *slot, int64_t now);

#endif
