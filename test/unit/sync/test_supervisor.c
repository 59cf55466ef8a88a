#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sync.h"

/* What happens to children, in order: "+a" started, "-a" ended, "!a" refuses, "#a" gave up.
 * One worker, or one that asks: the supervisor's mutex is around it. */
static char story[1024];

static void tell(const weft_supervisor_event *event)
{
    static const char marks[] = { [WEFT_CHILD_STARTED] = '+',
                                  [WEFT_CHILD_ENDED] = '-',
                                  [WEFT_CHILD_REFUSES] = '!',
                                  [WEFT_SUPERVISOR_GIVES_UP] = '#' };
    size_t length = strlen(story);
    ck_assert_str_eq(event->supervisor, "top");
    ck_assert_ptr_eq(event->arg, story);
    snprintf(story + length, sizeof story - length, "%s%c%s", length ? " " : "", marks[event->kind],
             event->child);
}

/* Children do what they are told. */
struct part {
    atomic_int starts;
    int fail_times; /* so many of the first runs fail */
    int result;     /* of those that do not; WAITS: they wait */
    weft_event go;  /* before they fail */
};

#define WAITS 100

static int play(void *arg)
{
    struct part *part = arg;
    int run = atomic_fetch_add(&part->starts, 1);
    if (run < part->fail_times) {
        int rc = weft_event_wait(&part->go);
        return rc ? rc : -EIO;
    }
    return part->result == WAITS ? weft_sleep(WEFT_S(1000)) : part->result;
}

static struct part a, b, c;
static weft_child_spec children[3];
static weft_supervisor_spec spec;
static weft_supervisor *top;

static void reset(enum weft_strategy strategy)
{
    struct part *parts[] = { &a, &b, &c };
    static const char *const names[] = { "a", "b", "c" };
    story[0] = 0;
    for (int i = 0; i < 3; i++) {
        *parts[i] = (struct part){ .result = WAITS };
        weft_event_set(&parts[i]->go);
        children[i] = (weft_child_spec){ .name = names[i], .fn = play, .arg = parts[i] };
    }
    spec = (weft_supervisor_spec){ .name = "top",
                                   .strategy = strategy,
                                   .children = children,
                                   .count = 3,
                                   .max_restarts = 10,
                                   .on_event = tell,
                                   .on_event_arg = story };
}

static int run_top(void *unused)
{
    (void)unused;
    return weft_supervisor_run(top);
}

static weft_supervisor_info look(void)
{
    weft_supervisor_info info;
    weft_supervisor_look(top, &info);
    return info;
}

static void await_running(unsigned running, uint64_t starts)
{
    weft_supervisor_info info;
    while (info = look(), info.running != running || info.starts < starts)
        weft_yield();
}

static weft_task *start_top(void)
{
    weft_task *task;
    ck_assert_int_eq(weft_supervisor_create(&spec, &top), 0);
    SPAWN(run_top, NULL, &task);
    return task;
}

static void end_top(weft_task *task, int result)
{
    JOIN(task, result);
    weft_supervisor_info info = look();
    ck_assert_uint_eq(info.running, 0);
    weft_supervisor_destroy(top);
}

static void stop_top(weft_task *task)
{
    weft_supervisor_stop(top);
    end_top(task, 0);
}

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
    weft_actor_unref(successor);
    weft_actor_unref(actor);
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

/* Starting. */

static int starts_slowly(void *arg)
{
    struct part *part = arg;
    int rc = weft_sleep(WEFT_MS(2));
    if (rc)
        return rc;
    strcat(story, " ready");
    atomic_fetch_add(&part->starts, 1);
    weft_started(0);
    return weft_sleep(WEFT_S(1000));
}

static int in_turn(void *unused)
{
    (void)unused;
    reset(WEFT_ONE_FOR_ONE);
    children[0].fn = children[1].fn = starts_slowly;
    children[0].flags = children[1].flags = WEFT_CHILD_STARTS;
    weft_task *task = start_top();
    await_running(3, 3);
    stop_top(task);
    ck_assert_str_eq(story, " ready +a ready +b +c -c -b -a");
    return 0;
}

TEST(the_next_child_starts_when_the_one_before_is_ready)
{
    run_mixed(in_turn);
}

static int fails_to_start(void *unused)
{
    for (int i = 0; i < 2; i++) {
        reset(WEFT_ONE_FOR_ONE);
        children[1].flags = WEFT_CHILD_STARTS;
        b.result = i ? -ENOENT : 3;
        ck_assert_int_eq(weft_supervisor_create(&spec, &top), 0);
        ck_assert_int_eq(weft_supervisor_run(top), i ? -ENOENT : -EPROTO);
        ck_assert_str_eq(story, "+a -a");
        ck_assert_int_eq(atomic_load(&c.starts), 0);
        weft_supervisor_destroy(top);
    }
    (void)unused;
    return 0;
}

TEST(a_child_that_does_not_start_ends_the_supervisor)
{
    run_mixed(fails_to_start);
}

