#include "vthread/block.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "arch/context.h"
#include "vthreads.h"

static struct weft__magazine magazine;

static void give_all(struct weft__block **blocks, int count)
{
    for (int i = 0; i < count; i++)
        weft__block_give(&magazine, blocks[i]);
    weft__blocks_flush(&magazine);
}

TEST(a_block_comes_back_with_another_number)
{
    need_virtual_threads();
    struct weft__block *block = weft__block_take(&magazine);
    uint32_t tid = *weft__block_tid(block);
    ck_assert_uint_gt(tid, 4194304);
    ck_assert_uint_le(tid, 0x0fffffff);
    for (int i = 0; i < 63; i++) {
        weft__block_give(&magazine, block);
        ck_assert_ptr_eq(weft__block_take(&magazine), block);
        ck_assert_uint_ne(*weft__block_tid(block), tid);
    }
    give_all(&block, 1);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

TEST(no_two_live_blocks_have_the_same_number)
{
    need_virtual_threads();
    enum { MANY = 500 };
    static struct weft__block *blocks[MANY];
    static uint32_t tids[MANY];
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < MANY; i++) {
            if (blocks[i] && test_random() % 2)
                continue;
            if (blocks[i])
                weft__block_give(&magazine, blocks[i]);
            blocks[i] = NULL;
        }
        for (int i = 0; i < MANY; i++) {
            if (!blocks[i])
                blocks[i] = weft__block_take(&magazine);
            tids[i] = *weft__block_tid(blocks[i]);
        }
        qsort(tids, MANY, sizeof *tids, compare);
        for (int i = 1; i < MANY; i++) {
            if (tids[i] == tids[i - 1])
                ck_abort_msg("two threads have number %u", tids[i]);
        }
    }
    give_all(blocks, MANY);
}

TEST(a_block_says_whose_it_is_and_the_guards_are_the_process_s)
{
    need_virtual_threads();
    struct weft__block *block = weft__block_take(&magazine);
    ck_assert_ptr_eq(weft__block_at(block->tp), block);
#ifdef __x86_64__
    uintptr_t *ours = weft__context_thread_pointer(), *its = (void *)block->tp;
    ck_assert_uint_eq(its[0], (uintptr_t)its);
    ck_assert_uint_eq(its[2], (uintptr_t)its);
    ck_assert_uint_eq(its[5], ours[5]);
    ck_assert_uint_eq(its[6], ours[6]);
#endif
    give_all(&block, 1);
}

TEST(a_block_says_that_the_kernel_does_not_tell_it_the_cpu)
{
    need_virtual_threads();
    if (!weft__layout.rseq)
        test_skip("no rseq area");
    struct weft__block *block = weft__block_take(&magazine);
    int32_t cpu = ((int32_t *)(void *)(block->tp + weft__layout.rseq))[1];
    ck_assert_int_eq(cpu, -2);
    give_all(&block, 1);
}

TEST(blocks_of_a_flushed_magazine_are_taken_again)
{
    need_virtual_threads();
    enum { SOME = 100 };
    struct weft__block *blocks[SOME];
    for (int i = 0; i < SOME; i++)
        blocks[i] = weft__block_take(&magazine);
    size_t count = weft__blocks_count();
    give_all(blocks, SOME);
    struct weft__magazine other = { 0 };
    for (int i = 0; i < SOME; i++)
        blocks[i] = weft__block_take(&other);
    ck_assert_uint_eq(weft__blocks_count(), count);
    give_all(blocks, SOME);
    weft__blocks_flush(&other);
}

/* On a block, by its own thread pointer: fills malloc's cache. */
static void use_malloc(struct weft__block *block)
{
    static void *objects[200];
    void *tp = weft__context_thread_pointer();
    weft__context_set_thread_pointer(block->tp);
    for (int i = 0; i < 200; i++)
        objects[i] = malloc(16 + (size_t)i * 4);
    for (int i = 0; i < 200; i++)
        free(objects[i]);
    weft__context_set_thread_pointer(tp);
}

static void use_and_trim(int count)
{
    struct weft__block **blocks = calloc((size_t)count, sizeof *blocks);
    for (int i = 0; i < count; i++) {
        blocks[i] = weft__block_take(&magazine);
        use_malloc(blocks[i]);
    }
    give_all(blocks, count);
    free(blocks);
    for (int i = 0; i < 100; i++)
        weft__blocks_trim();
}

TEST(blocks_that_nobody_needs_are_given_back_with_malloc_s_cache, .timeout = 300)
{
    need_virtual_threads();
    use_and_trim(1000);
    size_t in_use = mallinfo2().uordblks, kept = weft__blocks_count();
    ck_assert_uint_lt(kept, 1000);
    for (int i = 0; i < 5; i++)
        use_and_trim(1000);
    size_t now = mallinfo2().uordblks;
    if (now > in_use + (256 << 10))
        ck_abort_msg("%zu bytes in use before, %zu after", in_use, now);
}
