#include "suite.h"

#include <errno.h>
#include <stdatomic.h>

#include "tasks.h"

#define MANY 50

/* Each test body runs as a task and on a plain thread. */
static void run_both(int (*fn)(void *))
{
    ck_assert_int_eq(weft_run(NULL, fn, NULL), 0);
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_int_eq(fn(NULL), 0);
    ck_assert_int_eq(weft_stop(), 0);
}

/* Gates that tasks wait at until the test lets them through. */
static atomic_bool open[MANY];

static int pass_gate(void *number)
{
    intptr_t i = (intptr_t)number;
    while (!atomic_load(&open[i])) {
        int rc = weft_sleep(WEFT_US(50));
        if (rc)
            return rc;
    }
    return (int)i;
}

static void spawn_at_gates(weft_task **tasks, int count)
{
    for (intptr_t i = 0; i < count; i++) {
        atomic_store(&open[i], false);
        SPAWN(pass_gate, (void *)i, &tasks[i]);
    }
}

static void open_all(int count)
{
    for (int i = 0; i < count; i++)
        atomic_store(&open[i], true);
}

static int gather_many(void *unused)
{
    weft_task *tasks[MANY];
    int results[MANY];
    (void)unused;
    spawn_at_gates(tasks, MANY);
    weft_detach(tasks[7]);
    tasks[7] = NULL;
    open_all(MANY);
    ck_assert_int_eq(weft_gather(tasks, MANY, results), 0);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(results[i], i == 7 ? 0 : i);
        ck_assert_ptr_null(tasks[i]);
    }
    ck_assert_int_eq(weft_gather(tasks, MANY, NULL), 0); /* nobody is left */
    return 0;
}

TEST(gathering_gives_all_results_in_order)
{
    run_both(gather_many);
}

static int any_of_them(void *unused)
{
    weft_task *tasks[5];
    (void)unused;
    spawn_at_gates(tasks, 5);
    for (int i = 4; i >= 0; i--) {
        atomic_store(&open[i], true);
        ck_assert_int_eq(weft_wait_any(tasks, 5), i);
        ck_assert_int_eq(weft_wait_any(tasks, 5), i); /* as often as you like */
        JOIN(tasks[i], i);
        tasks[i] = NULL;
    }
    ck_assert_int_eq(weft_wait_any(tasks, 5), -ENOENT);
    ck_assert_int_eq(weft_wait_any(tasks, 0), -ENOENT);
    return 0;
}

TEST(waiting_for_any_gives_the_one_that_has_ended)
{
    run_both(any_of_them);
}

static int as_they_end(void *unused)
{
    static const int order[] = { 3, 0, 4, 1, 2 };
    weft_task *tasks[5];
    size_t index;
    int result, step = 0;
    (void)unused;
    spawn_at_gates(tasks, 5);
    atomic_store(&open[order[0]], true);
    while (weft_join_any(tasks, 5, &index, &result) == 0) {
        ck_assert_int_eq(index, order[step]);
        ck_assert_int_eq(result, order[step]);
        ck_assert_ptr_null(tasks[index]);
        if (++step < 5)
            atomic_store(&open[order[step]], true);
    }
    ck_assert_int_eq(step, 5);
    ck_assert_int_eq(weft_join_any(tasks, 5, NULL, NULL), -ENOENT);
    return 0;
}

TEST(tasks_are_joined_in_the_order_in_which_they_end)
{
    run_both(as_they_end);
}

static int run_out_of_time(void *unused)
{
    weft_task *tasks[3];
    int results[3];
    (void)unused;
    spawn_at_gates(tasks, 3);
    weft_scope scope;
    weft_scope_enter(&scope, weft_now() + WEFT_MS(2));
    ck_assert_int_eq(weft_wait_any(tasks, 3), -ETIMEDOUT);
    ck_assert_int_eq(weft_join_any(tasks, 3, NULL, NULL), -ETIMEDOUT);
    ck_assert_int_eq(weft_gather(tasks, 3, results), -ETIMEDOUT);
    open_all(3);
    ck_assert_int_eq(weft_gather(tasks, 3, results), -ETIMEDOUT); /* again and again */
    ck_assert(weft_scope_leave(&scope));
    ck_assert_int_eq(weft_gather(tasks, 3, results), 0); /* nothing has happened */
    ck_assert_int_eq(results[2], 2);
    return 0;
}

TEST(after_a_deadline_the_handles_are_still_good)
{
    run_both(run_out_of_time);
}

static int gather_itself(void *unused)
{
    weft_task *tasks[] = { NULL, weft_self() };
    (void)unused;
    ck_assert_int_eq(weft_gather(tasks, 2, NULL), -EDEADLK);
    ck_assert_int_eq(weft_wait_any(tasks, 2), -EDEADLK);
    ck_assert_int_eq(weft_join_any(tasks, 2, NULL, NULL), -EDEADLK);
    return 0;
}

TEST(a_task_does_not_wait_for_itself)
{
    ck_assert_int_eq(weft_run(NULL, gather_itself, NULL), 0);
}

static int sleep_long(void *unused)
{
    (void)unused;
    return weft_sleep(WEFT_S(1000));
}

static int race(void *unused)
{
    weft_task *tasks[4];
    int results[4];
    (void)unused;
    for (int i = 0; i < 3; i++)
        SPAWN(sleep_long, NULL, &tasks[i]);
    SPAWN(pass_gate, (void *)(intptr_t)3, &tasks[3]);
    open_all(4);
    ssize_t first = weft_wait_any(tasks, 4);
    ck_assert_int_eq(first, 3);
    for (int i = 0; i < 4; i++) {
        if (i != first)
            weft_cancel(tasks[i]);
    }
    ck_assert_int_eq(weft_gather(tasks, 4, results), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(results[i], i == first ? 3 : -ECANCELED);
    return 0;
}

TEST(the_losers_of_a_race_are_cancelled)
{
    run_both(race);
}

static int wait_for_one_twice(void *unused)
{
    weft_task *tasks[2];
    size_t i;
    (void)unused;
    SPAWN(sleep_long, NULL, &tasks[0]);
    tasks[1] = tasks[0];
    ck_assert_int_eq(weft_wait_any(tasks, 2), -EINVAL);
    ck_assert_int_eq(weft_join_any(tasks, 2, &i, NULL), -EINVAL);
    weft_cancel(tasks[0]);
    JOIN(tasks[0], -ECANCELED);
    return 0;
}

TEST(no_task_is_in_an_array_twice)
{
    run_both(wait_for_one_twice);
}

#ifndef NDEBUG
static int gather_one_twice(void *unused)
{
    weft_task *tasks[2];
    (void)unused;
    SPAWN(sleep_long, NULL, &tasks[0]);
    weft_cancel(tasks[0]);
    tasks[1] = tasks[0];
    return weft_gather(tasks, 2, NULL);
}

static void run_gatherer(void *unused)
{
    weft_run(NULL, gather_one_twice, unused);
}

TEST(gathering_one_twice_is_told)
{
    expect_death(run_gatherer, NULL, SIGABRT, "joined, gathered or detached already");
}
#endif
