#include "mem/stack.h"

#include <string.h>

#include "base/annotate.h"
#include "os/memory.h"

/* What a task needs of its stack before it first parks. */
#define FIRST_FRAMES 512
#define COLOURS 16
#define COLOUR_STEP 128

size_t weft__stack_guard_size(void)
{
    return weft__stack_guard(weft__memory_page());
}

size_t weft__stack_size(size_t asked)
{
    return weft__stack_rounded(asked, weft__memory_page());
}

static void begin(struct weft__stacks_of *of, size_t size)
{
    weft__regions_init(&of->regions, size);
    weft__store(&of->size, size, release); /* whoever finds it finds its regions */
}

void weft__stacks_init(struct weft__stacks *stacks, size_t size)
{
    memset(stacks, 0, sizeof *stacks);
    weft__pool_init(&stacks->descriptors, sizeof(struct weft__stack));
    begin(&stacks->of[0], size);
}

static struct weft__stack *of_link(struct weft__free *link)
{
    return weft__container_of(link, struct weft__stack, link);
}

/* Were it left, Valgrind would read across the guards of stacks that come to lie there. */
static void forget(void *object, void *unused)
{
    struct weft__stack *stack = object;
    (void)unused;
    if (stack->size > 0)
        weft__annotate_stack_remove(stack->valgrind_id);
}

