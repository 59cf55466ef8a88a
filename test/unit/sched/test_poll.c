/* How often a busy worker asks its poller: once for each round of its queue, and
 * in a long round every millisecond. */
#include "suite.h"

#include "tasks.h"

#define PICKS_BETWEEN 30 /* more than come within a short round, or a millisecond of a long one */

static int64_t spin;
static int tasks, picks;
static uint64_t polls;
static int64_t elapsed;

static int spin_and_yield(void *unused)
{
    (void)unused;
    for (int i = 0; i < 2000 / tasks; i++) {
        picks++;
        spin_for(spin);
        weft_yield();
    }
    return 0;
}

static uint64_t polls_so_far(void)
{
    weft_worker_stats stats;
    ck_assert_int_eq(weft_stats(0, &stats), 0);
    return stats.polls;
}

static int count_polls(void *unused)
{
    weft_task *all[100];
    (void)unused;
    polls = polls_so_far();
    elapsed = weft_now();
    for (int i = 0; i < tasks; i++)
        SPAWN(spin_and_yield, NULL, &all[i]);
    for (int i = 0; i < tasks; i++)
        JOIN(all[i], 0);
    polls = polls_so_far() - polls;
    elapsed = weft_now() - elapsed;
    return 0;
}

TEST(a_short_round_goes_to_its_end_before_the_poller_is_asked)
{
    tasks = 10;
    spin = WEFT_US(20);
    ck_assert_int_eq(run_in_turn(count_polls, NULL), 0);
    uint64_t rounds = (uint64_t)(picks / tasks), held_up = (uint64_t)(elapsed / WEFT_MS(1));
    ck_assert_uint_le(polls, rounds + held_up + 20);
    ck_assert_uint_ge(polls, (uint64_t)(picks / PICKS_BETWEEN));
}

TEST(in_a_long_round_the_poller_is_asked_every_millisecond)
{
    tasks = 100;
    spin = WEFT_US(100);
    ck_assert_int_eq(run_in_turn(count_polls, NULL), 0);
    ck_assert_uint_le(polls, (uint64_t)(elapsed / WEFT_MS(1)) + 20);
    ck_assert_uint_ge(polls, (uint64_t)(picks / PICKS_BETWEEN));
}
