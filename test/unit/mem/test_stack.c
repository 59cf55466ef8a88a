#include "suite.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mem/stack.h"
#include "os/memory.h"

#define SIZE WEFT__STACK_DEFAULT

static struct weft__stacks stacks;
static struct weft__magazine magazine;

static size_t resident(void)
{
    size_t total = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%zu %zu", &total, &pages), 2);
    fclose(file);
    return pages * weft__memory_page();
}

static unsigned mappings(void)
{
    unsigned count = 0;
    FILE *file = fopen("/proc/self/maps", "r");
    ck_assert_ptr_nonnull(file);
    for (int c; (c = fgetc(file)) != EOF;)
        count += c == '\n';
    fclose(file);
    return count;
}

TEST(a_stack_is_writable_from_its_top_to_its_guard)
{
    weft__stacks_init(&stacks, SIZE);
    for (int i = 0; i < 40; i++) { /* all colours */
        struct weft__stack *stack = weft__stack_take(&stacks, &magazine, SIZE);
        char *top = stack->top, *bottom = stack->low + weft__stack_guard_size();
        ck_assert_uint_eq((uintptr_t)top % 16, 0);
        ck_assert(top <= stack->low + stack->size);
        ck_assert(top >= stack->low + stack->size - 4096);
        memset(bottom, 1, (size_t)(top - bottom));
        ck_assert(!weft__stack_in_guard(stack, bottom));
        ck_assert(weft__stack_in_guard(stack, bottom - 1));
        ck_assert(weft__stack_in_guard(stack, stack->low));
        ck_assert(!weft__stack_in_guard(stack, stack->low - 1));
    }
    weft__stacks_finish(&stacks);
}

static void touch_guard(void *at)
{
    *(volatile char *)at = 1;
}

TEST(a_guard_faults)
{
    weft__stacks_init(&stacks, SIZE);
    struct weft__stack *pooled = weft__stack_take(&stacks, &magazine, SIZE);
    struct weft__stack *odd = weft__stack_take(&stacks, &magazine, 2 * SIZE);
    expect_death(touch_guard, pooled->low, SIGSEGV, NULL);
    expect_death(touch_guard, pooled->low + weft__stack_guard_size() - 1, SIGSEGV, NULL);
    expect_death(touch_guard, odd->low, SIGSEGV, NULL);
}

TEST(there_is_room_above_the_guard_whatever_a_page_is)
{
    for (size_t page = 4096; page <= 65536; page *= 2) {
        size_t guard = weft__stack_guard(page), sizes[] = { 1, WEFT__STACK_MIN, SIZE, SIZE + 1 };
        ck_assert_uint_ge(guard, 16384);
        ck_assert_uint_eq(guard % page, 0);
        for (int i = 0; i < 4; i++) {
            size_t size = weft__stack_rounded(sizes[i], page);
            ck_assert_uint_eq(size % page, 0);
            ck_assert_uint_ge(size, sizes[i]);
            ck_assert_uint_ge(size, guard + 16384);
        }
        ck_assert_uint_ge(weft__stack_rounded(SIZE, page), guard + SIZE / 2);
    }
    ck_assert_uint_eq(weft__stack_guard_size(), weft__stack_guard(weft__memory_page()));
    ck_assert_uint_eq(weft__stack_size(SIZE + 1),
                      weft__stack_rounded(SIZE + 1, weft__memory_page()));
}

TEST(every_stack_of_a_pile_has_its_guard)
{
    weft__stacks_init(&stacks, SIZE);
    for (int i = 0; i < 70; i++) { /* made 1, 1, 2, 4, 8, 16, 32 and 64 at a time */
        struct weft__stack *stack = weft__stack_take(&stacks, &magazine, SIZE);
        size_t last = weft__stack_guard_size() - 1;
        expect_death(touch_guard, stack->low + (i % 2 ? last : 0), SIGSEGV, NULL);
    }
    weft__stacks_finish(&stacks);
}

TEST(stacks_are_recycled_newest_first)
{
    weft__stacks_init(&stacks, SIZE);
    struct weft__stack *a = weft__stack_take(&stacks, &magazine, SIZE);
    struct weft__stack *b = weft__stack_take(&stacks, &magazine, SIZE);
    weft__stack_give(&stacks, &magazine, a);
    weft__stack_give(&stacks, &magazine, b);
    ck_assert_ptr_eq(weft__stack_take(&stacks, &magazine, SIZE), b);
    ck_assert_ptr_eq(weft__stack_take(&stacks, &magazine, SIZE), a);
    weft__stacks_finish(&stacks);
}

