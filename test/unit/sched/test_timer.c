/* A worker looks at its timers when a long task gives way, and what is due goes
 * first: nobody sleeps longer than until the end of the turn in which it is due. */
#include "suite.h"

#include <stdatomic.h>

#include "tasks.h"

#define TURN WEFT_US(200)
#define WARM_UP 80 /* turns until the worker has learnt that they are long */
#define SLEEPERS 12
#define SLEEPS 20
#define GRAIN WEFT_US(2) /* of the clock, generously */

static int64_t turn_ended[100000];
static atomic_int turns, asleep; /* a worker that is handed over leaves two tasks running */

static int take_long_turns(void *unused)
{
    while (turns < WARM_UP || asleep > 0) {
        spin_for(TURN);
        ck_assert_int_lt(turns, 100000);
        turn_ended[turns++] = weft_now();
        weft_yield();
    }
    (void)unused;
    return 0;
}

static int sleep_often(void *unused)
{
    for (int i = 0; i < SLEEPS; i++) {
        int64_t due = weft_now() + WEFT_MS(1);
        weft_sleep_until(due);
        ck_assert_int_ge(weft_now(), due);
        /* Not yet due at the end of the turn before the last. */
        if (turns >= 2 && !test_is_slowed())
            ck_assert_int_le(turn_ended[turns - 2], due + GRAIN);
    }
    asleep--;
    (void)unused;
    return 0;
}

static int sleep_beside_turns(void *unused)
{
    weft_task *busy;
    asleep = SLEEPERS;
    SPAWN(take_long_turns, NULL, &busy);
    while (turns < WARM_UP)
        weft_yield();
    for (int i = 0; i < SLEEPERS; i++)
        SPAWN(sleep_often, NULL, NULL);
    JOIN(busy, 0);
    (void)unused;
    return 0;
}

TEST(a_sleeper_runs_as_soon_as_the_turn_in_which_it_is_due_ends)
{
    ck_assert_int_eq(run_in_turn(sleep_beside_turns, NULL), 0);
}
