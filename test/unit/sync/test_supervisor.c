#include "suite.h"

#include <pthread.h>

#include "supervise.h"

/* Order. */

static int start_and_stop(void *unused)
{
    (void)unused;
    reset(WEFT_ONE_FOR_ONE);
    weft_task *task = start_top();
    await_running(3, 3);
    ck_assert_uint_eq(look().children, 3);
    stop_top(task);
    ck_assert_str_eq(story, "+a +b +c -c -b -a");
    return 0;
}

TEST(children_start_in_order_and_stop_in_reverse)
{
    run_mixed(start_and_stop);
}

static int cancel_it(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        weft_scope scope;
        int rc;
        reset(WEFT_ONE_FOR_ONE);
        ck_assert_int_eq(weft_supervisor_create(&spec, &top), 0);
        weft_scope_enter(&scope, i == 0 ? weft_after(WEFT_MS(20)) : WEFT_NEVER);
        if (i == 1)
            weft_scope_cancel(&scope);
        if (i == 2)
            weft_supervisor_stop(top);
        rc = weft_supervisor_run(top);
        ck_assert_int_eq(rc, i == 0 ? -ETIMEDOUT : i == 1 ? -ECANCELED : 0);
        weft_scope_leave(&scope);
        ck_assert_str_eq(story, i == 0 ? "+a +b +c -c -b -a" : "");
        ck_assert_uint_eq(look().running, 0);
        if (i != 1)
            ck_assert_int_eq(weft_supervisor_run(top), -EALREADY);
        weft_supervisor_destroy(top);
    }
    return 0;
}

TEST(a_supervisor_that_is_cut_short_stops_its_children_in_reverse)
{
    run_mixed(cancel_it);
}

static int cancel_task(void *unused)
{
    (void)unused;
    reset(WEFT_ONE_FOR_ONE);
    weft_task *task = start_top();
    await_running(3, 3);
    weft_cancel(task);
    end_top(task, -ECANCELED);
    ck_assert_str_eq(story, "+a +b +c -c -b -a");
    return 0;
}

TEST(a_supervisor_whose_task_is_cancelled_does_so_too)
{
    run_mixed(cancel_task);
}

/* Strategies. */

static void play_with(enum weft_strategy strategy, const char *wanted)
{
    reset(strategy);
    b.fail_times = 1;
    weft_event_clear(&b.go);
    weft_task *task = start_top();
    await_running(3, 3);
    weft_event_set(&b.go);
    await_running(3, strategy == WEFT_ONE_FOR_ONE ? 4 : strategy == WEFT_ONE_FOR_ALL ? 6 : 5);
    ck_assert_uint_eq(look().restarts, 1);
    stop_top(task);
    ck_assert_str_eq(story, wanted);
}

static int strategies(void *unused)
{
    (void)unused;
    play_with(WEFT_ONE_FOR_ONE, "+a +b +c -b +b -c -b -a");
    play_with(WEFT_ONE_FOR_ALL, "+a +b +c -b -c -a +a +b +c -c -b -a");
    play_with(WEFT_REST_FOR_ONE, "+a +b +c -b -c +b +c -c -b -a");
    return 0;
}

TEST(the_strategy_says_who_is_started_again)
{
    run_mixed(strategies);
}

/* Kinds of child: whether one that ended so is started again. */
static void play_once(enum weft_restart restart, int result, bool again)
{
    reset(WEFT_ONE_FOR_ONE);
    spec.count = 1;
    spec.flags = WEFT_SUPERVISOR_UNTIL_IDLE;
    children[0].restart = restart;
    if (result < 0)
        a.fail_times = 1;
    a.result = again ? WAITS : result;
    if (again && result >= 0) {
        a.result = result;
        spec.max_restarts = 2;
    }
    weft_task *task = start_top();
    if (again && result < 0) {
        await_running(1, 2);
        stop_top(task);
        ck_assert_str_eq(story, "+a -a +a -a");
    } else if (again) {
        end_top(task, -ELOOP);
        ck_assert_str_eq(story, "+a -a +a -a +a -a #a");
    } else {
        JOIN(task, 0);
        ck_assert_str_eq(story, "+a -a");
        ck_assert_uint_eq(look().children, restart == WEFT_TEMPORARY ? 0 : 1);
        weft_supervisor_destroy(top);
    }
}

static int kinds(void *unused)
{
    (void)unused;
    play_once(WEFT_PERMANENT, 0, true);
    play_once(WEFT_PERMANENT, -EIO, true);
    play_once(WEFT_TRANSIENT, 0, false);
    play_once(WEFT_TRANSIENT, -EIO, true);
    play_once(WEFT_TEMPORARY, 0, false);
    play_once(WEFT_TEMPORARY, -EIO, false);
    return 0;
}

TEST(the_kind_of_child_says_whether_it_is_started_again)
{
    run_mixed(kinds);
}

