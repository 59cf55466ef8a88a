/* exec/range.h: parts of a range, and who tells how much is done. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/atomic.h"

#include "suite.h"

/* Without the invariant of that number: a part is taken without comparing; whoever has added
 * something tells. */
static enum { NOTHING, NO_RANGE_1, NO_RANGE_2 } mutation;

static bool swap_or_store(_Atomic(uint64_t) *next, uint64_t *expected, uint64_t value)
{
    if (mutation != NO_RANGE_1)
        return weft__cas_weak(next, expected, value, relaxed, relaxed);
    weft__store(next, value, relaxed);
    return true;
}

static bool raise_flag(_Atomic(bool) *flag)
{
    return weft__exchange(flag, true, acquire) && mutation != NO_RANGE_2;
}

#undef weft__cas_weak
#undef weft__exchange
#define weft__cas_weak(p, expected, v, success, failure) swap_or_store(p, expected, v)
#define weft__exchange(p, v, order) raise_flag(p)
#include "exec/range.h"

#define COUNT 5

static struct weft__range range;
static int taken[COUNT];
static uint64_t last_told;
static int telling;

static void reset(void)
{
    range = (struct weft__range){ .count = COUNT, .grain = 2 };
    memset(taken, 0, sizeof taken);
    last_told = 0;
    telling = 0;
    model_name(range);
}

static void tell(uint64_t done)
{
    model_assert(++telling == 1, "RANGE-2");
    model_assert(done > last_told && done <= COUNT, "RANGE-2");
    last_told = done;
    model_step();
    telling--;
}

static void take_parts(void)
{
    uint64_t first, size;
    while ((size = weft__range_take(&range, 1, 2, &first))) {
        for (uint64_t i = first; i < first + size; i++)
            model_assert(i < COUNT && ++taken[i] == 1, "RANGE-1");
        weft__add(&range.done, size, relaxed);
        if (weft__range_tells(&range, &size)) {
            tell(size);
            weft__range_told(&range);
        }
    }
}

static void all_is_taken(void)
{
    for (int i = 0; i < COUNT; i++)
        model_assert(taken[i] == 1, "RANGE-1");
    model_assert(weft__range_taken(&range) && weft__load(&range.done, relaxed) == COUNT, "RANGE-1");
    model_assert(!weft__load(&range.telling, relaxed) && range.told == last_told, "RANGE-2");
}

static struct model model = { .setup = reset,
                              .body = { take_parts, take_parts, take_parts },
                              .check = all_is_taken };

TEST(RANGE_1_and_2_three_parties)
{
    model_check(&model);
}

TEST(RANGE_1_needs_the_comparison)
{
    mutation = NO_RANGE_1;
    model_check_fails(&model, "RANGE-1");
}

TEST(RANGE_2_needs_the_flag)
{
    mutation = NO_RANGE_2;
    model_check_fails(&model, "RANGE-2");
}
