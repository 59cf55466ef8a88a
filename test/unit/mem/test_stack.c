#include "suite.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mem/stack.h"
#include "os/memory.h"

#define SIZE WEFT__STACK_DEFAULT
#define LARGE (WEFT__STACK_RECYCLED_MAX + 65536)

static struct weft__stacks stacks;
static struct weft__magazine magazines[WEFT__STACK_SIZES];

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
        struct weft__stack *stack = weft__stack_take(&stacks, magazines, SIZE);
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
    struct weft__stack *pooled = weft__stack_take(&stacks, magazines, SIZE);
    struct weft__stack *other = weft__stack_take(&stacks, magazines, 2 * SIZE);
    struct weft__stack *large = weft__stack_take(&stacks, magazines, LARGE);
    expect_death(touch_guard, pooled->low, SIGSEGV, NULL);
    expect_death(touch_guard, pooled->low + weft__stack_guard_size() - 1, SIGSEGV, NULL);
    expect_death(touch_guard, other->low, SIGSEGV, NULL);
    expect_death(touch_guard, large->low, SIGSEGV, NULL);
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
        struct weft__stack *stack = weft__stack_take(&stacks, magazines, SIZE);
        size_t last = weft__stack_guard_size() - 1;
        expect_death(touch_guard, stack->low + (i % 2 ? last : 0), SIGSEGV, NULL);
    }
    weft__stacks_finish(&stacks);
}

TEST(stacks_are_recycled_newest_first)
{
    weft__stacks_init(&stacks, SIZE);
    struct weft__stack *a = weft__stack_take(&stacks, magazines, SIZE);
    struct weft__stack *b = weft__stack_take(&stacks, magazines, SIZE);
    weft__stack_give(&stacks, magazines, a);
    weft__stack_give(&stacks, magazines, b);
    ck_assert_ptr_eq(weft__stack_take(&stacks, magazines, SIZE), b);
    ck_assert_ptr_eq(weft__stack_take(&stacks, magazines, SIZE), a);
    weft__stacks_finish(&stacks);
}

TEST(stacks_of_some_other_sizes_are_recycled)
{
    size_t sizes[WEFT__STACK_SIZES - 1] = { WEFT__STACK_MIN, (size_t)8 << 20,
                                            WEFT__STACK_RECYCLED_MAX };
    struct weft__stack *taken[WEFT__STACK_SIZES - 1];
    weft__stacks_init(&stacks, SIZE);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < WEFT__STACK_SIZES - 1; i++) {
            struct weft__stack *stack = weft__stack_take(&stacks, magazines, sizes[i]);
            ck_assert_uint_eq(stack->size, sizes[i]);
            memset((char *)stack->top - sizes[i] / 2, 1, sizes[i] / 2);
            if (round > 0)
                ck_assert_ptr_eq(stack, taken[i]);
            taken[i] = stack;
        }
        ck_assert_uint_eq(weft__load(&stacks.count, relaxed), WEFT__STACK_SIZES - 1);
        for (int i = 0; i < WEFT__STACK_SIZES - 1; i++)
            weft__stack_give(&stacks, magazines, taken[i]);
    }
    weft__stacks_finish(&stacks);
    ck_assert_uint_eq(weft__load(&stacks.bytes, relaxed), 0);
}

static void comes_and_goes(size_t size)
{
    size_t bytes = weft__load(&stacks.bytes, relaxed), count = weft__load(&stacks.count, relaxed);
    struct weft__stack *stack = weft__stack_take(&stacks, magazines, size);
    ck_assert_uint_eq(stack->size, size);
    memset((char *)stack->top - size / 2, 1, size / 2);
    ck_assert_uint_eq(weft__load(&stacks.bytes, relaxed), bytes + size);
    ck_assert_uint_eq(weft__load(&stacks.count, relaxed), count + 1);
    weft__stack_give(&stacks, magazines, stack);
    ck_assert_uint_eq(weft__load(&stacks.bytes, relaxed), bytes);
    ck_assert_uint_eq(weft__load(&stacks.count, relaxed), count);
}

