#include "mem/stack.h"

#include <string.h>

#include "base/annotate.h"
#include "base/assert.h"
#include "os/memory.h"

#define REGION_FIRST ((size_t)16 << 20)
#define REGION_LARGEST ((size_t)1 << 30)
/* What a task needs of its stack before it first parks. */
#define FIRST_FRAMES 512
#define COLOURS 16
#define COLOUR_STEP 128

/* A frame that skips a page would jump over a guard of one; gcc's default
 * stack-clash interval is a page, so 4 pages catch what probes do not. */
#define GUARD_PAGES 4

struct weft__region {
    struct weft__region *next;
    char *start;
    size_t size;
};

size_t weft__stack_guard_size(void)
{
    return GUARD_PAGES * weft__memory_page();
}

void weft__stacks_init(struct weft__stacks *stacks, size_t size)
{
    memset(stacks, 0, sizeof *stacks);
    stacks->size = size;
    stacks->region_size = REGION_FIRST;
    weft__pool_init(&stacks->descriptors, sizeof(struct weft__stack));
}

void weft__stacks_finish(struct weft__stacks *stacks)
{
    for (struct weft__region *region = stacks->regions; region; region = region->next)
        weft__memory_unmap(region->start, region->size);
    weft__pool_finish(&stacks->descriptors); /* regions are described there too */
    weft__stacks_init(stacks, stacks->size);
}

static struct weft__stack *of_link(struct weft__free *link)
{
    return link ? weft__container_of(link, struct weft__stack, link) : NULL;
}

/* A region's description takes a descriptor's place: both live as long. */
static bool add_region(struct weft__stacks *stacks)
{
    _Static_assert(sizeof(struct weft__region) <= sizeof(struct weft__stack), "fits");
    struct weft__region *region = weft__pool_take(&stacks->descriptors, NULL);
    if (!region)
        return false;
    size_t size = stacks->region_size - stacks->region_size % stacks->size;
    if (size < stacks->size)
        size = stacks->size;
    region->start = weft__memory_map(size, weft__memory_page(), true);
    if (!region->start) {
        weft__pool_give(&stacks->descriptors, NULL, region);
        return false;
    }
    region->size = size;
    region->next = stacks->regions;
    stacks->regions = region;
    stacks->region = region->start;
    stacks->region_end = region->start + size;
    if (stacks->region_size < REGION_LARGEST)
        stacks->region_size *= 2;
    weft__add(&stacks->bytes, size, relaxed);
    return true;
}

static bool set_up(struct weft__stack *stack, char *low, size_t size, unsigned number)
{
    stack->low = low;
    stack->size = size;
    size_t colour = number % COLOURS * COLOUR_STEP;
    if (colour > size / 16)
        colour = 0;
    stack->top = low + size - colour;
    if (!weft__memory_guard(low, weft__stack_guard_size()))
        return false;
    stack->valgrind_id = weft__annotate_stack_add(low + weft__stack_guard_size(), low + size);
    return true;
}

/* Under stacks->lock. */
static struct weft__stack *carve(struct weft__stacks *stacks)
{
    if (stacks->region == stacks->region_end && !add_region(stacks))
        return NULL;
    struct weft__stack *stack = weft__pool_take(&stacks->descriptors, NULL);
    if (!stack)
        return NULL;
    if (!set_up(stack, stacks->region, stacks->size, stacks->carved)) {
        weft__pool_give(&stacks->descriptors, NULL, stack);
        return NULL;
    }
    stack->pooled = true;
    stacks->region += stacks->size;
    stacks->carved++;
    weft__add(&stacks->count, 1, relaxed);
    return stack;
}

static struct weft__stack *map_odd(struct weft__stacks *stacks, size_t size)
{
    size_t page = weft__memory_page();
    size = (size + page - 1) / page * page;
    struct weft__stack *stack = weft__pool_take(&stacks->descriptors, NULL);
    char *low = stack ? weft__memory_map(size, page, true) : NULL;
    if (low && set_up(stack, low, size, 0)) {
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

/* The stacks that will be taken next: their pages lie far apart, so the first
 * access costs a walk of the page tables. */
static void prefetch(struct weft__free *link)
{
    if (!link)
        return;
    for (int line = 1; line <= FIRST_FRAMES / 64; line++)
        __builtin_prefetch((char *)of_link(link)->top - line * 64, 1);
}

struct weft__stack *weft__stack_take(struct weft__stacks *stacks, struct weft__magazine *magazine,
                                     size_t size)
{
    if (weft__unlikely(size != stacks->size))
        return map_odd(stacks, size);
    struct weft__free *link = weft__magazine_take(magazine, &stacks->depot);
    if (weft__likely(link != NULL)) {
        prefetch(magazine->pile);
        return of_link(link);
    }
    link = weft__depot_pop(&stacks->cold);
    if (link) {
        magazine->pile = link->next;
        magazine->count = WEFT__PILE - 1;
        return of_link(link);
    }
    weft__lock_acquire(&stacks->lock);
    struct weft__stack *stack = carve(stacks);
    weft__lock_release(&stacks->lock);
    return stack;
}

void weft__stack_recycle(struct weft__stack *stack)
{
    weft__annotate_recycle(stack->low + weft__stack_guard_size(),
                           stack->size - weft__stack_guard_size());
}

void weft__stack_give(struct weft__stacks *stacks, struct weft__magazine *magazine,
                      struct weft__stack *stack)
{
    weft__stack_recycle(stack);
    if (weft__likely(stack->pooled)) {
        weft__magazine_give(magazine, &stacks->depot, &stack->link);
        return;
    }
    weft__annotate_stack_remove(stack->valgrind_id);
    weft__memory_unmap(stack->low, stack->size);
    weft__add(&stacks->count, (size_t)-1, relaxed);
    weft__add(&stacks->bytes, -stack->size, relaxed);
    weft__pool_give(&stacks->descriptors, NULL, stack);
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
