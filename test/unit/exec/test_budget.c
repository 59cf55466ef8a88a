#include "suite.h"

#include <errno.h>
#include <stdatomic.h>

#include "sync.h"

static int spend_much(void *unused)
{
    weft_budget budget = WEFT_BUDGET_INIT;
    (void)unused;
    for (int i = 0; i < 20000; i++)
        ck_assert_int_eq(weft_budget_spend(&budget), 0);
    return 0;
}

TEST(anybody_may_spend)
{
    ck_assert_int_eq(spend_much(NULL), 0); /* without a runtime */
    run_mixed(spend_much);
}

/* After any number of steps, of any length. */
static int be_cancelled(void *unused)
{
    (void)unused;
    for (int before = 0; before < 300000; before = before * 2 + 1) {
        weft_budget budget = WEFT_BUDGET_INIT;
        weft_scope scope;
        int rc = 0, steps = 0;
        weft_scope_enter(&scope, WEFT_NEVER);
        for (int i = 0; i < before; i++)
            rc |= weft_budget_spend(&budget);
        ck_assert_int_eq(rc, 0);
        weft_scope_cancel(&scope);
        while ((rc = weft_budget_spend(&budget)) == 0)
            steps++;
        ck_assert_int_lt(steps, 256);
        ck_assert_int_eq(rc, -ECANCELED);
        weft_scope_leave(&scope);
    }
    return 0;
}

TEST(who_is_cancelled_hears_of_it_soon)
{
    ck_assert_int_eq(be_cancelled(NULL), 0);
    run_mixed(be_cancelled);
}

static atomic_int ticks;

static int tick(void *until)
{
    while (atomic_fetch_add(&ticks, 1) < (int)(intptr_t)until)
        weft_yield();
    return 0;
}

/* Only giving way ends it. */
static int compute_until_others_have_run(void *unused)
{
    weft_budget budget = WEFT_BUDGET_INIT;
    weft_task *ticker;
    (void)unused;
    atomic_store(&ticks, 0);
    SPAWN(tick, (void *)(intptr_t)20, &ticker);
    while (atomic_load(&ticks) < 20)
        ck_assert_int_eq(weft_budget_spend(&budget), 0);
    JOIN(ticker, 0);
    return 0;
}

TEST(others_have_their_turns)
{
    ck_assert_int_eq(run_in_turn(compute_until_others_have_run, NULL), 0);
}

TEST(others_have_their_turns_where_time_stands_still)
{
    weft_config config = { .flags = WEFT_VIRTUAL_CLOCK };
    ck_assert_int_eq(weft_run(&config, compute_until_others_have_run, NULL), 0);
}

/* Cheap steps, and then long ones. */
static int become_slow(void *unused)
{
    weft_budget budget = WEFT_BUDGET_INIT;
    weft_task *ticker;
    (void)unused;
    atomic_store(&ticks, 0);
    int rc = 0;
    for (int i = 0; i < 20000; i++)
        rc |= weft_budget_spend(&budget);
    ck_assert_int_eq(rc, 0);
    SPAWN(tick, (void *)(intptr_t)1000000, &ticker);
    for (int i = 0; i < 256 + 20; i++) {
        spin_for(WEFT_US(60));
        ck_assert_int_eq(weft_budget_spend(&budget), 0);
    }
    ck_assert_int_ge(atomic_load(&ticks), 10);
    atomic_store(&ticks, 1000000);
    JOIN(ticker, 0);
    return 0;
}

TEST(steps_may_become_longer)
{
    ck_assert_int_eq(run_in_turn(become_slow, NULL), 0);
}
