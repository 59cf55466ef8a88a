/* When work is shared, and that it is shared once. */
#include "suite.h"

#include <stdatomic.h>

#include "sched/wait.h"
#include "sched/worker.h"
#include "tasks.h"

/* How often a worker has gone to sleep. One that finds nothing goes again at once. */
static uint64_t parks(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < weft__rt.workers; i++)
        sum += weft__load(&weft__rt.worker[i].parks, relaxed);
    return sum;
}

static uint64_t steals(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < weft__rt.workers; i++)
        sum += weft__load(&weft__rt.worker[i].steals, relaxed);
    return sum;
}

#define BURST 40
#define BURSTS 2000

struct sleeper {
    struct weft__waiter *waiter;
    uint64_t ticket;
};

static atomic_int asleep;
static atomic_bool over;

static void sleep_once(struct sleeper *me)
{
    me->waiter = weft__waiter_self();
    me->ticket = weft__wait_begin(me->waiter, "test", 0);
    atomic_fetch_add(&asleep, 1); /* publishes both */
    weft__wait_park(me->waiter, INT64_MAX);
}

static int sleep_again_and_again(void *arg)
{
    struct sleeper *me = arg;
    while (!atomic_load(&over))
        sleep_once(me);
    return 0;
}

static void wake_all(struct sleeper *sleepers, bool last)
{
    while (atomic_load(&asleep) < BURST)
        weft_yield();
    atomic_store(&asleep, 0);
    atomic_store(&over, last);
    for (int i = 0; i < BURST; i++)
        weft__wait_fire(sleepers[i].waiter, sleepers[i].ticket, WEFT__EVENT);
}

static int wake_in_bursts(void *unused)
{
    (void)unused;
    struct sleeper sleepers[BURST];
    weft_task *tasks[BURST];
    for (int i = 0; i < BURST; i++)
        SPAWN(sleep_again_and_again, &sleepers[i], &tasks[i]);
    for (int i = 0; i < BURSTS; i++)
        wake_all(sleepers, false);
    uint64_t before = steals();
    for (int i = 0; i < BURSTS; i++)
        wake_all(sleepers, false);
    ck_assert_uint_lt(steals() - before, BURSTS / 20); /* the kernel may stop us at times */
    wake_all(sleepers, true);
    for (int i = 0; i < BURST; i++)
        JOIN(tasks[i], 0);
    return 0;
}

TEST(bursts_that_are_over_soon_are_not_shared)
{
    if (test_is_slowed())
        test_skip("no burst is over soon");
    ck_assert_int_eq(run_tasks(2, wake_in_bursts, NULL), 0);
}

static int64_t end;

static int sleep_and_yield(void *arg)
{
    struct sleeper *me = arg;
    sleep_once(me);
    while (weft_now() < end) {
        for (int i = 0; i < 100; i++)
            weft_yield();
    }
    return 0;
}

/* All are woken on one worker. If it took back what it gives away, those it wakes would
 * come for nothing, again and again. */
static int share_for_a_while(void *unused)
{
    (void)unused;
    struct sleeper sleepers[BURST];
    weft_task *tasks[BURST];
    for (int i = 0; i < BURST; i++)
        SPAWN(sleep_and_yield, &sleepers[i], &tasks[i]);
    while (atomic_load(&asleep) < BURST)
        weft_yield();
    end = weft_now() + WEFT_MS(50);
    uint64_t parks_before = parks(), steals_before = steals();
    wake_all(sleepers, true);
    for (int i = 0; i < BURST; i++)
        JOIN(tasks[i], 0);
    ck_assert_uint_gt(steals() - steals_before, 0);
    if (!test_is_slowed())
        ck_assert_uint_lt(parks() - parks_before, 50);
    return 0;
}

TEST(what_was_given_away_is_left_for_those_who_were_woken)
{
    ck_assert_int_eq(run_tasks(2, share_for_a_while, NULL), 0);
}
