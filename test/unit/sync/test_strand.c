#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sched/worker.h"
#include "tasks.h"
#include "vthreads.h"

#define MANY 200
#define FEW 8

/* What the strand protects is plain data throughout. */
static weft_strand *strand;
static char trace[4096];
static int counter;
static bool inside;

static void note(void *text)
{
    strcat(trace, text);
}

static int note_in_task(void *text)
{
    note(text);
    return 0;
}

static void open_strand(void)
{
    ck_assert_int_eq(weft_strand_create(&strand), 0);
    trace[0] = 0;
    counter = 0;
    inside = false;
}

static void close_strand(void)
{
    ck_assert_int_eq(weft_strand_destroy(strand), 0);
}

#define SPAWN_HERE(fn, arg, ret_task) \
    ck_assert_int_eq(weft_strand_spawn(strand, fn, arg, ret_task), 0)
#define POST(fn, arg) ck_assert_int_eq(weft_strand_post(strand, fn, arg), 0)

/* Nobody else is in here, and nobody comes. */
static void use_for(int64_t ns)
{
    ck_assert(!inside);
    inside = true;
    counter++;
    spin_for(ns);
    ck_assert(inside);
    inside = false;
}

/* One at a time. */

static int use_often(void *unused)
{
    for (int i = 0; i < 20; i++) {
        use_for(2000);
        switch (test_random() % 3) {
        case 0:
            weft_yield();
            break;
        case 1:
            weft_sleep(1000);
            break;
        }
    }
    (void)unused;
    return 0;
}

static void use_once(void *unused)
{
    (void)unused;
    use_for(2000);
}

static int use_from_all_sides(void *unused)
{
    weft_task *tasks[MANY];
    open_strand();
    for (int i = 0; i < MANY; i++) {
        SPAWN_HERE(use_often, NULL, &tasks[i]);
        POST(use_once, NULL);
    }
    for (int i = 0; i < MANY; i++)
        JOIN(tasks[i], 0);
    close_strand();
    ck_assert_int_eq(counter, MANY * 21);
    (void)unused;
    return 0;
}

TEST(one_at_a_time_with_one_worker)
{
    ck_assert_int_eq(run_tasks(1, use_from_all_sides, NULL), 0);
}

TEST(one_at_a_time_with_two_workers)
{
    ck_assert_int_eq(run_tasks(2, use_from_all_sides, NULL), 0);
}

TEST(one_at_a_time_with_eight_workers)
{
    ck_assert_int_eq(run_tasks(8, use_from_all_sides, NULL), 0);
}

TEST(one_at_a_time_in_any_order_of_workers_tasks)
{
    for (uint64_t seed = 1; seed < 20; seed++) {
        weft_config config = { .seed = seed };
        ck_assert_int_eq(weft_run(&config, use_from_all_sides, NULL), 0);
    }
}

/* In order. */

static int next_number;

static int expect_number(void *number)
{
    ck_assert_int_eq(next_number++, (int)(intptr_t)number);
    return 0;
}

static void expect_number_in_callback(void *number)
{
    expect_number(number);
}

static void give_numbers(void)
{
    next_number = 0;
    for (intptr_t i = 0; i < MANY; i += 2) {
        SPAWN_HERE(expect_number, (void *)i, NULL);
        POST(expect_number_in_callback, (void *)(i + 1));
    }
}

static int run_in_order(void *unused)
{
    open_strand();
    give_numbers();
    close_strand();
    ck_assert_int_eq(next_number, MANY);
    (void)unused;
    return 0;
}

TEST(tasks_and_callbacks_run_in_order)
{
    for (unsigned workers = 1; workers <= 8; workers *= 2)
        ck_assert_int_eq(run_tasks(workers, run_in_order, NULL), 0);
}

TEST(tasks_and_callbacks_of_a_plain_thread_run_in_order)
{
    weft_config config = { .workers = 2 };
    ck_assert_int_eq(weft_start(&config), 0);
    run_in_order(NULL);
    ck_assert_int_eq(weft_stop(), 0);
}

TEST(the_strands_order_holds_where_workers_draw_at_random)
{
    for (uint64_t seed = 1; seed < 50; seed++) {
        weft_config config = { .seed = seed };
        ck_assert_int_eq(weft_run(&config, run_in_order, NULL), 0);
    }
}

static int note_and_yield(void *text)
{
    for (int i = 0; i < 3; i++) {
        note(text);
        weft_yield();
    }
    return 0;
}

static void start_others(void *unused)
{
    SPAWN_HERE(note_and_yield, "a", NULL);
    SPAWN_HERE(note_and_yield, "b", NULL);
    POST(note, "c");
    (void)unused;
}

static int take_turns(void *unused)
{
    open_strand();
    POST(start_others, NULL);
    close_strand();
    ck_assert_str_eq(trace, "abcabab");
    (void)unused;
    return 0;
}

