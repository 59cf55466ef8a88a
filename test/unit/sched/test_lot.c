#include "suite.h"

#include <stdlib.h>

#include "sched/lot.h"

#define COUNT 1000

static struct weft_task tasks[COUNT];

TEST(a_lot_gives_each_task_once)
{
    static int drawn[COUNT];
    struct weft__lot lot = { 0 };
    uint64_t random = test_seed();
    ck_assert(weft__lot_empty(&lot));
    ck_assert_ptr_null(weft__lot_draw(&lot, &random));
    for (int i = 0; i < COUNT; i++)
        weft__lot_put(&lot, &tasks[i]);
    for (int i = 0; i < COUNT; i++)
        drawn[weft__lot_draw(&lot, &random) - tasks]++;
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(drawn[i], 1);
    ck_assert(weft__lot_empty(&lot));
    free(lot.tasks);
}

static void draw_all(uint64_t seed, int order[COUNT])
{
    struct weft__lot lot = { 0 };
    for (int i = 0; i < COUNT; i++)
        weft__lot_put(&lot, &tasks[i]);
    for (int i = 0; i < COUNT; i++)
        order[i] = (int)(weft__lot_draw(&lot, &seed) - tasks);
    free(lot.tasks);
}

TEST(the_order_follows_from_the_seed)
{
    static int first[COUNT], second[COUNT], other[COUNT];
    int same = 0, in_order = 0;
    draw_all(5, first);
    draw_all(5, second);
    draw_all(6, other);
    for (int i = 0; i < COUNT; i++) {
        ck_assert_int_eq(first[i], second[i]);
        same += first[i] == other[i];
        in_order += first[i] == i;
    }
    ck_assert_int_lt(same, COUNT / 10);
    ck_assert_int_lt(in_order, COUNT / 10);
}
