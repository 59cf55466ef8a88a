#include "suite.h"

#include <stdlib.h>

#include "time/wheel.h"

#define TICK ((int64_t)1 << WEFT__TICK_SHIFT)
#define COUNT 300

struct timer {
    struct weft__wheel_entry entry;
    int64_t when;
    bool armed;
};

static struct weft__wheel wheel;
static struct timer timers[COUNT];

static void arm(struct timer *timer, int64_t when)
{
    timer->when = when;
    timer->armed = true;
    weft__wheel_add(&wheel, &timer->entry, when);
}

static struct timer *expire(int64_t now)
{
    struct weft__wheel_entry *entry = weft__wheel_expire(&wheel, now);
    if (!entry)
        return NULL;
    struct timer *timer = weft__container_of(entry, struct timer, entry);
    ck_assert(timer->armed);
    timer->armed = false;
    return timer;
}

static void expect_valid(void)
{
    if (!weft__wheel_valid(&wheel))
        ck_abort_msg("the wheel is not valid");
}

TEST(an_empty_wheel_has_nothing_to_do)
{
    weft__wheel_init(&wheel, 12345 * TICK);
    expect_valid();
    ck_assert_ptr_null(expire(INT64_MAX / 2));
    ck_assert_int_eq(weft__wheel_next(&wheel), INT64_MAX);
}

TEST(nothing_comes_early_and_all_within_a_tick)
{
    for (int i = 0; i < COUNT; i++) {
        int64_t start = (int64_t)(test_random() >> 20), when;
        weft__wheel_init(&wheel, start);
        when = start + (int64_t)(test_random() % ((uint64_t)1 << (i % 50)));
        arm(&timers[0], when);
        expect_valid();
        ck_assert_ptr_null(when > start ? expire(when - 1) : NULL);
        expect_valid();
        ck_assert_ptr_eq(expire(when + TICK), &timers[0]);
        expect_valid();
    }
}

TEST(what_has_passed_is_due_at_once)
{
    weft__wheel_init(&wheel, 1000 * TICK);
    arm(&timers[0], 10 * TICK);
    arm(&timers[1], 0);
    arm(&timers[2], -5);
    arm(&timers[3], INT64_MIN);
    expect_valid();
    ck_assert_int_le(weft__wheel_next(&wheel), 1000 * TICK);
    for (int i = 0; i < 4; i++)
        ck_assert_ptr_nonnull(expire(1000 * TICK));
    ck_assert_ptr_null(expire(1000 * TICK));
}

/* The first and last tick of each turn of each level. */
TEST(cascades_happen_at_every_boundary)
{
    const int64_t around[] = { -2, -1, 0, 1, 2 };
    for (int level = 1; level < WEFT__WHEEL_LEVELS - 1; level++) {
        int64_t turn = TICK << (6 * level);
        for (int64_t turns = 1; turns <= 65; turns += 32) {
            for (int i = 0; i < 5; i++) {
                int64_t start = turn * 3 - TICK * around[(i + 2) % 5];
                int64_t when = turn * (3 + turns) + TICK * around[i];
                weft__wheel_init(&wheel, start);
                arm(&timers[0], when);
                expect_valid();
                for (int64_t at = start; at < when;) {
                    ck_assert_ptr_null(expire(at));
                    expect_valid();
                    int64_t next = weft__wheel_next(&wheel);
                    ck_assert_int_gt(next, at);
                    ck_assert_int_le(next, when);
                    at = next;
                }
                ck_assert_ptr_eq(expire(when), &timers[0]);
            }
        }
    }
}

TEST(deadlines_years_away_are_kept)
{
    const int64_t year = INT64_C(365) * 24 * 3600 * 1000000000;
    weft__wheel_init(&wheel, year / 3);
    arm(&timers[0], 100 * year);
    arm(&timers[1], 10 * year);
    arm(&timers[2], INT64_MAX - 1);
    expect_valid();
    ck_assert_ptr_null(expire(10 * year - 1));
    ck_assert_ptr_eq(expire(10 * year + TICK), &timers[1]);
    ck_assert_ptr_null(expire(100 * year - 1));
    ck_assert_ptr_eq(expire(100 * year + TICK), &timers[0]);
    ck_assert_ptr_null(expire(INT64_MAX - 2 * TICK));
    expect_valid();
    weft__wheel_remove(&wheel, &timers[2].entry);
    expect_valid();
    ck_assert_int_eq(weft__wheel_next(&wheel), INT64_MAX);
}

/* The wheel need not be looked at between any two points. */
TEST(a_long_sleep_of_the_wheel_loses_nothing)
{
    weft__wheel_init(&wheel, 77 * TICK);
    int64_t last = 0;
    for (int i = 0; i < COUNT; i++)
        arm(&timers[i], (int64_t)(test_random() % ((uint64_t)1 << (20 + i % 36))));
    for (int i = 0; i < COUNT; i++) {
        struct timer *timer = expire((int64_t)1 << 57);
        ck_assert_ptr_nonnull(timer);
        /* In order, but for what falls into one tick or was due at the start. */
        ck_assert_int_ge(timer->when > 77 * TICK ? timer->when + TICK : last, last);
        last = timer->when > last ? timer->when : last;
        expect_valid();
    }
    ck_assert_ptr_null(expire((int64_t)1 << 57));
}

static int64_t some_distance(void)
{
    uint64_t random = test_random();
    return (int64_t)(random % ((uint64_t)1 << (16 + random % 40)));
}

/* What the reference says about `now`: everything due has come out, nothing
 * that is not. */
static void compare(int64_t now)
{
    int64_t earliest = INT64_MAX;
    size_t armed = 0;
    for (int i = 0; i < COUNT; i++) {
        if (!timers[i].armed)
            continue;
        armed++;
        if (timers[i].when + TICK <= now)
            ck_abort_msg("%lld ns late", (long long)(now - timers[i].when));
        if (timers[i].when < earliest)
            earliest = timers[i].when;
    }
    ck_assert_uint_eq(wheel.count, armed);
    int64_t next = weft__wheel_next(&wheel);
    if (armed == 0 ? next != INT64_MAX : next > earliest + TICK)
        ck_abort_msg("next is %lld, %lld is due", (long long)next, (long long)earliest);
}

TEST(the_wheel_does_what_a_sorted_list_does)
{
    int64_t now = (int64_t)(test_random() >> 12);
    weft__wheel_init(&wheel, now);
    for (uint64_t n = test_work(20000); n > 0; n--) {
        uint64_t random = test_random();
        struct timer *timer = &timers[random % COUNT];
        switch (random >> 32 & 7) {
        case 0: { /* time goes on, sometimes to just where the wheel wants it */
            int64_t next = weft__wheel_next(&wheel);
            now += some_distance() >> (random >> 40 & 15);
            if (random >> 48 & 1 && next != INT64_MAX && next > now)
                now = next;
            struct timer *due;
            while ((due = expire(now))) {
                if (due->when > now)
                    ck_abort_msg("%lld ns early", (long long)(due->when - now));
                expect_valid();
            }
            compare(now);
            break;
        }
        case 1:
        case 2:
            if (timer->armed) {
                weft__wheel_remove(&wheel, &timer->entry);
                timer->armed = false;
            }
            break;
        default:
            if (!timer->armed)
                arm(timer, now + some_distance());
        }
        expect_valid();
    }
}
