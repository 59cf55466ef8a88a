#include "suite.h"

#include <string.h>
#include <unistd.h>

#include "os/memory.h"

TEST(memory_is_zeroed_aligned_and_writable)
{
    for (size_t align = weft__memory_page(); align <= (size_t)4 << 20; align *= 4) {
        char *memory = weft__memory_map(3 * weft__memory_page(), align, false);
        ck_assert_ptr_nonnull(memory);
        ck_assert_uint_eq((uintptr_t)memory % align, 0);
        for (size_t i = 0; i < 3 * weft__memory_page(); i += 512)
            ck_assert_int_eq(memory[i], 0);
        memset(memory, 1, 3 * weft__memory_page());
        weft__memory_unmap(memory, 3 * weft__memory_page());
    }
}

TEST(the_page_size_is_the_systems)
{
    ck_assert_uint_eq(weft__memory_page(), (size_t)sysconf(_SC_PAGESIZE));
}

TEST(discarded_memory_reads_as_zero)
{
    size_t size = 16 * weft__memory_page();
    char *memory = weft__memory_map(size, weft__memory_page(), true);
    memset(memory, 7, size);
    weft__memory_discard(memory, size / 2);
    ck_assert_int_eq(memory[0], 0);
    ck_assert_int_eq(memory[size / 2 - 1], 0);
    ck_assert_int_eq(memory[size / 2], 7);
    weft__memory_unmap(memory, size);
}

struct place {
    volatile char *at;
};

static void touch(void *place)
{
    *((struct place *)place)->at = 1;
}

TEST(a_guard_faults_and_its_neighbours_do_not)
{
    size_t page = weft__memory_page();
    char *memory = weft__memory_map(4 * page, page, true);
    ck_assert(weft__memory_guard(memory + page, 2 * page));
    memory[page - 1] = 1;
    memory[3 * page] = 1;
    expect_death(touch, &(struct place){ memory + page }, SIGSEGV, NULL);
    expect_death(touch, &(struct place){ memory + 3 * page - 1 }, SIGSEGV, NULL);
    weft__memory_unmap(memory, 4 * page);
}

TEST(many_guards_at_once_fault_and_their_neighbours_do_not)
{
    enum { COUNT = WEFT__GUARDS_MAX };
    size_t page = weft__memory_page();
    char *memory = weft__memory_map(4 * COUNT * page, page, true);
    ck_assert(weft__memory_guard_each(memory + page, 2 * page, 4 * page, COUNT));
    for (size_t i = 0; i < COUNT; i++) {
        char *at = memory + 4 * i * page;
        at[page - 1] = 1;
        at[3 * page] = 1;
        expect_death(touch, &(struct place){ at + (i % 2 ? page : 3 * page - 1) }, SIGSEGV, NULL);
    }
    weft__memory_unmap(memory, 4 * COUNT * page);
}

TEST(an_impossible_size_is_refused)
{
    ck_assert_ptr_null(weft__memory_map((size_t)1 << 62, weft__memory_page(), false));
}
