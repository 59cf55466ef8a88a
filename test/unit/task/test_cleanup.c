#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "tasks.h"
#include "vthreads.h"

static char trail[64]; /* what has run, in order; one task at a time writes */

static void mark(void *letter)
{
    strcat(trail, letter);
}

static void suspend_and_mark(void *letter)
{
    ck_assert_int_eq(weft_sleep(WEFT_US(10)), 0);
    mark(letter);
}

static int run_once(void *fn)
{
    weft_task *task;
    int result;
    SPAWN((int (*)(void *))fn, NULL, &task);
    ck_assert_int_eq(weft_join(task, &result), 0);
    return result;
}

static int run_virtual(void *fn)
{
    return on_virtual_thread((int (*)(void *))fn, NULL);
}

/* fn as a task and as a virtual thread, after each of which `trail` is as expected. */
static void run_both(int (*fn)(void *), int result, const char *expected)
{
    ck_assert_int_eq(weft_run(NULL, run_once, (void *)fn), result);
    ck_assert_str_eq(trail, expected);
    if (weft_virtual_thread_refusal())
        return;
    trail[0] = 0;
    ck_assert_int_eq(weft_run(NULL, run_virtual, (void *)fn), result);
    ck_assert_str_eq(trail, expected);
}

static WEFT_NOINLINE int dive(int depth)
{
    volatile char frame[100];
    WEFT_DEFER(mark, "d");
    frame[depth] = 1;
    if (depth == 1)
        weft_exit(42);
    return depth ? dive(depth - 1) + frame[depth] : 0;
}

static int exit_deep(void *unused)
{
    weft_cleanup cleanup;
    (void)unused;
    weft_cleanup_push(&cleanup, suspend_and_mark, "a");
    WEFT_DEFER(mark, "b");
    dive(4);
    ck_abort_msg("it has ended");
    return 0;
}

TEST(exit_ends_a_task_at_any_depth_and_runs_its_handlers)
{
    run_both(exit_deep, 42, "ddddba");
}

static int exit_without_handlers(void *unused)
{
    (void)unused;
    weft_exit(-7);
}

TEST(exit_needs_no_handlers)
{
    run_both(exit_without_handlers, -7, "");
}

TEST(the_first_task_may_exit_as_well)
{
    ck_assert_int_eq(weft_run(NULL, exit_without_handlers, NULL), -7);
}

static int pop_some(void *unused)
{
    weft_cleanup first, second;
    (void)unused;
    weft_cleanup_push(&first, mark, "1");
    weft_cleanup_push(&second, mark, "2");
    weft_cleanup_pop(&second, true);
    weft_cleanup_push(&second, mark, "3");
    weft_cleanup_pop(&second, false);
    weft_cleanup_pop(&first, true);
    return 5;
}

TEST(popping_runs_a_handler_or_not)
{
    run_both(pop_some, 5, "21");
    trail[0] = 0;
    ck_assert_int_eq(pop_some(NULL), 5); /* on a plain thread */
    ck_assert_str_eq(trail, "21");
}

static void leave_by(int way)
{
    for (int i = 0; i < 2; i++) {
        WEFT_DEFER(mark, "x");
        WEFT_DEFER(mark, "y");
        if (way == 1)
            break;
        if (way == 2)
            continue;
        if (way == 3)
            goto out;
        if (way == 4)
            return;
        mark("-");
    }
out:
    mark(".");
}

static int leave_all_ways(void *unused)
{
    (void)unused;
    for (int way = 0; way < 5; way++)
        leave_by(way);
    return 0;
}

TEST(a_deferred_call_comes_however_its_block_is_left)
{
    run_both(leave_all_ways, 0,
             "-yx-yx."
             "yx."
             "yxyx."
             "yx."
             "yx");
    trail[0] = 0;
    leave_all_ways(NULL);
    ck_assert_str_eq(trail, "-yx-yx."
                            "yx."
                            "yxyx."
                            "yx."
                            "yx");
}

static void exit_again(void *letter)
{
    mark(letter);
    weft_exit(2);
}

static int exit_twice(void *unused)
{
    (void)unused;
    WEFT_DEFER(mark, "c");
    WEFT_DEFER(exit_again, "b");
    WEFT_DEFER(mark, "a");
    weft_exit(1);
}

TEST(a_handler_that_exits_ends_alone)
{
    run_both(exit_twice, 2, "abc");
}

static void late(void *expected)
{
    ck_assert_int_eq(weft_yield(), (int)(intptr_t)expected);
    mark("l");
}

static int exit_in_scopes(void *unused)
{
    weft_scope outer, inner;
    (void)unused;
    WEFT_DEFER(late, (void *)0);
    weft_scope_enter(&outer, weft_now() - 1);
    WEFT_DEFER(late, (void *)(intptr_t)-ETIMEDOUT);
    weft_scope_enter(&inner, WEFT_NEVER);
    weft_exit(3);
}

TEST(a_handler_runs_in_the_scope_it_was_pushed_in)
{
    run_both(exit_in_scopes, 3, "ll");
}

static weft_local letters;

static int exit_in_region(void *unused)
{
    int rc;
    (void)unused;
    ck_assert_int_eq(weft_local_set(letters, "o"), 0);
    WEFT_WITH_LOCAL (rc, letters, "i") {
        WEFT_DEFER(mark, "h");
        weft_exit(rc + 4);
    }
    return -1;
}

