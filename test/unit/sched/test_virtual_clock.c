#include "suite.h"

#include <errno.h>
#include <stdlib.h>

#include "time/clock.h"

#include "tasks.h"

static int run_virtual(int (*fn)(void *), void *arg)
{
    weft_config config = { .flags = WEFT_VIRTUAL_CLOCK };
    return weft_run(&config, fn, arg);
}

static int sleep_an_hour(void *unused)
{
    int64_t start = weft_now();
    ck_assert_int_eq(weft_sleep(WEFT_S(3600)), 0);
    ck_assert_int_ge(weft_now() - start, WEFT_S(3600));
    ck_assert_int_le(weft_now() - start, WEFT_S(3600) + WEFT_MS(1));
    (void)unused;
    return 0;
}

TEST(sleeping_an_hour_takes_no_time)
{
    int64_t start = weft__clock_real();
    ck_assert_int_eq(run_virtual(sleep_an_hour, NULL), 0);
    ck_assert_int_lt(weft__clock_real() - start, (int64_t)(test_seconds(5) * 1e9));
    ck_assert_int_lt(labs(weft_now() - weft__clock_real()), WEFT_S(1));
}

#define SLEEPERS 50

static int order[SLEEPERS], woken;

static int sleep_minutes(void *arg)
{
    intptr_t minutes = (intptr_t)arg;
    ck_assert_int_eq(weft_sleep(WEFT_S(60 * minutes)), 0);
    order[woken++] = (int)minutes;
    return 0;
}

static int spawn_sleepers(void *unused)
{
    for (intptr_t i = 0; i < SLEEPERS; i++)
        SPAWN(sleep_minutes, (void *)(1 + i * 37 % SLEEPERS), NULL);
    (void)unused;
    return 0;
}

TEST(sleepers_wake_in_order)
{
    ck_assert_int_eq(run_virtual(spawn_sleepers, NULL), 0);
    ck_assert_int_eq(woken, SLEEPERS);
    for (int i = 0; i < SLEEPERS; i++)
        ck_assert_int_eq(order[i], i + 1);
}

static int compute(void *unused)
{
    int64_t start = weft_now();
    for (int i = 0; i < 1000; i++)
        weft_yield();
    block_for(WEFT_MS(2));
    ck_assert_int_eq(weft_now(), start);
    (void)unused;
    return 0;
}

TEST(time_stands_still_while_a_task_runs)
{
    ck_assert_int_eq(run_virtual(compute, NULL), 0);
}

static int miss_a_deadline(void *unused)
{
    weft_scope scope;
    int64_t start = weft_now();
    weft_scope_enter(&scope, start + WEFT_S(100));
    ck_assert_int_lt(weft_sleep(WEFT_S(1000)), 0);
    ck_assert(weft_scope_leave(&scope));
    ck_assert_int_ge(weft_now(), start + WEFT_S(100));
    ck_assert_int_lt(weft_now(), start + WEFT_S(101));
    (void)unused;
    return 0;
}

TEST(deadlines_are_virtual_too)
{
    ck_assert_int_eq(run_virtual(miss_a_deadline, NULL), 0);
}

#define ROUNDS 50

static int64_t called_at;

static void note_time(void *unused)
{
    (void)unused;
    called_at = weft_now();
}

static int post_and_sleep(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        weft_post_node node;
        int64_t start = weft_now();
        called_at = 0;
        weft_post_node_init(&node, note_time, NULL);
        ck_assert_int_eq(weft_post_from_signal(&node), 0);
        ck_assert_int_eq(weft_sleep(WEFT_S(10)), 0);
        ck_assert_int_eq(called_at, start);
    }
    return 0;
}

TEST(CLOCK_1_what_a_signal_handler_posts_is_done_before_time_goes_on)
{
    ck_assert_int_eq(run_virtual(post_and_sleep, NULL), 0);
}

static bool entered;
static int64_t cancelled_at;

static int be_cancelled(void *scope)
{
    weft_scope_enter(scope, WEFT_NEVER);
    entered = true;
    ck_assert_int_eq(weft_sleep(WEFT_S(3600)), -ECANCELED);
    cancelled_at = weft_now();
    weft_scope_leave(scope);
    return 0;
}

static int cancel_and_sleep(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        weft_scope scope;
        weft_task *task;
        int64_t start = weft_now();
        entered = false;
        SPAWN(be_cancelled, &scope, &task);
        while (!entered)
            weft_yield();
        weft_yield();
        ck_assert_int_eq(weft_scope_cancel_from_signal(&scope), 0);
        ck_assert_int_eq(weft_sleep(WEFT_S(10)), 0);
        ck_assert_int_eq(cancelled_at, start);
        JOIN(task, 0);
    }
    return 0;
}

TEST(CLOCK_1_what_a_signal_handler_cancels_ends_before_time_goes_on)
{
    ck_assert_int_eq(run_virtual(cancel_and_sleep, NULL), 0);
}
