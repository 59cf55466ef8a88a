/* baton.h: tasks that come for a baton, run with it and leave, on three threads. */
#include "base/atomic.h"
#include "suite.h"

#include <string.h>

#include "lockfree/inbox.h"

/* Broken on purpose: who leaves does not look who has come since; who comes takes what he
 * believes to be free; those who are taken over are not turned round. */
static enum { NOTHING, LEAVES_BLINDLY, COMES_BLINDLY, NEWEST_FIRST } mutation;

static struct weft__inbox_node *turn_round(struct weft__inbox_node *node)
{
    struct weft__inbox_node *turned = NULL;
    model_assert((uintptr_t)node != 1, "STRAND-1"); /* FREE, while somebody holds it */
    while (mutation == NEWEST_FIRST && node) {
        struct weft__inbox_node *next = node->next;
        node->next = turned;
        turned = node;
        node = next;
    }
    return mutation == NEWEST_FIRST ? turned : node;
}

#undef weft__cas
#define weft__cas(p, expected, v, success, failure) \
    (weft__model_rmw(p), mutation == LEAVES_BLINDLY \
                             ? (atomic_store(p, v), true) \
                             : atomic_compare_exchange_strong(p, expected, v))
#undef weft__cas_weak
#define weft__cas_weak(p, expected, v, success, failure) \
    (weft__model_rmw(p), mutation == COMES_BLINDLY && *(expected) == WEFT__BATON_FREE \
                             ? (atomic_store(p, v), true) \
                             : atomic_compare_exchange_strong(p, expected, v))
#undef weft__exchange
#define weft__exchange(p, v, order) (weft__model_rmw(p), turn_round(atomic_exchange(p, v)))

#include "lockfree/baton.h"

#define THREADS 3
#define EACH 2

static struct weft__baton baton;

/* What a strand's task or callback is here. */
static struct item {
    struct weft__inbox_node node;
    int runs;    /* how often it has run; plain data that the baton protects, as all below */
    bool yields; /* it goes behind once */
} items[THREADS][EACH];

static int last[THREADS]; /* of each thread's items */
static int owner;
static int ran;

static void reset(void)
{
    memset(items, 0, sizeof items);
    weft__baton_init(&baton);
    for (int i = 0; i < THREADS; i++)
        last[i] = -1;
    owner = -1;
    ran = 0;
    model_name(baton);
    model_name(items);
}

static void hold(struct item *item)
{
    int at = (int)(item - &items[0][0]);
    model_assert(owner == -1, "STRAND-1");
    owner = at;
    model_step();
    model_assert(owner == at, "STRAND-1");
    if (item->runs++ == 0) {
        model_assert(at % EACH == last[at / EACH] + 1, "STRAND-3");
        last[at / EACH] = at % EACH;
        ran++;
    }
    owner = -1;
}

/* As a worker: the item, and whoever it names. */
static void run(struct weft__inbox_node *node)
{
    while (node) {
        struct item *item = weft__container_of(node, struct item, node);
        hold(item);
        bool yields = item->yields;
        item->yields = false;
        struct weft__inbox_node *next =
            yields ? weft__baton_go_behind(&baton, node) : weft__baton_leave(&baton);
        node = yields && !next ? node : next;
    }
}

static void come(struct item *item)
{
    if (weft__baton_come(&baton, &item->node))
        run(&item->node);
}

static void come_once(void)
{
    come(&items[model_self()][0]);
}

static void come_with_two(void)
{
    come(&items[model_self()][0]);
    come(&items[model_self()][1]);
}

/* A task that gives way, and a wake that comes while it runs: it comes for the baton that
 * it has, and leaves. */
static void give_way(void)
{
    items[model_self()][0].yields = true;
    come(&items[model_self()][0]);
}

static void woken_while_it_runs(void)
{
    struct item *item = &items[model_self()][0];
    if (!weft__baton_come(&baton, &item->node))
        return; /* somebody else runs it */
    hold(item);
    model_assert(!weft__baton_come(&baton, &item->node), "STRAND-8");
    run(weft__baton_leave(&baton));
}

static int expected;

static void all_have_run(void)
{
    model_assert(ran == expected, "STRAND-2");
    model_assert(baton.line == WEFT__BATON_FREE && !baton.first, "STRAND-1");
}

static struct model model = { .setup = reset,
                              .body = { come_with_two, come_with_two, come_once },
                              .check = all_have_run,
                              .preemptions = 3 };

TEST(STRAND_1_to_3_each_runs_once_alone_and_in_order)
{
    expected = 5;
    model_check(&model);
}

TEST(STRAND_3_who_gives_way_runs_again)
{
    expected = 4;
    model.body[0] = give_way;
    model_check(&model);
}

TEST(STRAND_8_a_task_may_be_woken_while_it_runs)
{
    expected = 4;
    model.body[0] = woken_while_it_runs;
    model_check(&model);
}

TEST(STRAND_2_needs_the_look_of_who_leaves)
{
    expected = 5;
    mutation = LEAVES_BLINDLY;
    model_check_fails(&model, "STRAND-");
}

TEST(STRAND_1_needs_the_exchange_of_who_comes)
{
    expected = 5;
    mutation = COMES_BLINDLY;
    model_check_fails(&model, "STRAND-");
}

TEST(STRAND_3_needs_those_taken_over_to_be_turned_round)
{
    expected = 5;
    mutation = NEWEST_FIRST;
    model_check_fails(&model, "STRAND-3");
}
