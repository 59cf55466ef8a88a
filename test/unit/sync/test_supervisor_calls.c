#include "suite.h"

#include "supervise.h"

/* Children that come and go. */

static int come_and_go(void *unused)
{
    static struct part d;
    weft_child_spec more = { .name = "d", .fn = play, .arg = &d, .restart = WEFT_TEMPORARY };
    (void)unused;
    reset(WEFT_ONE_FOR_ALL);
    d = (struct part){ .result = WAITS };
    weft_task *task = start_top();
    await_running(3, 3);
    ck_assert_int_eq(weft_supervisor_add(top, &more), 0);
    ck_assert_int_eq(weft_supervisor_add(top, &more), -EEXIST);
    more.name = NULL;
    ck_assert_int_eq(weft_supervisor_add(top, &more), -EINVAL);
    ck_assert_uint_eq(look().running, 4);
    ck_assert_int_eq(weft_supervisor_remove(top, "a"), -EBUSY);
    ck_assert_int_eq(weft_supervisor_restart(top, "a"), -EBUSY);
    ck_assert_int_eq(weft_supervisor_terminate(top, "a"), 0);
    ck_assert_int_eq(weft_supervisor_terminate(top, "a"), 0);
    ck_assert_ptr_null(weft_supervisor_find(top, "a"));
    ck_assert_uint_eq(look().running, 3);
    ck_assert_uint_eq(look().children, 4);
    ck_assert_int_eq(weft_supervisor_restart(top, "a"), 0);
    ck_assert_int_eq(weft_supervisor_terminate(top, "a"), 0);
    ck_assert_int_eq(weft_supervisor_remove(top, "a"), 0);
    ck_assert_int_eq(weft_supervisor_remove(top, "a"), -ENOENT);
    ck_assert_int_eq(weft_supervisor_restart(top, "a"), -ENOENT);
    ck_assert_int_eq(weft_supervisor_terminate(top, "a"), -ENOENT);
    ck_assert_int_eq(weft_supervisor_terminate(top, "d"), 0);
    ck_assert_uint_eq(look().children, 2); /* a temporary one is forgotten */
    stop_top(task);
    ck_assert_str_eq(story, "+a +b +c +d -a +a -a -d -c -b");
    return 0;
}

TEST(children_come_and_go)
{
    run_mixed(come_and_go);
}

/* Who was terminated stays so when the others are started again. */
static int stay_away(void *unused)
{
    (void)unused;
    reset(WEFT_ONE_FOR_ALL);
    b.fail_times = 1;
    weft_event_clear(&b.go);
    weft_task *task = start_top();
    await_running(3, 3);
    ck_assert_int_eq(weft_supervisor_terminate(top, "c"), 0);
    weft_event_set(&b.go);
    await_running(2, 5);
    stop_top(task);
    ck_assert_str_eq(story, "+a +b +c -c -b -a +a +b -b -a");
    return 0;
}

TEST(who_was_terminated_stays_away)
{
    run_mixed(stay_away);
}

static int before_and_after(void *unused)
{
    weft_child_spec more = { .name = "d", .fn = play, .arg = &c };
    (void)unused;
    reset(WEFT_ONE_FOR_ONE);
    spec.count = 1;
    ck_assert_int_eq(weft_supervisor_create(&spec, &top), 0);
    ck_assert_int_eq(weft_supervisor_add(top, &more), 0);
    ck_assert_int_eq(weft_supervisor_restart(top, "d"), -EPIPE);
    weft_task *task;
    SPAWN(run_top, NULL, &task);
    await_running(2, 2);
    weft_supervisor_stop(top);
    JOIN(task, 0);
    ck_assert_str_eq(story, "+a +d -d -a");
    more.name = "e";
    ck_assert_int_eq(weft_supervisor_add(top, &more), -EPIPE);
    ck_assert_int_eq(weft_supervisor_restart(top, "a"), -EPIPE);
    weft_supervisor_stop(top);
    weft_supervisor_destroy(top);
    weft_supervisor_destroy(NULL);
    return 0;
}

TEST(children_are_added_before_it_runs_and_not_after)
{
    run_mixed(before_and_after);
}

static int add_a_slow_one(void *unused)
{
    weft_child_spec slow = { .name = "slow", .fn = never_starts, .flags = WEFT_CHILD_STARTS };
    (void)unused;
    return weft_supervisor_add(top, &slow);
}

/* The supervisor's end does not wait for a start that never comes. */
static int stop_while_adding(void *unused)
{
    weft_task *adder;
    (void)unused;
    reset(WEFT_ONE_FOR_ONE);
    weft_task *task = start_top();
    await_running(3, 3);
    SPAWN(add_a_slow_one, NULL, &adder);
    while (look().children < 4)
        weft_yield();
    stop_top(task);
    JOIN(adder, -EPIPE);
    ck_assert_str_eq(story, "+a +b +c -c -b -a");
    return 0;
}

TEST(stopping_ends_a_start_that_never_comes)
{
    run_mixed(stop_while_adding);
}

/* Nor does it while the supervisor itself wants to follow the end of another child. */
static int stop_while_adding_and_ending(void *unused)
{
    weft_task *adder;
    (void)unused;
    reset(WEFT_ONE_FOR_ONE);
    weft_task *task = start_top();
    await_running(3, 3);
    SPAWN(add_a_slow_one, NULL, &adder);
    while (look().children < 4)
        weft_yield();
    weft_actor *ended = weft_supervisor_find(top, "b");
    weft_actor_cancel(ended);
    ck_assert_int_eq(weft_actor_wait(ended, NULL), 0);
    weft_actor_release(ended);
    weft_sleep(WEFT_MS(20)); /* it wants the mutex by now */
    stop_top(task);
    JOIN(adder, -EPIPE);
    ck_assert_str_eq(story, "+a +b +c -c -b -a");
    return 0;
}

TEST(stopping_ends_such_a_start_when_a_child_has_ended)
{
    run_mixed(stop_while_adding_and_ending);
}

static int terminate_self(void *name)
{
    ck_assert_int_eq(weft_supervisor_terminate(top, name), -EDEADLK);
    return 0;
}

static int by_itself(void *unused)
{
    (void)unused;
    reset(WEFT_ONE_FOR_ONE);
    spec.count = 1;
    spec.flags = WEFT_SUPERVISOR_UNTIL_IDLE;
    children[0] = (weft_child_spec){
        .name = "a", .fn = terminate_self, .arg = (void *)(uintptr_t) "a", .restart = WEFT_TEMPORARY
    };
    end_top(start_top(), 0);
    return 0;
}

TEST(a_child_does_not_terminate_itself)
{
    run_mixed(by_itself);
}