void weft__stacks_finish(struct weft__stacks *stacks)
{
    size_t size = weft__load(&stacks->of[0].size, relaxed);
    if (weft__annotate_on_valgrind())
        weft__pool_walk(&stacks->descriptors, forget, NULL);
    for (int i = 0; i < WEFT__STACK_SIZES; i++)
        weft__regions_finish(&stacks->of[i].regions);
    weft__pool_finish(&stacks->descriptors);
    weft__stacks_init(stacks, size);
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

static void give_descriptor(struct weft__stacks *stacks, struct weft__stack *stack)
{
    weft__annotate_stack_remove(stack->valgrind_id);
    stack->size = 0;
    weft__pool_give(&stacks->descriptors, NULL, stack);
}

static void give_descriptors(struct weft__stacks *stacks, struct weft__free *pile)
{
    for (struct weft__free *next; pile; pile = next) {
        next = pile->next;
        give_descriptor(stacks, of_link(pile));
    }
}

static struct weft__free *describe_all(struct weft__stacks *stacks, unsigned which,
                                       const struct weft__reserve *reserve)
{
    size_t size = stacks->of[which].regions.stack_size;
    struct weft__free *pile = NULL;
    for (size_t i = reserve->count; i-- > 0;) { /* the lowest address comes first */
        struct weft__stack *stack = weft__pool_take(&stacks->descriptors, NULL);
        if (!stack) {
            give_descriptors(stacks, pile);
            return NULL;
        }
        describe(stack, reserve->low + i * size, size, reserve->first + (unsigned)i);
        stack->which = (uint8_t)which;
        stack->touched = false;
        stack->link.next = pile;
        pile = &stack->link;
    }
    return pile;
}

/* Fills an empty magazine with new stacks. The guards are installed outside the
 * lock: that takes most of the time, and the kernel does it for several workers
 * at once. */
static struct weft__free *carve(struct weft__stacks *stacks, unsigned which,
                                struct weft__magazine *magazine)
{
    struct weft__regions *regions = &stacks->of[which].regions;
    struct weft__reserve fresh;
    if (!weft__regions_reserve(regions, WEFT__PILE, &fresh))
        return NULL;
    weft__add(&stacks->bytes, fresh.mapped, relaxed);
    struct weft__free *pile = NULL;
    if (weft__memory_guard_each(fresh.low, weft__stack_guard_size(), regions->stack_size,
                                fresh.count))
        pile = describe_all(stacks, which, &fresh);
    if (!pile) {
        weft__regions_unreserve(regions, &fresh);
        return NULL;
    }
    weft__add(&stacks->count, fresh.count, relaxed);
    magazine->pile = pile->next;
    magazine->count = (unsigned)fresh.count - 1;
    return pile;
}

static WEFT_COLD struct weft__stack *map(struct weft__stacks *stacks, size_t size)
{
    struct weft__stack *stack = weft__pool_take(&stacks->descriptors, NULL);
    char *low = stack ? weft__memory_map(size, weft__memory_page(), true) : NULL;
    if (low && weft__memory_guard(low, weft__stack_guard_size())) {
        describe(stack, low, size, 0);
        stack->which = WEFT__STACK_SIZES;
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

static void unmap(struct weft__stacks *stacks, struct weft__stack *stack)
{
    weft__memory_unmap(stack->low, stack->size);
    weft__add(&stacks->count, (size_t)-1, relaxed);
    weft__add(&stacks->bytes, -stack->size, relaxed);
    give_descriptor(stacks, stack);
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

static WEFT_COLD struct weft__free *refill(struct weft__stacks *stacks, unsigned which,
                                           struct weft__magazine *magazine)
{
    struct weft__free *link = weft__depot_pop(&stacks->of[which].cold);
    if (!link)
        return carve(stacks, which, magazine);
    magazine->pile = link->next;
    magazine->count = WEFT__PILE - 1;
    return link;
}

/* The size's place; STACK_SIZES: it has none, and there is none left. */
static unsigned find(struct weft__stacks *stacks, size_t size)
{
    unsigned i = 0;
    for (; i < WEFT__STACK_SIZES; i++) {
        size_t of = weft__load(&stacks->of[i].size, acquire);
        if (of == size || of == 0)
            break;
    }
    return i;
}

static WEFT_COLD unsigned find_other(struct weft__stacks *stacks, size_t size)
{
    unsigned which = size <= WEFT__STACK_RECYCLED_MAX ? find(stacks, size) : WEFT__STACK_SIZES;
    if (which == WEFT__STACK_SIZES || weft__load(&stacks->of[which].size, acquire) == size)
        return which;
    weft__lock_acquire(&stacks->lock);
    which = find(stacks, size); /* others may have been first */
    if (which < WEFT__STACK_SIZES && weft__load(&stacks->of[which].size, relaxed) == 0)
        begin(&stacks->of[which], size);
    weft__lock_release(&stacks->lock);
    return which;
}

struct weft__stack *weft__stack_take(struct weft__stacks *stacks,
                                     struct weft__magazine magazines[WEFT__STACK_SIZES],
                                     size_t size)
{
    unsigned which = 0;
    if (weft__unlikely(size != weft__load(&stacks->of[0].size, relaxed)))
        which = find_other(stacks, size);
    if (weft__unlikely(which == WEFT__STACK_SIZES))
        return map(stacks, size);
    struct weft__magazine *magazine = &magazines[which];
    struct weft__free *link = weft__magazine_take(magazine, &stacks->of[which].depot);
    if (weft__likely(link != NULL))
        prefetch(magazine->pile);
    else if (!(link = refill(stacks, which, magazine)))
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

void weft__stack_give(struct weft__stacks *stacks,
                      struct weft__magazine magazines[WEFT__STACK_SIZES], struct weft__stack *stack)
{
    unsigned which = stack->which;
    weft__stack_recycle(stack);
    if (weft__likely(which < WEFT__STACK_SIZES))
        weft__magazine_give(&magazines[which], &stacks->of[which].depot, &stack->link);
    else
        unmap(stacks, stack);
}

static void cool(struct weft__stacks_of *of, size_t piles)
{
    for (struct weft__free *pile; piles > 0 && (pile = weft__depot_pop(&of->depot)); piles--) {
        for (struct weft__free *link = pile; link; link = link->next) {
            struct weft__stack *stack = of_link(link);
            weft__memory_discard(stack->low + weft__stack_guard_size(),
                                 stack->size - weft__stack_guard_size());
            stack->touched = false;
        }
        weft__depot_push(&of->cold, pile);
    }
}

bool weft__stacks_trim(struct weft__stacks *stacks)
{
    size_t surplus = 0;
    for (int i = 0; i < WEFT__STACK_SIZES; i++) {
        size_t more = weft__depot_surplus(&stacks->of[i].depot);
        cool(&stacks->of[i], (more + 1) / 2);
        surplus += more;
    }
    return surplus > 0;
}

size_t weft__stacks_cached(struct weft__stacks *stacks)
{
    size_t piles = 0;
    for (int i = 0; i < WEFT__STACK_SIZES; i++) {
        struct weft__stacks_of *of = &stacks->of[i];
        piles += weft__depot_count(&of->depot) + weft__depot_count(&of->cold);
    }
    return piles * WEFT__PILE;
}

bool weft__stack_in_guard(const struct weft__stack *stack, const void *address)
{
    const char *at = address;
    return at >= stack->low && at < stack->low + weft__stack_guard_size();
}