TEST(who_yields_goes_behind)
{
    ck_assert_int_eq(run_tasks(1, take_turns, NULL), 0);
    ck_assert_int_eq(run_tasks(8, take_turns, NULL), 0);
}

/* Suspending. */

static weft_event event = WEFT_EVENT_INIT;

static int await_event(void *text)
{
    note("(");
    ck_assert_int_eq(weft_event_wait(&event), 0);
    note(text);
    return 0;
}

static void set_event(void *unused)
{
    note("set ");
    weft_event_set(&event);
    POST(note, " after");
    (void)unused;
}

static int wake_in_order(void *unused)
{
    open_strand();
    weft_event_clear(&event);
    SPAWN_HERE(await_event, "woken)", NULL);
    POST(set_event, NULL);
    close_strand();
    ck_assert_str_eq(trace, "(set woken) after");
    (void)unused;
    return 0;
}

TEST(others_run_while_one_waits_and_a_wake_takes_its_turn)
{
    ck_assert_int_eq(run_tasks(1, wake_in_order, NULL), 0);
    ck_assert_int_eq(run_tasks(8, wake_in_order, NULL), 0);
}

static void suspend_in_callback(void *text)
{
    await_event(text);
}

static int suspend_callback(void *unused)
{
    open_strand();
    weft_event_clear(&event);
    POST(suspend_in_callback, ")");
    POST(set_event, NULL);
    close_strand();
    ck_assert_str_eq(trace, "(set ) after");
    (void)unused;
    return 0;
}

TEST(a_callback_may_suspend)
{
    ck_assert_int_eq(run_tasks(2, suspend_callback, NULL), 0);
}

static int join_mate(void *task)
{
    note("join ");
    JOIN(task, 0);
    note(" joined");
    return 0;
}

static int join_in_strand(void *unused)
{
    weft_task *joined, *joiner;
    open_strand();
    weft_event_clear(&event);
    SPAWN_HERE(await_event, "woken)", &joined);
    SPAWN_HERE(join_mate, joined, &joiner);
    POST(set_event, NULL);
    JOIN(joiner, 0);
    close_strand();
    ck_assert_str_eq(trace, "(join set woken) after joined");
    (void)unused;
    return 0;
}

TEST(a_task_joins_another_of_its_strand)
{
    ck_assert_int_eq(run_tasks(1, join_in_strand, NULL), 0);
    ck_assert_int_eq(run_tasks(8, join_in_strand, NULL), 0);
}

static int block_inside(void *unused)
{
    inside = true;
    block_for(WEFT_MS(30)); /* the worker goes to another carrier */
    inside = false;
    (void)unused;
    return 0;
}

static int compute_inside(void *unused)
{
    inside = true;
    spin_for(WEFT_MS(30));
    inside = false;
    (void)unused;
    return 0;
}

static int go_on_elsewhere(void *unused)
{
    open_strand();
    for (int i = 0; i < 3; i++) {
        SPAWN_HERE(i % 2 ? compute_inside : block_inside, NULL, NULL);
        for (int k = 0; k < FEW; k++)
            POST(use_once, NULL);
    }
    for (int i = 0; i < 50; i++)
        weft_sleep(WEFT_US(500)); /* and others have their turn */
    close_strand();
    ck_assert_int_eq(counter, 3 * FEW);
    (void)unused;
    return 0;
}

TEST(who_blocks_its_thread_keeps_its_strand_waiting)
{
    ck_assert_int_eq(run_tasks(1, go_on_elsewhere, NULL), 0);
    ck_assert_int_eq(run_tasks(2, go_on_elsewhere, NULL), 0);
}

static atomic_bool over;

static int await_and_say(void *unused)
{
    (void)unused;
    ck_assert_int_eq(weft_event_wait(&event), 0);
    atomic_store(&over, true);
    return 0;
}

/* Whom we have woken runs next here, so others have to take it from us, with its baton. */
static int wake_and_compute(void *unused)
{
    open_strand();
    for (int i = 0; i < FEW; i++) {
        weft_event_clear(&event);
        atomic_store(&over, false);
        SPAWN_HERE(await_and_say, NULL, NULL);
        ck_assert_int_eq(weft_strand_call(strand, note_in_task, ".", NULL), 0); /* it waits */
        weft_event_set(&event);
        while (!atomic_load(&over))
            ;
    }
    close_strand();
    (void)unused;
    return 0;
}

TEST(a_task_with_the_baton_is_taken_from_a_worker_that_is_busy)
{
    weft_config config = { .workers = 2, .flags = WEFT_NO_HAND_OFF };
    ck_assert_int_eq(weft_run(&config, wake_and_compute, NULL), 0);
}

/* Tasks of all kinds. */

