#include "suite.h"

#include <time.h>

#include "time/clock.h"
#include "time/wheel.h"

TEST(the_clock_is_the_monotonic_one)
{
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    int64_t now = weft__clock_now();
    clock_gettime(CLOCK_MONOTONIC, &after);
    ck_assert_int_ge(now, (int64_t)before.tv_sec * 1000000000 + before.tv_nsec);
    ck_assert_int_le(now, (int64_t)after.tv_sec * 1000000000 + after.tv_nsec);
    ck_assert(!weft__clock_is_virtual());
}

TEST(virtual_time_stands_still_until_it_is_moved)
{
    struct timespec pause = { 0, 2000000 };
    int64_t real = weft__clock_real();
    weft__clock_make_virtual(true);
    int64_t start = weft__clock_now();
    ck_assert(weft__clock_is_virtual());
    ck_assert_int_ge(start, real);
    ck_assert_int_eq(start % ((int64_t)1 << WEFT__TICK_SHIFT), 0);
    nanosleep(&pause, NULL);
    ck_assert_int_eq(weft__clock_now(), start);

    weft__clock_advance(start + 1000);
    ck_assert_int_eq(weft__clock_now(), start + 1000);
    weft__clock_advance(start + 500); /* not back */
    ck_assert_int_eq(weft__clock_now(), start + 1000);

    weft__clock_make_virtual(false);
    ck_assert(!weft__clock_is_virtual());
    ck_assert_int_ge(weft__clock_now(), real + 2000000);
}