TEST(stacks_of_other_sizes_come_and_go)
{
    weft__stacks_init(&stacks, SIZE);
    size_t before = weft__load(&stacks.bytes, relaxed);
    struct weft__stack *small = weft__stack_take(&stacks, &magazine, WEFT__STACK_MIN);
    struct weft__stack *large = weft__stack_take(&stacks, &magazine, (size_t)8 << 20);
    ck_assert_uint_ge(small->size, WEFT__STACK_MIN);
    ck_assert_uint_ge(large->size, (size_t)8 << 20);
    memset(large->low + large->size - (7 << 20), 1, 7 << 20);
    ck_assert_uint_eq(weft__load(&stacks.bytes, relaxed), before + small->size + large->size);
    weft__stack_give(&stacks, &magazine, small);
    weft__stack_give(&stacks, &magazine, large);
    ck_assert_uint_eq(weft__load(&stacks.bytes, relaxed), before);
    weft__stacks_finish(&stacks);
}

TEST(twenty_thousand_stacks_are_few_mappings)
{
    if (test_is_under("valgrind"))
        test_skip("under Valgrind guards are mappings");
    weft__stacks_init(&stacks, SIZE);
    unsigned before = mappings();
    for (int i = 0; i < 20000; i++) {
        struct weft__stack *stack = weft__stack_take(&stacks, &magazine, SIZE);
        ck_assert_ptr_nonnull(stack);
    }
    unsigned more = mappings() - before;
    weft__stacks_finish(&stacks);
    if (more > 20000) /* before Linux 6.13: a guard splits the mapping */
        test_skip("the kernel has no guard markers");
    ck_assert_uint_lt(more, 200);
}

static size_t address_space(void)
{
    size_t total = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%zu", &total), 1);
    fclose(file);
    return total * weft__memory_page();
}

TEST(address_space_that_is_limited_is_used_but_for_a_rest)
{
    const size_t room = (size_t)100 << 20;
    if (test_is_slowed())
        test_skip("the tool needs address space of its own");
    weft__stacks_init(&stacks, SIZE);
    struct rlimit limit = { address_space() + room, RLIM_INFINITY };
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    size_t taken = 0;
    while (weft__stack_take(&stacks, &magazine, SIZE))
        taken += SIZE;
    ck_assert_uint_gt(taken, room - ((size_t)24 << 20));
    char *rest = weft__memory_map((size_t)8 << 20, weft__memory_page(), false);
    ck_assert_ptr_nonnull(rest); /* for all that is not a stack */
    ck_assert_uint_eq(weft__load(&stacks.bytes, relaxed), taken);
    weft__stacks_finish(&stacks);
    ck_assert_ptr_nonnull(weft__memory_map(room - ((size_t)12 << 20), weft__memory_page(), false));
}

TEST(finishing_unmaps_everything)
{
    unsigned before = mappings();
    for (int round = 0; round < 3; round++) {
        weft__stacks_init(&stacks, SIZE);
        memset(&magazine, 0, sizeof magazine);
        for (int i = 0; i < 500; i++)
            weft__stack_take(&stacks, &magazine, SIZE);
        ck_assert_uint_gt(weft__load(&stacks.bytes, relaxed), 500 * SIZE - 1);
        weft__stacks_finish(&stacks);
        ck_assert_uint_eq(weft__load(&stacks.bytes, relaxed), 0);
    }
    /* TSan's own memory grows with what it watches. */
    ck_assert_uint_le(mappings(), before + (test_is_under("tsan") ? 100 : 8));
}

TEST(trimming_returns_the_memory_of_unused_stacks)
{
    enum { COUNT = 64 * 16 };
    static struct weft__stack *taken[COUNT];
    weft__stacks_init(&stacks, SIZE);
    for (int i = 0; i < COUNT; i++) {
        taken[i] = weft__stack_take(&stacks, &magazine, SIZE);
        memset((char *)taken[i]->top - 16384, 1, 16384);
    }
    for (int i = 0; i < COUNT; i++)
        weft__stack_give(&stacks, &magazine, taken[i]);
    size_t full = resident();
    weft__stacks_trim(&stacks); /* only now it knows what nobody has needed */
    for (int i = 0; i < 20; i++)
        weft__stacks_trim(&stacks);
    ck_assert(!weft__stacks_trim(&stacks));
    if (!test_is_slowed())
        ck_assert_uint_gt(full, resident() + (size_t)13 * 64 * 16384);

    for (int i = 0; i < COUNT; i++) { /* cold ones come back, none twice */
        struct weft__stack *stack = weft__stack_take(&stacks, &magazine, SIZE);
        ck_assert_ptr_nonnull(stack);
        if (((char *)stack->top)[-1] == 2)
            ck_abort_msg("a stack was handed out twice");
        ((char *)stack->top)[-1] = 2;
    }
    ck_assert_uint_eq(stacks.carved, COUNT);
    weft__stacks_finish(&stacks);
}