static int never_starts(void *unused)
{
    (void)unused;
    return weft_sleep(WEFT_S(1000));
}

static int cut_short_in_start(void *unused)
{
    weft_scope scope;
    (void)unused;
    for (int i = 0; i < 2; i++) {
        reset(WEFT_ONE_FOR_ONE);
        children[1].fn = never_starts;
        children[1].flags = WEFT_CHILD_STARTS;
        if (i == 0) {
            ck_assert_int_eq(weft_supervisor_create(&spec, &top), 0);
            WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_MS(10)))
                ck_assert_int_eq(weft_supervisor_run(top), -ETIMEDOUT);
            weft_supervisor_destroy(top);
        } else {
            weft_task *task = start_top();
            await_running(1, 1);
            stop_top(task);
        }
        ck_assert_str_eq(story, "+a -a");
        ck_assert_int_eq(atomic_load(&c.starts), 0);
    }
    return 0;
}

TEST(a_supervisor_is_not_held_up_by_a_child_that_never_starts)
{
    run_mixed(cut_short_in_start);
}

/* One that did start and fails to do so again is tried again, for as long as that is
 * allowed. */
static int starts_once(void *arg)
{
    struct part *part = arg;
    if (atomic_fetch_add(&part->starts, 1) > 0)
        return -ENOENT;
    weft_started(0);
    return -EIO;
}

static int does_not_restart(void *unused)
{
    (void)unused;
    reset(WEFT_ONE_FOR_ONE);
    spec.max_restarts = 3;
    children[1].fn = starts_once;
    children[1].flags = WEFT_CHILD_STARTS;
    weft_task *task = start_top();
    end_top(task, -ELOOP);
    ck_assert_str_eq(story, "+a +b +c -b #b -c -a");
    ck_assert_int_eq(atomic_load(&b.starts), 4);
    return 0;
}

TEST(a_child_that_does_not_start_again_is_tried_again)
{
    run_mixed(does_not_restart);
}

/* Grace. */

static weft_event mercy;

static int refuses(void *unused)
{
    weft_scope shield;
    (void)unused;
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER) {
        weft_started(0); /* before that it would not refuse */
        ck_assert_int_eq(weft_event_wait(&mercy), 0);
    }
    return 0;
}

static void tell_and_have_mercy(const weft_supervisor_event *event)
{
    tell(event);
    if (event->kind == WEFT_CHILD_REFUSES)
        weft_event_set(&mercy);
}

static int refuse_to_end(void *unused)
{
    (void)unused;
    reset(WEFT_ONE_FOR_ONE);
    weft_event_clear(&mercy);
    spec.on_event = tell_and_have_mercy;
    children[1].fn = refuses;
    children[1].flags = WEFT_CHILD_STARTS;
    children[1].grace = WEFT_MS(5);
    weft_task *task = start_top();
    await_running(3, 3);
    weft_supervisor_stop(top);
    JOIN(task, 0);
    ck_assert_uint_ge(look().refusals, 1);
    weft_supervisor_destroy(top);
    ck_assert_int_eq(strncmp(story, "+a +b +c -c !b", 14), 0);
    ck_assert_str_eq(story + strlen(story) - 6, " -b -a");
    return 0;
}

TEST(who_refuses_to_end_is_named_and_waited_for)
{
    run_mixed(refuse_to_end);
}

static int have_mercy(void *unused)
{
    (void)unused;
    weft_sleep(WEFT_S(7));
    weft_event_set(&mercy);
    return 0;
}

static int refuse_aloud(void *unused)
{
    (void)unused;
    reset(WEFT_ONE_FOR_ONE);
    spec.on_event = NULL;
    spec.name = "shop";
    children[0].fn = refuses; /* 5 s of grace */
    children[0].flags = WEFT_CHILD_STARTS;
    SPAWN(have_mercy, NULL, NULL);
    weft_task *task = start_top();
    await_running(3, 3);
    weft_supervisor_stop(top);
    JOIN(task, 0);
    weft_supervisor_destroy(top);
    a.fail_times = 1;
    children[0].fn = play;
    children[0].flags = 0;
    spec.max_restarts = WEFT_NO_RESTARTS;
    return weft_supervise(&spec);
}

static void refuse_and_give_up(void *unused)
{
    weft_config config = { .flags = WEFT_VIRTUAL_CLOCK };
    (void)unused;
    _exit(weft_run(&config, refuse_aloud, NULL) == -ELOOP ? 0 : 1);
}

TEST(without_a_listener_it_is_written_who_refuses_and_why_it_gave_up)
{
    expect_death(refuse_and_give_up, NULL, 0, "weft: supervisor 'shop': child 'a' (task ");
    expect_death(refuse_and_give_up, NULL, 0, "has not ended 5.000 s after it was cancelled");
    expect_death(refuse_and_give_up, NULL, 0, "weft: supervisor 'shop' gives up: child 'a' (task ");
}

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