TEST(exit_leaves_regions_and_destroys_locals)
{
    ck_assert_int_eq(weft_local_create(&letters, mark, 0), 0);
    run_both(exit_in_region, 4, "hio");
}

/* Of a detached task, many times: what it held comes back. */
static int exit_often(void *unused)
{
    weft_memory_stats before, after;
    (void)unused;
    run_once((void *)exit_deep);
    weft_memory(&before);
    for (uint64_t i = test_work(1000); i > 0; i--) {
        trail[0] = 0;
        run_once((void *)exit_deep);
    }
    weft_memory(&after);
    ck_assert_uint_eq(after.tasks, before.tasks);
    ck_assert_uint_eq(after.stacks, before.stacks);
    return 0;
}

TEST(exit_keeps_nothing)
{
    weft_config config = { .workers = 1 };
    ck_assert_int_eq(weft_run(&config, exit_often, NULL), 0);
}

static int unwind(void *unused)
{
    (void)unused;
    pthread_cleanup_push(mark, "p");
    WEFT_DEFER(mark, "w");
    weft_exit(6);
    pthread_cleanup_pop(0);
    return 0;
}

TEST(a_virtual_thread_is_unwound_as_by_pthread_exit)
{
    need_virtual_threads();
    ck_assert_int_eq(weft_run(NULL, run_virtual, (void *)unwind), 6);
    ck_assert_str_eq(trail, "wp");
}

static atomic_int ended;

static int wait_in_group(void *unused)
{
    (void)unused;
    weft_started(0);
    int rc = weft_sleep(WEFT_S(1000));
    atomic_fetch_add(&ended, 1);
    return rc;
}

static void expect_ended(void *count)
{
    ck_assert_int_eq(atomic_load(&ended), (int)(intptr_t)count);
    mark("e");
}

static int exit_in_groups(void *unused)
{
    weft_group outer, inner;
    weft_scope scope;
    (void)unused;
    atomic_store(&ended, 0);
    WEFT_DEFER(expect_ended, (void *)2);
    WEFT_WITH_GROUP (&outer, WEFT_NEVER) {
        ck_assert_int_eq(weft_group_start(&outer, wait_in_group, NULL, NULL), 0);
        WEFT_DEFER(expect_ended, (void *)1);
        WEFT_WITH_GROUP (&inner, WEFT_NEVER) {
            ck_assert_int_eq(weft_group_start(&inner, wait_in_group, NULL, NULL), 0);
            WEFT_DEFER(expect_ended, (void *)0);
            WEFT_WITH_SCOPE (&scope)
                weft_exit(8);
        }
    }
    return -1;
}

/* Somebody else's group stays. */
static int exit_in_a_child(void *unused)
{
    int result = 0;
    weft_group group;
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    ck_assert_int_eq(weft_group_spawn_result(&group, exit_in_groups, NULL, &result), 0);
    ck_assert_int_eq(weft_group_leave(&group), 0);
    return result;
}

TEST(exit_cancels_the_groups_it_leaves_and_waits_for_them)
{
    run_both(exit_in_groups, 8, "eee");
    trail[0] = 0;
    run_both(exit_in_a_child, 8, "eee");
}

static int fail_by_exit(void *unused)
{
    (void)unused;
    weft_exit(-EIO);
}

static int exit_fails_a_group(void *unused)
{
    weft_group group;
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    ck_assert_int_eq(weft_group_spawn(&group, wait_in_group, NULL), 0);
    ck_assert_int_eq(weft_group_spawn(&group, fail_by_exit, NULL), 0);
    return weft_group_leave(&group);
}

TEST(a_child_that_exits_with_an_error_has_failed)
{
    run_both(exit_fails_a_group, -EIO, "");
}

static void exit_plainly(void *unused)
{
    (void)unused;
    weft_exit(0);
}

static void pop_older(void *unused)
{
    weft_cleanup older, newer;
    (void)unused;
    weft_cleanup_push(&older, mark, "o");
    weft_cleanup_push(&newer, mark, "n");
    weft_cleanup_pop(&older, false);
}

static int return_with_a_handler(void *unused)
{
    static weft_cleanup cleanup;
    (void)unused;
    weft_cleanup_push(&cleanup, mark, "h");
    return 0;
}

static void run_returner(void *unused)
{
    weft_run(NULL, return_with_a_handler, unused);
}

static int exit_as_a_thread(void *unused)
{
    (void)unused;
    pthread_exit(NULL);
}

static void run_exiter(void *unused)
{
    weft_run(NULL, exit_as_a_thread, unused);
}

TEST(a_task_that_is_no_thread_does_not_end_as_one)
{
    if (test_is_slowed())
        test_skip("sanitizers end in what they do at a thread's end on its own stack");
    expect_death(run_exiter, NULL, SIGABRT, "pthread_exit() or pthread_cancel() has ended");
    expect_death(run_exiter, NULL, SIGABRT, "in task 1 'main'");
}

TEST(misuse_ends_the_program)
{
    expect_death(run_returner, NULL, SIGABRT, "has ended with a handler of weft_cleanup_push()");
    expect_death(exit_plainly, NULL, SIGABRT, "weft_exit: not a task");
    expect_death(pop_older, NULL, SIGABRT, "weft_cleanup_pop: not the newest handler");
}
