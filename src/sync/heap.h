/* heap.h - in which order the elements of an array leave, if the first is to be the first
 * by comparison.
 *
 * HEAP-1  The first `made` of places[] are a permutation of as many slots: the first `count`
 *         are a binary heap of those in use, the rest are free. So elements stay where they
 *         were copied to, and finding a free slot costs nothing. All slots above are free,
 *         and so a large array costs nothing before it is filled.
 * HEAP-2  Elements that compare equal leave in the order in which they came: each has a
 *         number. */
#ifndef WEFT_SYNC_HEAP_H
#define WEFT_SYNC_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weft__heap_place {
    size_t slot;
    uint64_t number;
};

/* All zero but compare(), which is as qsort()'s: an empty heap without room. */
struct weft__heap {
    int (*compare)(const void *a, const void *b);
    struct weft__heap_place *places; /* the heap's own, for who ends it to free */
    size_t made, count;
    uint64_t next; /* number */
};

/* Places for an array of `room`, to be freed; none is made. NULL: memory is out. */
struct weft__heap_place *weft__heap_make_places(size_t room);

/* Makes it as large as the array, which has become larger: `*places` are for that, and are
 * the old ones after. */
void weft__heap_grow(struct weft__heap *heap, struct weft__heap_place **places);

/* The slot that weft__heap_push() takes: for its element. There is room. */
static inline size_t weft__heap_free_slot(const struct weft__heap *heap)
{
    return heap->count < heap->made ? heap->places[heap->count].slot : heap->count;
}

void weft__heap_push(struct weft__heap *heap, const char *array, size_t size);

/* The slot of the first, free from now on. There is one. */
size_t weft__heap_pop(struct weft__heap *heap, const char *array, size_t size);

#endif