static int expect_no_strand(void *unused)
{
    (void)unused;
    ck_assert_ptr_null(weft_strand_self());
    return 0;
}

static int expect_strand(void *unused)
{
    weft_task *child;
    (void)unused;
    ck_assert_ptr_eq(weft_strand_self(), strand);
    SPAWN(expect_no_strand, NULL, &child);
    JOIN(child, 0);
    ck_assert_ptr_eq(weft_strand_self(), strand);
    return 0;
}

static int know_strand(void *unused)
{
    weft_task *task;
    ck_assert_ptr_null(weft_strand_self());
    open_strand();
    SPAWN_HERE(expect_strand, NULL, &task);
    JOIN(task, 0);
    close_strand();
    (void)unused;
    return 0;
}

TEST(a_task_knows_its_strand_and_its_children_have_none)
{
    ck_assert_ptr_null(weft_strand_self());
    ck_assert_int_eq(run_tasks(2, know_strand, NULL), 0);
}

WEFT_TASK(add, int, first, int64_t, second, const char *, third)
{
    use_for(1000);
    counter += first + (int)second;
    ck_assert_str_eq(third, "third");
    return 0;
}

static int fill_group(void *unused)
{
    weft_group group;
    weft_task *task;
    open_strand();
    weft_attr attr = { .strand = strand, .name = "member" };
    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < FEW; i++) {
        ck_assert_int_eq(weft_group_spawn_with(&group, &attr, use_often, NULL), 0);
        ck_assert_int_eq(weft_group_spawn_args_with(&group, &attr, add, 100, 1000, "third"), 0);
        ck_assert_int_eq(weft_spawn_args_with(&attr, &task, add, 1, 2, "third"), 0);
        weft_detach(task);
    }
    ck_assert_int_eq(weft_group_leave(&group), 0);
    close_strand();
    ck_assert_int_eq(counter, FEW * (20 + 1 + 1100 + 1 + 3));
    (void)unused;
    return 0;
}

TEST(groups_and_typed_arguments_have_strands)
{
    ck_assert_int_eq(run_tasks(4, fill_group, NULL), 0);
}

static int run_kind(void *flags)
{
    weft_task *tasks[FEW];
    open_strand();
    weft_attr attr = { .flags = *(unsigned *)flags, .strand = strand };
    for (int i = 0; i < FEW; i++) {
        ck_assert_int_eq(weft_spawn_with(&attr, use_often, NULL, &tasks[i]), 0);
        SPAWN_HERE(use_often, NULL, NULL);
    }
    for (int i = 0; i < FEW; i++)
        JOIN(tasks[i], 0);
    close_strand();
    ck_assert_int_eq(counter, 2 * FEW * 20);
    return 0;
}

static void run_kinds(unsigned flags)
{
    weft_config config = { .workers = 4 };
    ck_assert_int_eq(run_tasks(1, run_kind, &flags), 0);
    ck_assert_int_eq(run_tasks(4, run_kind, &flags), 0);
    ck_assert_int_eq(weft_start(&config), 0);
    run_kind(&flags);
    ck_assert_int_eq(weft_stop(), 0);
}

TEST(pinned_tasks_have_strands)
{
    run_kinds(WEFT_PINNED);
}

TEST(virtual_threads_have_strands)
{
    need_virtual_threads();
    run_kinds(WEFT_VIRTUAL_THREAD);
}

#define STRANDS 1000

static struct own {
    weft_strand *strand;
    int count;
} own[STRANDS];

static int count_on_own(void *arg)
{
    struct own *mine = arg;
    ck_assert_ptr_eq(weft_strand_self(), mine->strand);
    mine->count++;
    weft_yield();
    mine->count++;
    return 0;
}

static int use_many_strands(void *unused)
{
    memset(own, 0, sizeof own);
    for (int i = 0; i < STRANDS; i++)
        ck_assert_int_eq(weft_strand_create(&own[i].strand), 0);
    for (int i = 0; i < 10 * STRANDS; i++) {
        struct own *one = &own[i % STRANDS];
        ck_assert_int_eq(weft_strand_spawn(one->strand, count_on_own, one, NULL), 0);
    }
    for (int i = 0; i < STRANDS; i++) {
        ck_assert_int_eq(weft_strand_destroy(own[i].strand), 0);
        ck_assert_int_eq(own[i].count, 20);
    }
    (void)unused;
    return 0;
}

TEST(a_thousand_strands_run_side_by_side)
{
    ck_assert_int_eq(run_tasks(8, use_many_strands, NULL), 0);
}

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

static int shielded_three(void *unused)
{
    weft_scope shield;
    (void)unused;
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER)
        weft_sleep(WEFT_MS(5));
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
    weft_scope_enter(&scope, weft_after(WEFT_MS(1)));
    ck_assert_int_eq(weft_strand_call(strand, shielded_three, NULL, &result), 0); /* it was done */
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
