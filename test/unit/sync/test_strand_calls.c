/* Strands: cancelling, what comes later, the end, and calls from outside. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "sched/worker.h"
#include "strands.h"

/* Cancelling. */

static int never(void *unused)
{
    (void)unused;
    ck_abort_msg("it ran");
}

static int cancel_mates(void *unused)
{
    weft_task *tasks[FEW];
    for (int i = 0; i < FEW; i++) {
        SPAWN_HERE(never, NULL, &tasks[i]); /* behind us */
        weft_cancel(tasks[i]);
        POST(note, ".");
    }
    for (int i = 0; i < FEW; i++)
        JOIN(tasks[i], -ECANCELED);
    ck_assert_str_eq(trace, "........");
    (void)unused;
    return 0;
}

static int cancel_in_strand(void *unused)
{
    weft_task *task;
    open_strand();
    SPAWN_HERE(cancel_mates, NULL, &task);
    JOIN(task, 0);
    close_strand();
    (void)unused;
    return 0;
}

TEST(who_is_cancelled_in_line_never_runs_and_holds_nobody_up)
{
    ck_assert_int_eq(run_tasks(1, cancel_in_strand, NULL), 0);
    ck_assert_int_eq(run_tasks(8, cancel_in_strand, NULL), 0);
}

static int sleep_long(void *unused)
{
    (void)unused;
    return weft_sleep(WEFT_S(1000));
}

static int cancel_those_who_wait(void *unused)
{
    weft_group group;
    open_strand();
    weft_attr attr = { .strand = strand };
    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < FEW; i++)
        ck_assert_int_eq(weft_group_spawn_with(&group, &attr, sleep_long, NULL), 0);
    ck_assert_int_eq(weft_strand_call(strand, note_in_task, ".", NULL), 0); /* all sleep */
    weft_group_cancel(&group);
    ck_assert_int_eq(weft_group_leave(&group), 0);
    close_strand();
    (void)unused;
    return 0;
}

TEST(a_group_in_a_strand_is_cancelled)
{
    ck_assert_int_eq(run_tasks(2, cancel_those_who_wait, NULL), 0);
}

/* Later. */

static int run_virtual(int (*fn)(void *arg))
{
    weft_config config = { .workers = 1, .flags = WEFT_VIRTUAL_CLOCK };
    return weft_run(&config, fn, NULL);
}

static void note_if_due(void *when)
{
    ck_assert_int_ge(weft_now(), *(int64_t *)when);
    ck_assert_ptr_eq(weft_strand_self(), strand);
    note(".");
}

static int come_in_time(void *unused)
{
    int64_t later = weft_after(WEFT_S(3)), sooner = weft_after(WEFT_S(1)), past = 1;
    weft_task *task;
    open_strand();
    ck_assert_int_eq(weft_strand_schedule(strand, later, note, "later", NULL), 0);
    ck_assert_int_eq(weft_strand_schedule(strand, sooner, note, "sooner ", NULL), 0);
    ck_assert_int_eq(weft_strand_schedule(strand, past, note, "now ", &task), 0);
    ck_assert_int_eq(weft_strand_schedule(strand, sooner, note_if_due, &sooner, NULL), 0);
    JOIN(task, 0);
    ck_assert_str_eq(trace, "now ");
    close_strand();
    ck_assert_int_ge(weft_now(), later);
    if (strcmp(trace, "now sooner .later") != 0)
        ck_assert_str_eq(trace, "now .sooner later"); /* the same time: no order */
    (void)unused;
    return 0;
}

TEST(callbacks_come_in_time)
{
    ck_assert_int_eq(run_virtual(come_in_time), 0);
}

TEST(callbacks_that_a_plain_thread_schedules_come_in_time)
{
    weft_config config = { .workers = 2 };
    ck_assert_int_eq(weft_start(&config), 0);
    open_strand();
    int64_t when = weft_after(WEFT_MS(2));
    ck_assert_int_eq(weft_strand_schedule(strand, when, note_if_due, &when, NULL), 0);
    close_strand();
    ck_assert_str_eq(trace, ".");
    ck_assert_int_eq(weft_strand_create(&strand), 0);
    ck_assert_int_eq(weft_strand_schedule(strand, WEFT_NEVER, note, "", NULL), -EINVAL);
    close_strand();
    ck_assert_int_eq(weft_stop(), 0);
}

static void abort_it(void *unused)
{
    never(unused);
}

/* On one worker, which has no other timers. */
static int leave_no_timer(void *unused)
{
    weft_task *task;
    int64_t when = weft_after(WEFT_S(1000));
    open_strand();
    ck_assert_int_eq(weft_strand_schedule(strand, when, abort_it, NULL, &task), 0);
    ck_assert_uint_eq(weft__rt.worker[0].wheel.count, 1);
    weft_cancel(task);
    JOIN(task, -ECANCELED);
    ck_assert_uint_eq(weft__rt.worker[0].wheel.count, 0);
    close_strand();
    (void)unused;
    return 0;
}

