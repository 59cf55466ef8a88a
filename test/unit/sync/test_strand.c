#include "suite.h"

#include <stdatomic.h>
#include <string.h>

#include "strands.h"
#include "vthreads.h"

#define MANY 200

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
