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

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
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

void weft__depot_push(struct weft__depot *depot, struct weft__free *pile);
struct weft__free *weft__depot_pop(struct weft__depot *depot);

/* How many piles nobody has needed since this was last asked. */
size_t weft__depot_surplus(struct weft__depot *depot);
size_t weft__depot_count(struct weft__depot *depot);

/* Out of line, so that what follows needs no registers but the caller's. False: there
 * is nothing in the depot either. */
bool weft__magazine_refill(struct weft__magazine *magazine, struct weft__depot *depot);
void weft__magazine_spill(struct weft__magazine *magazine, struct weft__depot *depot);

/* NULL when magazine and depot are empty. */
WEFT_INLINE struct weft__free *weft__magazine_take(struct weft__magazine *magazine,
                                                   struct weft__depot *depot)
{
    if (weft__unlikely(!magazine->pile) && !weft__magazine_refill(magazine, depot))
        return NULL;
    struct weft__free *object = magazine->pile;
    magazine->pile = object->next;
    magazine->count--;
    __builtin_prefetch(magazine->pile, 1); /* for the next take */
    return object;
}

WEFT_INLINE void weft__magazine_give(struct weft__magazine *magazine, struct weft__depot *depot,
                                     struct weft__free *object)
{
    if (weft__unlikely(magazine->count == WEFT__PILE))
        weft__magazine_spill(magazine, depot);
    object->next = magazine->pile;
    magazine->pile = object;
    magazine->count++;
}

#endif