TEST(what_is_scheduled_and_cancelled_leaves_no_timer)
{
    ck_assert_int_eq(run_in_turn(leave_no_timer, NULL), 0);
}

static int take_back(void *began)
{
    weft_task *task;
    open_strand();
    for (int i = 0; i < FEW; i++) {
        int64_t when = weft_after(WEFT_S(1000));
        ck_assert_int_eq(weft_strand_schedule(strand, when, abort_it, NULL, &task), 0);
        weft_cancel(task);
        JOIN(task, -ECANCELED);
    }
    close_strand();
    ck_assert_int_lt(weft_now() - *(int64_t *)began, WEFT_S(900));
    return 0;
}

TEST(what_is_scheduled_can_be_cancelled)
{
    int64_t began = weft_now();
    ck_assert_int_eq(run_tasks(1, take_back, &began), 0);
    ck_assert_int_eq(run_tasks(2, take_back, &began), 0);
}

/* Its time comes while we have the baton; it stands in line behind us. */
static int cancel_in_line(void *unused)
{
    weft_task *task;
    int64_t when = weft_after(WEFT_US(200));
    ck_assert_int_eq(weft_strand_schedule(strand, when, abort_it, NULL, &task), 0);
    spin_for(WEFT_MS(5));
    weft_cancel(task);
    JOIN(task, -ECANCELED);
    (void)unused;
    return 0;
}

static int cancel_due(void *unused)
{
    weft_task *task;
    open_strand();
    for (int i = 0; i < 5; i++) {
        SPAWN_HERE(cancel_in_line, NULL, &task);
        JOIN(task, 0);
    }
    close_strand();
    (void)unused;
    return 0;
}

TEST(what_is_due_can_be_cancelled_by_a_task_of_the_strand)
{
    ck_assert_int_eq(run_tasks(2, cancel_due, NULL), 0);
}

/* Whatever the time, a runtime that is cancelled ends. */
static int schedule_and_fail(void *unused)
{
    (void)unused;
    open_strand();
    ck_assert_int_eq(weft_strand_schedule(strand, weft_after(WEFT_S(1000)), abort_it, NULL, NULL),
                     0);
    weft_cancel_all();
    ck_assert_int_eq(weft_strand_schedule(strand, weft_after(WEFT_S(1000)), abort_it, NULL, NULL),
                     0);
    return 0;
}

TEST(what_is_scheduled_is_cancelled_with_all)
{
    ck_assert_int_eq(run_tasks(2, schedule_and_fail, NULL), 0);
    close_strand();
}

/* The end. */

static int destroy_own(void *unused)
{
    (void)unused;
    ck_assert_int_eq(weft_strand_destroy(strand), -EDEADLK);
    return 0;
}

static int destroy_in_many_ways(void *unused)
{
    weft_scope scope;
    weft_task *task;
    ck_assert_int_eq(weft_strand_destroy(NULL), 0);
    open_strand();
    SPAWN_HERE(destroy_own, NULL, NULL);
    close_strand();
    open_strand();
    SPAWN_HERE(sleep_long, NULL, &task);
    for (int i = 0; i < 3; i++) {
        weft_scope_enter(&scope, weft_after(WEFT_MS(1)));
        ck_assert_int_eq(weft_strand_destroy(strand), -ETIMEDOUT);
        weft_scope_leave(&scope);
        ck_assert_int_eq(weft_strand_call(strand, note_in_task, ".", NULL), 0);
    }
    weft_cancel(task);
    JOIN(task, -ECANCELED);
    weft_scope_enter(&scope, WEFT_NEVER);
    weft_scope_cancel(&scope);
    close_strand(); /* nobody is left to wait for */
    weft_scope_leave(&scope);
    ck_assert_str_eq(trace, "...");
    (void)unused;
    return 0;
}

TEST(a_strand_is_destroyed_when_its_last_task_has_ended)
{
    ck_assert_int_eq(run_tasks(1, destroy_in_many_ways, NULL), 0);
    ck_assert_int_eq(run_tasks(4, destroy_in_many_ways, NULL), 0);
}

static int create_and_destroy(void *unused)
{
    for (uint64_t i = test_work(3000); i > 0; i--) {
        open_strand();
        for (uint64_t k = test_random() % 4; k > 0; k--)
            POST(use_once, NULL);
        if (i % 8 == 0)
            SPAWN_HERE(destroy_own, NULL, NULL);
        close_strand();
    }
    (void)unused;
    return 0;
}

TEST(strands_come_and_go)
{
    ck_assert_int_eq(run_tasks(4, create_and_destroy, NULL), 0);
}

/* Calls from outside. */

static int seven(void *unused)
{
    (void)unused;
    ck_assert_ptr_eq(weft_strand_self(), strand);
    use_for(100);
    return 7;
}

static int call_often(void *unused)
{
    int result = 0;
    for (int i = 0; i < 100; i++, result = 0) {
        ck_assert_int_eq(weft_strand_call(strand, seven, NULL, &result), 0);
        ck_assert_int_eq(result, 7);
    }
    (void)unused;
    return 0;
}

