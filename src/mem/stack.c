#include "mem/stack.h"

#include <string.h>

#include "base/annotate.h"
#include "base/assert.h"
#include "os/memory.h"

#define REGION_FIRST ((size_t)16 << 20)
#define REGION_LARGEST ((size_t)1 << 30)
/* Of address space that is limited, for all that is not a stack. */
#define REST ((size_t)16 << 20)
/* What a task needs of its stack before it first parks. */
#define FIRST_FRAMES 512
#define COLOURS 16
#define COLOUR_STEP 128

struct weft__region {
    struct weft__region *next;
    char *start;
    size_t size;
    unsigned *valgrind_ids; /* of the stacks in it, plus 1; NULL outside Valgrind */
};

size_t weft__stack_guard_size(void)
{
    return weft__stack_guard(weft__memory_page());
}

size_t weft__stack_size(size_t asked)
{
    return weft__stack_rounded(asked, weft__memory_page());
}

void weft__stacks_init(struct weft__stacks *stacks, size_t size)
{
    memset(stacks, 0, sizeof *stacks);
    stacks->size = size;
    stacks->region_size = REGION_FIRST;
    weft__pool_init(&stacks->descriptors, sizeof(struct weft__stack));
}

/* Valgrind takes a thread's stack and what begins where it ends for one, unless that cannot
 * be read from the beginning: so there is always a page in front. */
static size_t gap(void)
{
    return weft__annotate_on_valgrind() ? weft__memory_page() : 0;
}

static char *map_region(size_t size)
{
    char *start = weft__annotate_on_valgrind() ? weft__memory_reserve(size + gap())
                                               : weft__memory_map(size, weft__memory_page(), true);
    if (!start || !gap())
        return start;
    if (weft__memory_open(start + gap(), size))
        return start + gap();
    weft__memory_unmap(start, size + gap());
    return NULL;
}

static size_t ids_size(const struct weft__stacks *stacks, const struct weft__region *region)
{
    return region->size / stacks->size * sizeof *region->valgrind_ids;
}

/* Were they left, Valgrind would read across the guards of stacks that come to lie there. */
static void forget_ids(const struct weft__stacks *stacks, struct weft__region *region)
{
    for (size_t i = 0; i < region->size / stacks->size; i++) {
        if (region->valgrind_ids[i])
            weft__annotate_stack_remove(region->valgrind_ids[i] - 1);
    }
    weft__memory_unmap(region->valgrind_ids, ids_size(stacks, region));
}

void weft__stacks_finish(struct weft__stacks *stacks)
{
    for (struct weft__region *region = stacks->regions; region; region = region->next) {
        if (region->valgrind_ids)
            forget_ids(stacks, region);
        weft__memory_unmap(region->start - gap(), region->size + gap());
    }
    weft__pool_finish(&stacks->descriptors); /* regions are described there too */
    weft__stacks_init(stacks, stacks->size);
}

static struct weft__stack *of_link(struct weft__free *link)
{
    return weft__container_of(link, struct weft__stack, link);
}

/* Whole stacks, and at least one. */
static size_t region_size(const struct weft__stacks *stacks, size_t wanted)
{
    return wanted < stacks->size ? stacks->size : wanted - wanted % stacks->size;
}

/* As large as asked for, or where address space is limited, what there is. */
static bool find_room(struct weft__stacks *stacks, struct weft__region *region)
{
    size_t wanted = stacks->region_size;
    do {
        region->size = region_size(stacks, wanted);
        region->start = map_region(region->size + REST);
        wanted = region->size / 2;
    } while (!region->start && region->size > stacks->size);
    if (region->start)
        weft__memory_unmap(region->start + region->size, REST);
    return region->start;
}

/* A region's description takes a descriptor's place: both live as long. */
static bool add_region(struct weft__stacks *stacks)
{
    _Static_assert(sizeof(struct weft__region) <= sizeof(struct weft__stack), "fits");
    struct weft__region *region = weft__pool_take(&stacks->descriptors, NULL);
    if (!region)
        return false;
    if (!find_room(stacks, region)) {
        weft__pool_give(&stacks->descriptors, NULL, region);
        return false;
    }
    region->valgrind_ids = NULL;
    if (weft__annotate_on_valgrind())
        region->valgrind_ids =
            weft__memory_map(ids_size(stacks, region), weft__memory_page(), true);
    region->next = stacks->regions;
    stacks->regions = region;
    stacks->region = region->start;
    stacks->region_end = region->start + region->size;
    stacks->region_size = region->size < REGION_LARGEST / 2 ? 2 * region->size : REGION_LARGEST;
    weft__add(&stacks->bytes, region->size, relaxed);
    return true;
}

