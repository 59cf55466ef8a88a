#include "suite.h"

#include <string.h>

#include "mem/depot.h"

static struct weft__free objects[WEFT__PILE * 8];
static struct weft__depot depot;

static void give_some(struct weft__magazine *magazine, int from, int count)
{
    for (int i = 0; i < count; i++)
        weft__magazine_give(magazine, &depot, &objects[from + i]);
}

TEST(an_empty_magazine_gives_nothing)
{
    struct weft__magazine magazine = { 0 };
    ck_assert_ptr_null(weft__magazine_take(&magazine, &depot));
    ck_assert_ptr_null(weft__magazine_take(&magazine, &depot));
}

TEST(a_magazine_returns_the_newest_first)
{
    struct weft__magazine magazine = { 0 };
    give_some(&magazine, 0, 10);
    for (int i = 10; i-- > 0;)
        ck_assert_ptr_eq(weft__magazine_take(&magazine, &depot), &objects[i]);
    ck_assert_ptr_null(weft__magazine_take(&magazine, &depot));
}

TEST(two_piles_stay_and_the_third_goes_to_the_depot)
{
    struct weft__magazine magazine = { 0 };
    give_some(&magazine, 0, 2 * WEFT__PILE);
    ck_assert_uint_eq(depot.count, 0);
    give_some(&magazine, 2 * WEFT__PILE, 1);
    ck_assert_uint_eq(depot.count, 1);
    give_some(&magazine, 2 * WEFT__PILE + 1, WEFT__PILE);
    ck_assert_uint_eq(depot.count, 2);
}

TEST(one_worker_gets_what_another_gave_a_pile_at_a_time)
{
    struct weft__magazine giver = { 0 }, taker = { 0 };
    give_some(&giver, 0, 4 * WEFT__PILE);
    ck_assert_uint_eq(depot.count, 2);
    for (int i = 0; i < 2 * WEFT__PILE; i++)
        ck_assert_ptr_nonnull(weft__magazine_take(&taker, &depot));
    ck_assert_ptr_null(weft__magazine_take(&taker, &depot));
    ck_assert_uint_eq(depot.count, 0);
}

static unsigned length_of(const struct weft__free *pile)
{
    unsigned length = 0;
    for (; pile; pile = pile->next)
        length++;
    return length;
}

TEST(no_object_is_lost_or_handed_out_twice)
{
    static bool out[WEFT__PILE * 8];
    struct weft__magazine magazines[3] = { { 0 } };
    int total = WEFT__PILE * 8, held = 0;
    give_some(&magazines[0], 0, total);
    for (uint64_t n = test_work(200000); n > 0; n--) {
        uint64_t random = test_random();
        struct weft__magazine *magazine = &magazines[random % 3];
        if (magazine->count != length_of(magazine->pile) ||
            (magazine->spare && length_of(magazine->spare) != WEFT__PILE))
            ck_abort_msg("the count of a pile is wrong");
        int i = (int)(random / 3 % (unsigned)total);
        if (out[i]) {
            weft__magazine_give(magazine, &depot, &objects[i]);
            out[i] = false;
            held--;
            continue;
        }
        struct weft__free *object = weft__magazine_take(magazine, &depot);
        if (!object)
            continue;
        if (out[object - objects])
            ck_abort_msg("object %d was handed out twice", (int)(object - objects));
        out[object - objects] = true;
        held++;
    }
    for (int m = 0; m < 3; m++) {
        while (weft__magazine_take(&magazines[m], &depot))
            held++;
    }
    ck_assert_int_eq(held, total);
}

TEST(the_surplus_is_what_nobody_needed_meanwhile)
{
    struct weft__magazine giver = { 0 }, taker = { 0 };
    give_some(&giver, 0, 6 * WEFT__PILE);
    ck_assert_uint_eq(depot.count, 4);
    weft__depot_surplus(&depot);
    ck_assert_uint_eq(weft__depot_surplus(&depot), 4);
    for (int i = 0; i < WEFT__PILE + 1; i++)
        weft__magazine_take(&taker, &depot);
    ck_assert_uint_eq(depot.count, 2);
    ck_assert_uint_eq(weft__depot_surplus(&depot), 2);
}
