/* inbox.h: two producers with two nodes each, and a consumer. */
#include <string.h>

#include "base/atomic.h"
#include "suite.h"

/* Broken on purpose: a put that does not see whether the head has moved; a
 * consumer that takes the newest node only, so that nodes come back. */
static enum { NOTHING, BLIND_PUT, TAKE_TWICE } mutation;

#undef weft__cas_weak
#define weft__cas_weak(p, expected, v, success, failure) \
    (weft__model_rmw(p), mutation == BLIND_PUT ? (atomic_store(p, v), true) \
                                               : atomic_compare_exchange_strong(p, expected, v))
#undef weft__exchange
#define weft__exchange(p, v, order) \
    (weft__model_rmw(p), mutation == TAKE_TWICE ? atomic_load(p) : atomic_exchange(p, v))

#include "lockfree/inbox.h"

#define PRODUCERS 2
#define EACH 2

static struct weft__inbox inbox;
static struct weft__inbox_node nodes[PRODUCERS][EACH];
static int taken[PRODUCERS][EACH];
static int last[PRODUCERS];

static void reset(void)
{
    memset(&inbox, 0, sizeof inbox);
    memset(nodes, 0, sizeof nodes);
    memset(taken, 0, sizeof taken);
    for (int i = 0; i < PRODUCERS; i++)
        last[i] = -1;
    model_name(inbox);
}

static void producer(void)
{
    for (int i = 0; i < EACH; i++)
        weft__inbox_put(&inbox, &nodes[model_self()][i]);
}

static int take(void)
{
    int count = 0;
    struct weft__inbox_node *node = weft__inbox_take(&inbox);
    while (node) {
        long at = node - &nodes[0][0];
        int from = (int)at / EACH, number = (int)at % EACH;
        struct weft__inbox_node *next = node->next;
        model_assert(!taken[from][number], "INBOX-1");
        model_assert(number == last[from] + 1, "INBOX-3");
        taken[from][number] = 1;
        last[from] = number;
        node = next;
        count++;
    }
    return count;
}

static void consumer(void)
{
    for (int i = 0; i < 3; i++)
        take();
}

static void all_taken(void)
{
    take();
    for (int i = 0; i < PRODUCERS; i++)
        model_assert(last[i] == EACH - 1, "INBOX-1");
}

static const struct model model = {
    .setup = reset, .body = { producer, producer, consumer }, .check = all_taken, .preemptions = 4
};

TEST(INBOX_1_and_3_each_node_comes_out_once_and_in_order)
{
    mutation = NOTHING;
    model_check(&model);
}

/* The consumer puts what it took back at once: a head that a producer has read
 * leaves and returns. */
static bool back[EACH];

static void recycler(void)
{
    struct weft__inbox_node *node = weft__inbox_take(&inbox);
    while (node) {
        struct weft__inbox_node *next = node->next;
        long at = node - &nodes[0][0];
        if (at < EACH && !back[at]) {
            back[at] = true;
            weft__inbox_put(&inbox, node);
        } else {
            taken[at / EACH][at % EACH]++;
        }
        node = next;
    }
}

static void recycler_twice(void)
{
    recycler();
    recycler();
}

static void reset_back(void)
{
    reset();
    memset(back, 0, sizeof back);
}

static void all_back(void)
{
    recycler();
    recycler();
    for (int i = 0; i < PRODUCERS; i++)
        for (int k = 0; k < EACH; k++)
            model_assert(taken[i][k] == 1, "INBOX-2");
}

TEST(INBOX_2_a_head_that_comes_back_does_no_harm)
{
    mutation = NOTHING;
    model_check(&(struct model){ .setup = reset_back,
                                 .body = { producer, producer, recycler_twice },
                                 .check = all_back,
                                 .preemptions = 3 });
}

/* INBOX-4: whoever announces and then looks, or puts and then looks. */
static _Atomic(uint32_t) asleep;
static bool poked, slept;

static void reset_sleep(void)
{
    reset();
    asleep = 0;
    poked = slept = false;
}

static void put_and_look(void)
{
    weft__inbox_put(&inbox, &nodes[0][0]);
    poked = weft__load(&asleep, seq_cst);
}

static void announce_and_look(void)
{
    weft__store(&asleep, 1, seq_cst);
    slept = weft__inbox_empty(&inbox);
}

static void announce_weakly_and_look(void)
{
    weft__store(&asleep, 1, release);
    slept = weft__inbox_empty(&inbox);
}

static void not_forgotten(void)
{
    model_assert(!slept || poked, "INBOX-4");
}

TEST(INBOX_4_a_sleeper_is_seen_or_sees_the_node)
{
    mutation = NOTHING;
    struct model sleep = { .setup = reset_sleep,
                           .body = { put_and_look, announce_and_look },
                           .check = not_forgotten,
                           .preemptions = MODEL_UNBOUNDED };
    model_check(&sleep);
    sleep.body[1] = announce_weakly_and_look;
    model_check_fails(&sleep, "INBOX-4");
}

TEST(INBOX_1_needs_the_exchanges)
{
    mutation = BLIND_PUT;
    model_check_fails(&model, "INBOX-");
    mutation = TAKE_TWICE;
    model_check_fails(&model, "INBOX-1");
}