static void *call_on_thread(void *unused)
{
    call_often(NULL);
    return unused;
}

TEST(anybody_calls_and_gets_the_result)
{
    pthread_t threads[2];
    weft_task *tasks[3];
    weft_config config = { .workers = 2 };
    ck_assert_int_eq(weft_start(&config), 0);
    open_strand();
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, call_on_thread, NULL);
    for (int i = 0; i < 2; i++)
        SPAWN(call_often, NULL, &tasks[i]);
    SPAWN_HERE(call_often, NULL, &tasks[2]); /* the caller suspends, so it is no deadlock */
    for (int i = 0; i < 3; i++)
        JOIN(tasks[i], 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(counter, 500);
    close_strand();
    ck_assert_int_eq(weft_stop(), 0);
}

/* Its caller's time is up as soon as it has begun. */
static int shielded_three(void *scope)
{
    weft_scope shield;
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER) {
        weft_scope_set_deadline(scope, weft_now());
        weft_sleep(WEFT_MS(5));
    }
    return 3;
}

static int call_in_a_hurry(void *unused)
{
    weft_scope scope;
    int result = 0;
    open_strand();
    weft_scope_enter(&scope, weft_after(WEFT_MS(1)));
    ck_assert_int_eq(weft_strand_call(strand, sleep_long, NULL, &result), -ETIMEDOUT);
    weft_scope_leave(&scope);
    weft_scope_enter(&scope, WEFT_NEVER);
    ck_assert_int_eq(weft_strand_call(strand, shielded_three, &scope, &result),
                     0); /* it was done */
    ck_assert_int_eq(weft_checkpoint(), -ETIMEDOUT);
    weft_scope_leave(&scope);
    ck_assert_int_eq(result, 3);
    close_strand();
    (void)unused;
    return 0;
}

TEST(what_cuts_a_call_short_cancels_it)
{
    ck_assert_int_eq(run_tasks(2, call_in_a_hurry, NULL), 0);
}

/* It keeps its strand, and does not suspend. */
static atomic_bool is_busy, may_end;

static void be_busy(void *unused)
{
    (void)unused;
    atomic_store(&is_busy, true);
    while (!atomic_load(&may_end))
        sched_yield();
}

static void make_busy(void)
{
    atomic_store(&is_busy, false);
    atomic_store(&may_end, false);
    POST(be_busy, NULL);
    while (!atomic_load(&is_busy))
        sched_yield();
}

static int call_in_vain(void *unused)
{
    weft_scope scope;
    int result = 0;
    weft_scope_enter(&scope, weft_after(WEFT_MS(1)));
    ck_assert_int_eq(weft_strand_call(strand, never, NULL, &result), -ETIMEDOUT);
    weft_scope_leave(&scope);
    weft_scope_enter(&scope, weft_after(WEFT_MS(1)));
    ck_assert_int_eq(weft_strand_destroy(strand), -ETIMEDOUT); /* a task is left in line */
    weft_scope_leave(&scope);
    (void)unused;
    return 0;
}

TEST(who_calls_a_busy_strand_waits_no_longer_than_he_may, .timeout = 20)
{
    weft_config config = { .workers = 2 };
    weft_task *task;
    ck_assert_int_eq(weft_start(&config), 0);
    open_strand();
    make_busy();
    call_in_vain(NULL);
    SPAWN(call_in_vain, NULL, &task);
    JOIN(task, 0);
    SPAWN(call_often, NULL, &task);
    atomic_store(&may_end, true);
    JOIN(task, 0); /* those who were left have had their turns */
    close_strand();
    ck_assert_int_eq(weft_stop(), 0);
}

TEST(a_call_that_is_cancelled_with_all_says_so)
{
    weft_config config = { .workers = 2 };
    ck_assert_int_eq(weft_start(&config), 0);
    open_strand();
    weft_cancel_all();
    ck_assert_int_eq(weft_strand_call(strand, never, NULL, NULL), -ECANCELED);
    close_strand();
    ck_assert_int_eq(weft_stop(), 0);
}

static void stop(void *unused)
{
    (void)unused;
    note("stop ");
    weft_strand_stop(strand);
}

TEST(a_plain_thread_runs_a_strand_until_it_is_stopped)
{
    weft_config config = { .workers = 2 };
    ck_assert_int_eq(weft_start(&config), 0);
    open_strand();
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(weft_strand_schedule(strand, weft_after(WEFT_MS(1)), stop, NULL, NULL), 0);
        ck_assert_int_eq(weft_strand_run(strand), 0);
    }
    close_strand();
    ck_assert_str_eq(trace, "stop stop stop ");
    ck_assert_int_eq(weft_stop(), 0);
}

TEST(without_a_runtime_nothing_can_be_given_to_a_strand)
{
    open_strand();
    ck_assert_int_eq(weft_strand_post(strand, note, ""), -EPERM);
    ck_assert_int_eq(weft_strand_call(strand, seven, NULL, NULL), -EPERM);
    close_strand();
}