/* Cancelled by others than its supervisor: that was no good end. */
static int cancel_child(void *unused)
{
    (void)unused;
    reset(WEFT_ONE_FOR_ONE);
    children[1].restart = WEFT_TRANSIENT;
    weft_task *task = start_top();
    await_running(3, 3);
    weft_actor *actor = weft_supervisor_find(top, "b");
    ck_assert_ptr_nonnull(actor);
    ck_assert_ptr_null(weft_supervisor_find(top, "nobody"));
    weft_actor_cancel(actor);
    await_running(3, 4);
    weft_actor *successor = weft_supervisor_find(top, "b");
    ck_assert_ptr_ne(successor, actor);
    weft_actor_release(successor);
    weft_actor_release(actor);
    stop_top(task);
    ck_assert_str_eq(story, "+a +b +c -b +b -c -b -a");
    return 0;
}

TEST(a_child_that_somebody_cancels_is_started_again)
{
    run_mixed(cancel_child);
}

/* Intensity. */

static int too_often(void *unused)
{
    (void)unused;
    reset(WEFT_ONE_FOR_ONE);
    b.fail_times = 100;
    spec.max_restarts = 3;
    weft_event_clear(&b.go);
    weft_task *task = start_top();
    await_running(3, 3);
    weft_event_set(&b.go);
    end_top(task, -ELOOP);
    ck_assert_str_eq(story, "+a +b +c -b +b -b +b -b +b -b #b -c -a");
    ck_assert_int_eq(atomic_load(&b.starts), 4);
    return 0;
}

TEST(too_many_restarts_end_the_supervisor)
{
    run_mixed(too_often);
}

TEST(very_many_restarts_may_be_allowed)
{
    static const unsigned numbers[] = { 1u << 20, 1u << 30, WEFT_NO_RESTARTS - 1 };
    reset(WEFT_ONE_FOR_ONE);
    for (int i = 0; i < 3; i++) {
        spec.max_restarts = numbers[i];
        ck_assert_int_eq(weft_supervisor_create(&spec, &top), 0);
        weft_supervisor_destroy(top);
    }
}

static int not_at_all(void *unused)
{
    (void)unused;
    reset(WEFT_ONE_FOR_ONE);
    b.fail_times = 1;
    spec.max_restarts = WEFT_NO_RESTARTS;
    ck_assert_int_eq(weft_supervisor_create(&spec, &top), 0);
    ck_assert_int_eq(weft_supervisor_run(top), -ELOOP);
    ck_assert_uint_eq(look().restarts, 0);
    weft_supervisor_destroy(top);
    return 0;
}

TEST(no_restarts_may_be_allowed)
{
    run_mixed(not_at_all);
}

/* Slowly enough it may go on for ever: the clock is virtual. */
static int fail_slowly(void *unused)
{
    (void)unused;
    atomic_fetch_add(&a.starts, 1);
    int rc = weft_sleep(WEFT_S(3));
    return rc ? rc : -EIO;
}

static int slowly(void *unused)
{
    weft_scope scope;
    (void)unused;
    reset(WEFT_ONE_FOR_ONE);
    spec.count = 1;
    children[0].fn = fail_slowly;
    spec.max_restarts = 2;
    spec.period = WEFT_S(5);
    ck_assert_int_eq(weft_supervisor_create(&spec, &top), 0);
    story[0] = 0;
    weft_scope_enter(&scope, weft_after(WEFT_S(100)));
    ck_assert_int_eq(weft_supervisor_run(top), -ETIMEDOUT);
    weft_scope_leave(&scope);
    ck_assert_int_eq(atomic_load(&a.starts), 34);
    weft_supervisor_destroy(top);
    spec.period = WEFT_S(7); /* the third within 7 s comes after 9 */
    ck_assert_int_eq(weft_supervisor_create(&spec, &top), 0);
    atomic_store(&a.starts, 0);
    int64_t began = weft_now();
    ck_assert_int_eq(weft_supervisor_run(top), -ELOOP);
    ck_assert_int_eq(atomic_load(&a.starts), 3);
    ck_assert_int_eq((weft_now() - began) / WEFT_S(1), 9);
    weft_supervisor_destroy(top);
    return 0;
}

TEST(only_restarts_within_the_period_count)
{
    weft_config config = { .flags = WEFT_VIRTUAL_CLOCK };
    ck_assert_int_eq(weft_run(&config, slowly, NULL), 0);
}

/* Trees. */

static atomic_int inner_runs;
static weft_supervisor_spec inner;

static int run_inner(void *unused)
{
    (void)unused;
    atomic_fetch_add(&inner_runs, 1);
    return weft_supervise(&inner);
}