static void describe(struct weft__stack *stack, char *low, size_t size, unsigned number)
{
    stack->low = low;
    stack->size = size;
    size_t colour = number % COLOURS * COLOUR_STEP;
    if (colour > size / 16)
        colour = 0;
    stack->top = low + size - colour;
    stack->valgrind_id =
        weft__annotate_stack_add(low + weft__stack_guard_size(), size - weft__stack_guard_size());
}

/* Address space for stacks that nobody has used yet. */
struct reserve {
    struct weft__region *region;
    char *low;
    size_t count;
    unsigned first; /* its number */
};

/* As many as there are already, so that a program of three tasks has three or
 * four guards, at most a pile, and no more than the region has room for. */
static bool reserve(struct weft__stacks *stacks, struct reserve *ret_reserve)
{
    weft__lock_acquire(&stacks->lock);
    bool room = stacks->region != stacks->region_end || add_region(stacks);
    if (room) {
        size_t count = (size_t)(stacks->region_end - stacks->region) / stacks->size;
        size_t wanted = stacks->carved < WEFT__PILE ? stacks->carved : WEFT__PILE;
        if (count > wanted)
            count = wanted > 0 ? wanted : 1;
        *ret_reserve = (struct reserve){ stacks->regions, stacks->region, count, stacks->carved };
        stacks->region += count * stacks->size;
        stacks->carved += (unsigned)count;
    }
    weft__lock_release(&stacks->lock);
    return room;
}

/* Unless another worker's follows; then the address space stays unused. */
static void unreserve(struct weft__stacks *stacks, const struct reserve *reserve)
{
    weft__lock_acquire(&stacks->lock);
    if (stacks->region == reserve->low + reserve->count * stacks->size) {
        stacks->region = reserve->low;
        stacks->carved = reserve->first;
    }
    weft__lock_release(&stacks->lock);
}

static void give_descriptors(struct weft__stacks *stacks, struct weft__free *pile)
{
    while (pile) {
        struct weft__stack *stack = of_link(pile);
        pile = pile->next;
        weft__annotate_stack_remove(stack->valgrind_id);
        weft__pool_give(&stacks->descriptors, NULL, stack);
    }
}

static struct weft__free *describe_all(struct weft__stacks *stacks, const struct reserve *reserve)
{
    struct weft__free *pile = NULL;
    for (size_t i = reserve->count; i-- > 0;) { /* the lowest address comes first */
        struct weft__stack *stack = weft__pool_take(&stacks->descriptors, NULL);
        if (!stack) {
            give_descriptors(stacks, pile);
            return NULL;
        }
        describe(stack, reserve->low + i * stacks->size, stacks->size,
                 reserve->first + (unsigned)i);
        stack->pooled = true;
        stack->touched = false;
        stack->link.next = pile;
        pile = &stack->link;
    }
    return pile;
}

static void note_ids(const struct weft__stacks *stacks, const struct reserve *reserve,
                     struct weft__free *pile)
{
    unsigned *ids = reserve->region->valgrind_ids;
    ids += (size_t)(reserve->low - reserve->region->start) / stacks->size;
    for (; pile; pile = pile->next)
        *ids++ = of_link(pile)->valgrind_id + 1;
}

/* Fills an empty magazine with new stacks. The guards are installed outside the
 * lock: that takes most of the time, and the kernel does it for several workers
 * at once. */
static struct weft__free *carve(struct weft__stacks *stacks, struct weft__magazine *magazine)
{
    struct reserve fresh;
    if (!reserve(stacks, &fresh))
        return NULL;
    struct weft__free *pile = NULL;
    if (weft__memory_guard_each(fresh.low, weft__stack_guard_size(), stacks->size, fresh.count))
        pile = describe_all(stacks, &fresh);
    if (!pile) {
        unreserve(stacks, &fresh);
        return NULL;
    }
    if (fresh.region->valgrind_ids)
        note_ids(stacks, &fresh, pile);
    weft__add(&stacks->count, fresh.count, relaxed);
    magazine->pile = pile->next;
    magazine->count = (unsigned)fresh.count - 1;
    return pile;
}

