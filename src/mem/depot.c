#include "mem/depot.h"

void weft__depot_push(struct weft__depot *depot, struct weft__free *pile)
{
    weft__lock_acquire(&depot->lock);
    pile->piles = depot->piles;
    depot->piles = pile;
    depot->count++;
    weft__lock_release(&depot->lock);
}

struct weft__free *weft__depot_pop(struct weft__depot *depot)
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

size_t weft__depot_surplus(struct weft__depot *depot)
{
    weft__lock_acquire(&depot->lock);
    size_t surplus = depot->low;
    depot->low = depot->count;
    weft__lock_release(&depot->lock);
    return surplus;
}

size_t weft__depot_count(struct weft__depot *depot)
{
    weft__lock_acquire(&depot->lock);
    size_t count = depot->count;
    weft__lock_release(&depot->lock);
    return count;
}

bool weft__magazine_refill(struct weft__magazine *magazine, struct weft__depot *depot)
{
    magazine->pile = magazine->spare ? magazine->spare : weft__depot_pop(depot);
    magazine->spare = NULL;
    magazine->count = magazine->pile ? WEFT__PILE : 0;
    return magazine->pile != NULL;
}

void weft__magazine_spill(struct weft__magazine *magazine, struct weft__depot *depot)
{
    if (magazine->spare)
        weft__depot_push(depot, magazine->spare);
    magazine->spare = magazine->pile;
    magazine->pile = NULL;
    magazine->count = 0;
}