static int tree(void *unused)
{
    weft_child_spec leaf = { .name = "leaf", .fn = play, .arg = &c };
    (void)unused;
    reset(WEFT_ONE_FOR_ALL);
    atomic_store(&inner_runs, 0);
    inner = (weft_supervisor_spec){
        .max_restarts = 1, .children = &leaf, .count = 1, .on_event = spec.on_event
    };
    inner.name = "top";
    inner.on_event_arg = story;
    c.fail_times = 3;
    spec.count = 2;
    children[1] = (weft_child_spec){ .name = "inner", .fn = run_inner };
    weft_event_clear(&c.go);
    weft_task *task = start_top();
    await_running(2, 2);
    while (atomic_load(&c.starts) < 1)
        weft_yield();
    weft_event_set(&c.go);
    while (atomic_load(&c.starts) < 4)
        weft_yield();
    ck_assert_int_eq(atomic_load(&inner_runs), 2);
    ck_assert_uint_eq(look().restarts, 1);
    stop_top(task);
    ck_assert_int_eq(atomic_load(&c.starts), 4);
    return 0;
}

TEST(a_supervisor_that_gives_up_is_started_again_by_its_own)
{
    ck_assert_int_eq(run_tasks(1, tree, NULL), 0); /* the story is everybody's */
}

TEST(settings_out_of_range_are_refused)
{
    reset(WEFT_ONE_FOR_ONE);
    children[2].name = "a";
    ck_assert_int_eq(weft_supervisor_create(&spec, &top), -EEXIST);
    reset(3);
    ck_assert_int_eq(weft_supervisor_create(&spec, &top), -EINVAL);
    reset(WEFT_ONE_FOR_ONE);
    children[1].fn = NULL;
    ck_assert_int_eq(weft_supervisor_create(&spec, &top), -EINVAL);
    reset(WEFT_ONE_FOR_ONE);
    children[1].flags = 8;
    ck_assert_int_eq(weft_supervisor_create(&spec, &top), -EINVAL);
    reset(WEFT_ONE_FOR_ONE);
    spec.period = -1;
    ck_assert_int_eq(weft_supervisor_create(&spec, &top), -EINVAL);
}

/* By a plain thread, beside the runtime. */
static void *run_on_thread(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)weft_supervisor_run(top);
}

TEST(a_plain_thread_may_be_the_supervisor)
{
    pthread_t thread;
    void *rc;
    reset(WEFT_ONE_FOR_ALL);
    b.fail_times = 1;
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_int_eq(weft_supervisor_create(&spec, &top), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, run_on_thread, NULL), 0);
    await_running(3, 6);
    weft_supervisor_stop(top);
    pthread_join(thread, &rc);
    ck_assert_int_eq((intptr_t)rc, 0);
    weft_supervisor_destroy(top);
    ck_assert_int_eq(weft_stop(), 0);
    ck_assert_str_eq(story + strlen(story) - 17, "+a +b +c -c -b -a");
}

/* A failure of a child is not a failure of the supervisor's own task, nor of its group. */
static int in_a_group(void *unused)
{
    weft_group group;
    int result = 1;
    (void)unused;
    reset(WEFT_ONE_FOR_ONE);
    spec.count = 1;
    spec.flags = WEFT_SUPERVISOR_UNTIL_IDLE;
    a.fail_times = 2;
    a.result = 0;
    children[0].restart = WEFT_TRANSIENT;
    weft_group_enter(&group, WEFT_NEVER);
    ck_assert_int_eq(weft_group_spawn_result(&group, weft_supervise, &spec, &result), 0);
    ck_assert_int_eq(weft_group_leave(&group), 0);
    ck_assert_int_eq(result, 0);
    ck_assert_str_eq(story, "+a -a +a -a +a -a");
    return 0;
}

TEST(a_childs_failure_is_its_supervisors_alone)
{
    run_mixed(in_a_group);
}

/* By a plain thread. */

static void *run_and_tell(void *ret_result)
{
    *(int *)ret_result = weft_supervisor_run(top);
    return NULL;
}

static void cancel_all_around(int result_of_children)
{
    weft_config config = { .workers = 2 };
    pthread_t thread;
    int result = 0;
    ck_assert_int_eq(weft_start(&config), 0);
    reset(WEFT_ONE_FOR_ONE);
    a.result = b.result = c.result = result_of_children;
    for (int i = 0; i < 3; i++)
        children[i].restart = WEFT_TEMPORARY;
    ck_assert_int_eq(weft_supervisor_create(&spec, &top), 0);
    pthread_create(&thread, NULL, run_and_tell, &result);
    await_running(result_of_children == WAITS ? 3 : 0, 3);
    ck_assert_int_eq(weft_cancel_all(), 0);
    ck_assert_int_eq(weft_stop(), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(result, -ECANCELED);
    ck_assert_uint_eq(look().running, 0);
    weft_supervisor_destroy(top);
}

TEST(a_plain_threads_supervisor_is_cancelled_with_all_tasks)
{
    cancel_all_around(WAITS);
    cancel_all_around(0); /* none of its children is left to tell it */
}

TEST(a_plain_threads_supervisor_needs_a_runtime)
{
    reset(WEFT_ONE_FOR_ONE);
    ck_assert_int_eq(weft_supervise(&spec), -EPERM);
    ck_assert_str_eq(story, "");
}
