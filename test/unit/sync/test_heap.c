#include "suite.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sync/heap.h"

#define ROOM 64

struct item {
    int rank, number;
};

static struct item array[4 * ROOM];
static struct weft__heap heap;
static size_t room;
static int given; /* numbers */

static int by_rank(const void *a, const void *b)
{
    const struct item *first = a, *second = b;
    return first->rank - second->rank;
}

static void push(int rank)
{
    array[weft__heap_free_slot(&heap)] = (struct item){ rank, given++ };
    weft__heap_push(&heap, (const char *)array, sizeof *array);
}

static struct item pop(void)
{
    return array[weft__heap_pop(&heap, (const char *)array, sizeof *array)];
}

static void grow(size_t to)
{
    struct weft__heap_place *places = weft__heap_make_places(to);
    ck_assert_ptr_nonnull(places);
    weft__heap_grow(&heap, &places);
    free(places);
    room = to;
}

static void open_heap(void)
{
    heap = (struct weft__heap){ .compare = by_rank };
    grow(ROOM);
}

static bool in_order(const struct item *a, const struct item *b)
{
    return a->rank < b->rank || (a->rank == b->rank && a->number < b->number);
}

/* HEAP-1 */
static void expect_valid(void)
{
    bool seen[4 * ROOM] = { false };
    ck_assert(heap.count <= heap.made && heap.made <= room);
    for (size_t i = 0; i < heap.made; i++) {
        size_t slot = heap.places[i].slot;
        if (slot >= heap.made || seen[slot])
            ck_abort_msg("slot %zu is not there, or twice", slot);
        seen[slot] = true;
    }
    for (size_t i = 1; i < heap.count; i++) {
        if (!in_order(&array[heap.places[(i - 1) / 2].slot], &array[heap.places[i].slot]))
            ck_abort_msg("place %zu is before the one above it", i);
    }
}

TEST(equal_ones_leave_in_the_order_in_which_they_came)
{
    open_heap();
    for (int i = 0; i < ROOM; i++)
        push(7);
    for (int i = 0; i < ROOM; i++) {
        expect_valid();
        ck_assert_int_eq(pop().number, i);
    }
    free(heap.places);
}

/* What is in it, beside the heap: the first is looked for. */
struct list {
    struct item items[4 * ROOM];
    int count;
};

static struct item take_first(struct list *list)
{
    int first = 0;
    for (int i = 1; i < list->count; i++) { /* older ones stand before newer ones */
        if (list->items[i].rank < list->items[first].rank)
            first = i;
    }
    struct item item = list->items[first];
    memmove(&list->items[first], &list->items[first + 1],
            (size_t)(--list->count - first) * sizeof item);
    return item;
}

static void push_both(struct list *list)
{
    int rank = (int)(test_random() % 10);
    list->items[list->count++] = (struct item){ rank, given };
    push(rank);
}

static void pop_both(struct list *list)
{
    struct item expected = take_first(list), item = pop();
    ck_assert_int_eq(item.rank, expected.rank);
    ck_assert_int_eq(item.number, expected.number);
}

TEST(the_first_leaves_first_in_any_mix)
{
    struct list list = { .count = 0 };
    open_heap();
    for (int i = 0; i < 5000; i++) {
        bool full = heap.count == room;
        if (full && room < 4 * ROOM)
            grow(2 * room);
        full = heap.count == room;
        if (!heap.count || (!full && test_random() % 5 > 1))
            push_both(&list);
        else
            pop_both(&list);
        expect_valid();
    }
    while (heap.count)
        pop_both(&list);
    ck_assert_int_eq(list.count, 0);
    free(heap.places);
}

/* Memory of which nothing is used costs an address. */
TEST(HEAP_1_a_large_heap_costs_nothing_before_it_is_filled)
{
    enum { LARGE = 1 << 20 };
    unsigned char there;
    if (test_is_slowed())
        return;
    long page = sysconf(_SC_PAGESIZE);
    mallopt(M_PERTURB, 0); /* which Meson asks for: malloc() would write to all of it */
    open_heap();
    grow(LARGE);
    push(1);
    push(2);
    uintptr_t middle = (uintptr_t)&heap.places[LARGE / 2] & -(uintptr_t)page;
    ck_assert_int_eq(mincore((void *)middle, 1, &there), 0);
    ck_assert(!(there & 1));
    ck_assert_int_eq(pop().rank, 1);
    free(heap.places);
}

TEST(a_heap_too_large_to_count_is_refused)
{
    ck_assert_ptr_null(weft__heap_make_places(SIZE_MAX / 4));
}