static WEFT_COLD struct weft__stack *map_odd(struct weft__stacks *stacks, size_t size)
{
    size = weft__memory_pages(size);
    struct weft__stack *stack = weft__pool_take(&stacks->descriptors, NULL);
    char *low = stack ? weft__memory_map(size, weft__memory_page(), true) : NULL;
    if (low && weft__memory_guard(low, weft__stack_guard_size())) {
        describe(stack, low, size, 0);
        stack->pooled = false;
        weft__add(&stacks->count, 1, relaxed);
        weft__add(&stacks->bytes, size, relaxed);
        return stack;
    }
    if (low)
        weft__memory_unmap(low, size);
    if (stack)
        weft__pool_give(&stacks->descriptors, NULL, stack);
    return NULL;
}

/* The stack that will be taken next: pages lie far apart, so the first access
 * costs a walk of the page tables. */
static void prefetch(struct weft__free *link)
{
    if (!link || !of_link(link)->touched)
        return;
    for (int line = 1; line <= FIRST_FRAMES / 64; line++)
        __builtin_prefetch((char *)of_link(link)->top - line * 64, 1);
}

static WEFT_COLD struct weft__free *refill(struct weft__stacks *stacks,
                                           struct weft__magazine *magazine)
{
    struct weft__free *link = weft__depot_pop(&stacks->cold);
    if (!link)
        return carve(stacks, magazine);
    magazine->pile = link->next;
    magazine->count = WEFT__PILE - 1;
    return link;
}

struct weft__stack *weft__stack_take(struct weft__stacks *stacks, struct weft__magazine *magazine,
                                     size_t size)
{
    if (weft__unlikely(size != stacks->size))
        return map_odd(stacks, size);
    struct weft__free *link = weft__magazine_take(magazine, &stacks->depot);
    if (weft__likely(link != NULL))
        prefetch(magazine->pile);
    else if (!(link = refill(stacks, magazine)))
        return NULL;
    struct weft__stack *stack = of_link(link);
    stack->touched = true;
    return stack;
}

void weft__stack_recycle(struct weft__stack *stack)
{
    weft__annotate_recycle(stack->low + weft__stack_guard_size(),
                           stack->size - weft__stack_guard_size());
}

static WEFT_COLD void unmap_odd(struct weft__stacks *stacks, struct weft__stack *stack)
{
    weft__annotate_stack_remove(stack->valgrind_id);
    weft__memory_unmap(stack->low, stack->size);
    weft__add(&stacks->count, (size_t)-1, relaxed);
    weft__add(&stacks->bytes, -stack->size, relaxed);
    weft__pool_give(&stacks->descriptors, NULL, stack);
}

void weft__stack_give(struct weft__stacks *stacks, struct weft__magazine *magazine,
                      struct weft__stack *stack)
{
    weft__stack_recycle(stack);
    if (weft__likely(stack->pooled))
        weft__magazine_give(magazine, &stacks->depot, &stack->link);
    else
        unmap_odd(stacks, stack);
}

bool weft__stacks_trim(struct weft__stacks *stacks)
{
    size_t surplus = weft__depot_surplus(&stacks->depot);
    for (size_t piles = (surplus + 1) / 2; piles > 0; piles--) {
        struct weft__free *pile = weft__depot_pop(&stacks->depot);
        if (!pile)
            break;
        for (struct weft__free *link = pile; link; link = link->next) {
            struct weft__stack *stack = of_link(link);
            weft__memory_discard(stack->low + weft__stack_guard_size(),
                                 stack->size - weft__stack_guard_size());
            stack->touched = false;
        }
        weft__depot_push(&stacks->cold, pile);
    }
    return surplus > 0;
}

size_t weft__stacks_cached(struct weft__stacks *stacks)
{
    return (weft__depot_count(&stacks->depot) + weft__depot_count(&stacks->cold)) * WEFT__PILE;
}

bool weft__stack_in_guard(const struct weft__stack *stack, const void *address)
{
    const char *at = address;
    return at >= stack->low && at < stack->low + weft__stack_guard_size();
}
