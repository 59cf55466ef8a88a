/* depot.h - recycling: magazines and depots of free objects.
 *
 * Each worker keeps free objects in a magazine of two piles and trades whole
 * piles with a common depot, so an object that is made by one worker and ends
 * on another comes back 64 at a time, under one lock. Newest first: the object
 * given last is still in the cache.
 *
 * A magazine belongs to whoever holds its worker's seat. A depot may be used by
 * anyone. */
#ifndef WEFT_MEM_DEPOT_H
#define WEFT_MEM_DEPOT_H

#include <stddef.h>

#include "os/lock.h"

#define WEFT__PILE 64

/* Lies in each free object. `piles` is meaningful in the first of a pile. */
struct weft__free {
    struct weft__free *next;
    struct weft__free *piles;
};

struct weft__depot {
    struct weft__lock lock;
    struct weft__free *piles;
    size_t count; /* of piles */
    size_t low;   /* least count since weft__depot_surplus() last looked */
};

struct weft__magazine {
    struct weft__free *pile;
    struct weft__free *spare; /* NULL or a full pile */
    unsigned count;           /* in `pile` */
};

static inline void weft__depot_push(struct weft__depot *depot, struct weft__free *pile)
{
    weft__lock_acquire(&depot->lock);
    pile->piles = depot->piles;
    depot->piles = pile;
    depot->count++;
    weft__lock_release(&depot->lock);
}

static inline struct weft__free *weft__depot_pop(struct weft__depot *depot)
{
    weft__lock_acquire(&depot->lock);
    struct weft__free *pile = depot->piles;
    if (pile) {
        depot->piles = pile->piles;
        if (--depot->count < depot->low)
            depot->low = depot->count;
    }
    weft__lock_release(&depot->lock);
    return pile;
}

/* How many piles nobody has needed since this was last asked. */
static inline size_t weft__depot_surplus(struct weft__depot *depot)
{
    weft__lock_acquire(&depot->lock);
    size_t surplus = depot->low;
    depot->low = depot->count;
    weft__lock_release(&depot->lock);
    return surplus;
}

static inline size_t weft__depot_count(struct weft__depot *depot)
{
    weft__lock_acquire(&depot->lock);
    size_t count = depot->count;
    weft__lock_release(&depot->lock);
    return count;
}

/* NULL when magazine and depot are empty. */
static inline struct weft__free *weft__magazine_take(struct weft__magazine *magazine,
                                                     struct weft__depot *depot)
{
    struct weft__free *object = magazine->pile;
    if (weft__unlikely(!object)) {
        object = magazine->spare;
        magazine->spare = NULL;
        if (!object)
            object = weft__depot_pop(depot);
        if (!object)
            return NULL;
        magazine->count = WEFT__PILE;
    }
    magazine->pile = object->next;
    magazine->count--;
    __builtin_prefetch(magazine->pile, 1); /* for the next take */
    return object;
}

static inline void weft__magazine_give(struct weft__magazine *magazine, struct weft__depot *depot,
                                       struct weft__free *object)
{
    if (weft__unlikely(magazine->count == WEFT__PILE)) {
        if (magazine->spare)
            weft__depot_push(depot, magazine->spare);
        magazine->spare = magazine->pile;
        magazine->pile = NULL;
        magazine->count = 0;
    }
    object->next = magazine->pile;
    magazine->pile = object;
    magazine->count++;
}

#endif
