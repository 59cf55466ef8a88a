/* baton.h - one runs, the others stand in line: what a strand is made of.
 *
 * A strand (include/weft/strand.h) has one baton. Whoever of its tasks runs has it; the
 * others that are runnable stand in its line, and are in no worker's queue. The baton goes
 * with a task through the queues of the workers, which need not know of it: what a strand
 * costs is paid where a task of one becomes runnable and where it gives up the CPU.
 *
 * Protocol. `line` is one word for the baton and for those who have come while it was held:
 *
 *     FREE    nobody has it, nobody is in line
 *     NULL    somebody has it
 *     a node  the same, and these have come, the newest first
 *
 * `first` are those whom a holder has taken over from there, in the order they came; it is
 * the holder's, and goes on with the baton.
 *
 *     comes (any thread)    FREE -> NULL: has it; else puts itself before what it saw
 *     leaves (the holder)   takes the oldest: from `first`, else all of `line` at once, turned
 *                           round; NULL -> FREE if there is none
 *     goes behind (same)    takes the oldest, then comes; stays if there is none
 *
 * STRAND-1  At most one has the baton: FREE is left by one exchange that succeeds, and
 *           entered by the holder, who names no successor then. A successor that is named
 *           has it from there on, and the one before has not.
 * STRAND-2  Nobody is forgotten: a node is put where NULL or a node was seen, which is
 *           while somebody holds the baton; and he sets FREE by an exchange that sees
 *           whether one has been put since he looked. And nobody is named twice: a node
 *           leaves `line` by the one exchange that takes all of them (INBOX-1).
 * STRAND-3  First come, first served: `first` came before all that is in `line`, and each
 *           that is taken over came before those who come later. A holder that goes behind
 *           comes after all who were there when it looked.
 * STRAND-4  What a holder wrote the next one sees, on whichever worker: it leaves by a
 *           release that the next one acquires (FREE), or names its successor, who is
 *           handed on through a worker's queue, a shelf or an inbox. And who is named sees
 *           what was written before it was put.
 * STRAND-5  To leave, or to put a node, is the last access: the strand may be gone as soon
 *           as that has happened. It stays while one of its tasks has not ended: sched/strand.h.
 *
 * No ABA: as INBOX-2. */
#ifndef WEFT_LOCKFREE_BATON_H
#define WEFT_LOCKFREE_BATON_H

#include "lockfree/inbox.h"

#define WEFT__BATON_FREE ((struct weft__inbox_node *)1)

struct weft__baton {
    _Atomic(struct weft__inbox_node *) line;
    struct weft__inbox_node *first; /* the holder's */
};

static inline void weft__baton_init(struct weft__baton *baton)
{
    weft__store(&baton->line, WEFT__BATON_FREE, relaxed); /* before it is shared */
    baton->first = NULL;
}

/* True: the baton is the caller's, for its node. False: the node is in line, and belongs to
 * whoever names it. */
static inline bool weft__baton_come(struct weft__baton *baton, struct weft__inbox_node *node)
{
    struct weft__inbox_node *seen = weft__load(&baton->line, relaxed); /* checked by the CAS */
    for (;;) {
        if (seen == WEFT__BATON_FREE) {
            /* acquire: pairs with the release in weft__baton_leave() */
            if (weft__cas_weak(&baton->line, &seen, NULL, acquire, relaxed))
                return true;
        } else {
            node->next = seen;
            /* release: pairs with the exchange in weft__baton_oldest() */
            if (weft__cas_weak(&baton->line, &seen, node, release, relaxed))
                return false;
        }
    }
}

/* The holder: the oldest in line, taken out; NULL: nobody has come. */
static inline struct weft__inbox_node *weft__baton_oldest(struct weft__baton *baton)
{
    struct weft__inbox_node *oldest = baton->first;
    if (!oldest) {
        if (weft__load(&baton->line, relaxed) == NULL)
            return NULL;
        /* acquire: pairs with weft__baton_come() */
        struct weft__inbox_node *node = weft__exchange(&baton->line, NULL, acquire);
        while (node) {
            struct weft__inbox_node *next = node->next;
            node->next = oldest;
            oldest = node;
            node = next;
        }
    }
    baton->first = oldest->next;
    return oldest;
}

/* The holder gives it up: to the node that is returned, or (NULL) to whoever comes. */
static inline struct weft__inbox_node *weft__baton_leave(struct weft__baton *baton)
{
    for (;;) {
        struct weft__inbox_node *oldest = weft__baton_oldest(baton), *none = NULL;
        if (oldest)
            return oldest;
        /* release: pairs with the acquire in weft__baton_come() */
        if (weft__cas(&baton->line, &none, WEFT__BATON_FREE, release, relaxed))
            return NULL;
    }
}

/* The holder, whose node this is, gives it up to the one that is returned and goes to the
 * end of the line; or keeps it (NULL), since there is nobody else. */
static inline struct weft__inbox_node *weft__baton_go_behind(struct weft__baton *baton,
                                                             struct weft__inbox_node *node)
{
    struct weft__inbox_node *oldest = weft__baton_oldest(baton);
    if (oldest)
        weft__baton_come(baton, node); /* it is held: by us, for the oldest */
    return oldest;
}

#endif