TEST(stacks_of_further_sizes_and_large_ones_come_and_go)
{
    weft__stacks_init(&stacks, SIZE);
    for (size_t i = 1; i < WEFT__STACK_SIZES; i++)
        weft__stack_take(&stacks, magazines, SIZE + i * 65536);
    comes_and_goes(SIZE + WEFT__STACK_SIZES * 65536);
    comes_and_goes(SIZE / 2);
    comes_and_goes(LARGE);
    weft__stacks_finish(&stacks);
    weft__stacks_init(&stacks, SIZE);
    memset(magazines, 0, sizeof magazines);
    comes_and_goes(LARGE); /* takes nobody's place: */
    for (size_t i = 1; i < WEFT__STACK_SIZES; i++) {
        struct weft__stack *stack = weft__stack_take(&stacks, magazines, SIZE + i * 65536);
        ck_assert_uint_eq(stack->which, i);
    }
    weft__stacks_finish(&stacks);
}

static void *take_sizes(void *arg)
{
    struct weft__magazine own[WEFT__STACK_SIZES] = { 0 };
    size_t first = (size_t)arg;
    for (size_t i = 0; i < 200; i++) {
        size_t size = SIZE + (first + i) % 6 * 65536;
        struct weft__stack *stack = weft__stack_take(&stacks, own, size);
        ck_assert_uint_eq(stack->size, size);
        memset(stack->low + weft__stack_guard_size(), 1, 64);
        if (i % 3 > 0)
            weft__stack_give(&stacks, own, stack);
    }
    return NULL;
}

TEST(threads_that_ask_for_sizes_at_once_agree_on_them)
{
    pthread_t threads[4];
    weft__stacks_init(&stacks, SIZE);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_sizes, (void *)i), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < WEFT__STACK_SIZES; i++) {
        for (size_t k = 0; k < i; k++)
            ck_assert_uint_ne(stacks.of[i].size, stacks.of[k].size);
    }
    weft__stacks_finish(&stacks);
}

TEST(twenty_thousand_stacks_are_few_mappings)
{
    if (test_is_under("valgrind"))
        test_skip("under Valgrind guards are mappings");
    weft__stacks_init(&stacks, SIZE);
    unsigned before = mappings();
    for (int i = 0; i < 20000; i++) {
        struct weft__stack *stack = weft__stack_take(&stacks, magazines, SIZE);
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
    while (weft__stack_take(&stacks, magazines, SIZE))
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
        memset(magazines, 0, sizeof magazines);
        for (int i = 0; i < 500; i++)
            weft__stack_take(&stacks, magazines, SIZE);
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
        taken[i] = weft__stack_take(&stacks, magazines, SIZE);
        memset((char *)taken[i]->top - 16384, 1, 16384);
    }
    for (int i = 0; i < COUNT; i++)
        weft__stack_give(&stacks, magazines, taken[i]);
    size_t full = resident();
    weft__stacks_trim(&stacks); /* only now it knows what nobody has needed */
    for (int i = 0; i < 20; i++)
        weft__stacks_trim(&stacks);
    ck_assert(!weft__stacks_trim(&stacks));
    if (!test_is_slowed())
        ck_assert_uint_gt(full, resident() + (size_t)13 * 64 * 16384);

    for (int i = 0; i < COUNT; i++) { /* cold ones come back, none twice */
        struct weft__stack *stack = weft__stack_take(&stacks, magazines, SIZE);
        ck_assert_ptr_nonnull(stack);
        if (((char *)stack->top)[-1] == 2)
            ck_abort_msg("a stack was handed out twice");
        ((char *)stack->top)[-1] = 2;
    }
    ck_assert_uint_eq(stacks.of[0].regions.carved, COUNT);
    weft__stacks_finish(&stacks);
}
