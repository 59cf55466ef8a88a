#include "sync/heap.h"

#include <stdlib.h>
#include <string.h>

struct weft__heap_place *weft__heap_make_places(size_t room)
{
    size_t bytes;
    bool overflow = __builtin_mul_overflow(room, sizeof(struct weft__heap_place), &bytes);
    return overflow ? NULL : malloc(bytes);
}

void weft__heap_grow(struct weft__heap *heap, struct weft__heap_place **places)
{
    struct weft__heap_place *before = heap->places;
    if (before)
        memcpy(*places, before, heap->made * sizeof *before); /* HEAP-1: a permutation itself */
    heap->places = *places;
    *places = before;
}

/* An array as the heap sees it, for the time of one operation. */
struct view {
    struct weft__heap *heap;
    const char *array;
    size_t size;
};

static bool before(const struct view *view, size_t a, size_t b)
{
    const struct weft__heap_place *places = view->heap->places;
    int order = view->heap->compare(view->array + places[a].slot * view->size,
                                    view->array + places[b].slot * view->size);
    return order ? order < 0 : places[a].number < places[b].number; /* HEAP-2 */
}

static void swap(struct weft__heap *heap, size_t a, size_t b)
{
    struct weft__heap_place place = heap->places[a];
    heap->places[a] = heap->places[b];
    heap->places[b] = place;
}

void weft__heap_push(struct weft__heap *heap, const char *array, size_t size)
{
    struct view view = { heap, array, size };
    size_t at = heap->count++;
    if (at == heap->made)
        heap->places[heap->made++].slot = at; /* HEAP-1 */
    heap->places[at].number = heap->next++;
    while (at > 0 && before(&view, at, (at - 1) / 2)) {
        swap(heap, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

/* The earlier one of those below; `at`: none is earlier. */
static size_t first_of_three(const struct view *view, size_t at)
{
    size_t first = at;
    for (size_t below = 2 * at + 1; below <= 2 * at + 2 && below < view->heap->count; below++) {
        if (before(view, below, first))
            first = below;
    }
    return first;
}

size_t weft__heap_pop(struct weft__heap *heap, const char *array, size_t size)
{
    struct view view = { heap, array, size };
    size_t at = 0, next;
    swap(heap, 0, --heap->count);
    while ((next = first_of_three(&view, at)) != at) {
        swap(heap, at, next);
        at = next;
    }
    return heap->places[heap->count].slot;
}
