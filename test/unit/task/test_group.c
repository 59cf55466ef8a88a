#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "tasks.h"

#define TASKS 20

static atomic_int ended;

static int add_one(void *unused)
{
    (void)unused;
    weft_sleep(WEFT_US(100));
    ended++;
    return 0;
}

/* Each test body runs as a task and on a plain thread. */
static void run_both(int (*fn)(void *))
{
    ended = 0;
    ck_assert_int_eq(run_tasks(0, fn, NULL), 0);
    ended = 0;
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_int_eq(fn(NULL), 0);
    ck_assert_int_eq(weft_stop(), 0);
}

static int spawn_and_leave(void *unused)
{
    weft_group group;
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < TASKS; i++)
        ck_assert_int_eq(weft_group_spawn(&group, add_one, NULL), 0);
    ck_assert_int_eq(weft_group_leave(&group), 0);
    ck_assert_int_eq(ended, TASKS);
    ck_assert_int_eq(weft_group_count(&group), 0);
    ck_assert_int_eq(weft_group_spawn(&group, add_one, NULL), -EINVAL);
    return 0;
}

TEST(a_group_is_left_after_its_tasks_have_ended)
{
    run_both(spawn_and_leave);
}

static int never_entered(void *unused)
{
    static weft_group group = WEFT_GROUP_INIT;
    (void)unused;
    ck_assert_int_eq(weft_group_spawn(&group, add_one, NULL), -EINVAL);
    ck_assert_int_eq(weft_group_count(&group), 0);
    ck_assert(!weft_group_cancelled(&group));
    return 0;
}

TEST(a_group_that_was_not_entered_takes_no_tasks)
{
    run_both(never_entered);
}

static int sleep_long(void *unused)
{
    (void)unused;
    int rc = weft_sleep(WEFT_S(100));
    ended++;
    return rc;
}

static int fail_later(void *result)
{
    weft_sleep(WEFT_MS(1));
    return (int)(intptr_t)result;
}

static int fail_at_once(void *result)
{
    return (int)(intptr_t)result;
}

static int fail_one(void *unused)
{
    weft_group group;
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < TASKS; i++)
        ck_assert_int_eq(weft_group_spawn(&group, sleep_long, NULL), 0);
    ck_assert_int_eq(weft_group_spawn(&group, fail_later, (void *)(intptr_t)-EIO), 0);
    ck_assert_int_eq(weft_group_wait(&group), -EIO);
    ck_assert_int_eq(weft_group_count(&group), 0);
    ck_assert(weft_group_cancelled(&group));
    weft_failure failures[2];
    ck_assert_int_eq(weft_group_failures(&group, failures, 2), 1); /* the others just ended */
    ck_assert_int_eq(failures[0].result, -EIO);
    ck_assert_ptr_nonnull(strstr(failures[0].site, "fail_later"));
    ck_assert_int_eq(weft_group_spawn(&group, sleep_long, NULL), -ECANCELED);
    ck_assert_int_eq(weft_sleep(0), -ECANCELED); /* it is the owner's scope, too */
    ck_assert_int_eq(weft_group_leave(&group), -EIO);
    ck_assert_int_eq(weft_group_result(&group), -EIO);
    ck_assert_int_eq(weft_sleep(0), 0);
    return 0;
}

TEST(the_first_failure_cancels_the_others_and_is_the_result)
{
    run_both(fail_one);
}

static int cancel_self(void *unused)
{
    weft_group group;
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < TASKS; i++)
        ck_assert_int_eq(weft_group_spawn(&group, sleep_long, NULL), 0);
    weft_sleep(WEFT_MS(1)); /* some wait, on one worker none has begun */
    weft_group_cancel(&group);
    ck_assert_int_eq(weft_sleep(WEFT_S(10)), -ECANCELED);
    ck_assert_int_eq(weft_group_leave(&group), 0);
    ck_assert(weft_group_cancelled(&group));
    return 0;
}

TEST(a_group_that_is_cancelled_ends_without_a_failure)
{
    run_both(cancel_self);
}

static int refuse(void *arg)
{
    *(bool *)arg = true;
    return 0;
}

static int cancel_before(void *unused)
{
    weft_group group;
    bool ran = false;
    int result = 1;
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    ck_assert_int_eq(weft_group_spawn_result(&group, refuse, &ran, &result), 0);
    weft_group_cancel(&group);
    ck_assert_int_eq(weft_group_leave(&group), 0);
    ck_assert(!ran);
    ck_assert_int_eq(result, -ECANCELED);
    return 0;
}

TEST(a_task_that_was_cancelled_before_it_began_never_runs)
{
    ck_assert_int_eq(run_tasks(1, cancel_before, NULL), 0);
}

/* Enough for spawning, which is refused once the time is up. */
static int64_t soon(void)
{
    return weft_after((int64_t)(WEFT_MS(20) * test_seconds(1)));
}

static int time_out(void *unused)
{
    weft_group group;
    (void)unused;
    weft_group_enter(&group, soon());
    for (int i = 0; i < TASKS; i++)
        ck_assert_int_eq(weft_group_spawn(&group, sleep_long, NULL), 0);
    ck_assert_int_eq(weft_group_wait(&group), -ETIMEDOUT);
    ck_assert_int_eq(weft_group_failures(&group, NULL, 0), 0);
    ck_assert_int_eq(weft_group_leave(&group), -ETIMEDOUT);
    ck_assert(weft_scope_timed_out(weft_group_scope(&group)));
    ck_assert_int_eq(weft_sleep(0), 0);
    return 0;
}

TEST(a_groups_deadline_holds_for_its_tasks)
{
    run_both(time_out);
}

static int deadline_around(void *unused)
{
    weft_group group;
    weft_scope scope;
    (void)unused;
    weft_scope_enter(&scope, soon());
    weft_group_enter(&group, WEFT_NEVER);
    ck_assert_int_eq(weft_group_spawn(&group, sleep_long, NULL), 0);
    ck_assert_int_eq(weft_group_leave(&group), -ETIMEDOUT);
    ck_assert(!weft_scope_timed_out(weft_group_scope(&group)));
    ck_assert(weft_scope_leave(&scope));
    return 0;
}

TEST(a_scope_around_a_group_holds_for_its_tasks)
{
    run_both(deadline_around);
}

/* What is in force changes between a task's cancellation point and its end. */
static weft_event begun, met, let_go;

static int clean_up(void *unused)
{
    weft_scope shield;
    (void)unused;
    weft_event_set(&begun);
    int rc = weft_sleep(WEFT_S(100));
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER) {
        weft_event_set(&met);
        weft_event_wait(&let_go);
    }
    return rc;
}

static void begin(weft_group *group, int (*fn)(void *), void *arg)
{
    begun = met = let_go = (weft_event)WEFT_EVENT_INIT;
    ck_assert_int_eq(weft_group_spawn(group, fn, arg), 0);
    ck_assert_int_eq(weft_event_wait(&begun), 0);
}

static void await_cleaning_up(void)
{
    weft_scope shield;
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER)
        ck_assert_int_eq(weft_event_wait(&met), 0);
}

/* Expects nobody to have failed. */
static void let_go_and_leave(weft_group *group, int rc)
{
    weft_event_set(&let_go);
    ck_assert_int_eq(weft_group_wait(group), rc);
    ck_assert_int_eq(weft_group_failures(group, NULL, 0), 0);
    ck_assert_int_eq(weft_group_leave(group), rc);
}

static int cancel_around_then_time_out(void *unused)
{
    weft_scope scope;
    weft_group group;
    (void)unused;
    weft_scope_enter(&scope, WEFT_NEVER);
    weft_group_enter(&group, WEFT_NEVER);
    begin(&group, clean_up, NULL);
    weft_scope_cancel(&scope);
    await_cleaning_up();
    weft_scope_set_deadline(weft_group_scope(&group), weft_now());
    let_go_and_leave(&group, -ECANCELED);
    ck_assert(!weft_group_cancelled(&group));
    ck_assert(!weft_scope_timed_out(weft_group_scope(&group))); /* it has cut nothing short */
    weft_scope_leave(&scope);
    return 0;
}

static int time_out_then_cancel(void *unused)
{
    weft_group group;
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    begin(&group, clean_up, NULL);
    weft_scope_set_deadline(weft_group_scope(&group), weft_now());
    await_cleaning_up();
    weft_group_cancel(&group);
    let_go_and_leave(&group, -ETIMEDOUT);
    return 0;
}

static int time_out_around_then_cancel(void *unused)
{
    weft_scope scope;
    weft_group group;
    (void)unused;
    weft_scope_enter(&scope, WEFT_NEVER);
    weft_group_enter(&group, WEFT_NEVER);
    begin(&group, clean_up, NULL);
    weft_scope_set_deadline(&scope, weft_now());
    await_cleaning_up();
    weft_group_cancel(&group);
    weft_scope_set_deadline(&scope, WEFT_NEVER);
    let_go_and_leave(&group, 0);
    weft_scope_leave(&scope);
    return 0;
}

TEST(who_was_cut_short_has_not_failed_whatever_comes_then)
{
    run_both(cancel_around_then_time_out);
    run_both(time_out_then_cancel);
    run_both(time_out_around_then_cancel);
}

/* Out of no cancellation point. */
static int give_up(void *rc)
{
    weft_scope shield;
    weft_event_set(&begun);
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER)
        weft_event_wait(&let_go);
    return (int)(intptr_t)rc;
}

static int give_up_at_the_deadline(void *unused)
{
    static const int results[] = { -ETIMEDOUT, -ECANCELED };
    (void)unused;
    for (int i = 0; i < 2; i++) {
        weft_group group;
        weft_group_enter(&group, WEFT_NEVER);
        begin(&group, give_up, (void *)(intptr_t)results[i]);
        weft_scope_set_deadline(weft_group_scope(&group), weft_now());
        let_go_and_leave(&group, -ETIMEDOUT);
    }
    return 0;
}

TEST(who_gives_up_at_the_deadline_was_out_of_time)
{
    run_both(give_up_at_the_deadline);
}

/* Groups in groups: a task each that enters the next. */
static atomic_bool reached;

static int nest(void *levels)
{
    weft_group group;
    intptr_t left = (intptr_t)levels;
    if (left == 0) {
        reached = true;
        return weft_sleep(WEFT_S(100));
    }
    weft_group_enter(&group, WEFT_NEVER);
    ck_assert_int_eq(weft_group_spawn(&group, sleep_long, NULL), 0);
    ck_assert_int_eq(weft_group_spawn(&group, nest, (void *)(left - 1)), 0);
    int rc = weft_group_leave(&group);
    ck_assert_int_eq(rc, -ECANCELED);
    return rc;
}

static int cancel_nested(void *unused)
{
    weft_scope scope;
    weft_group group;
    (void)unused;
    weft_scope_enter(&scope, WEFT_NEVER);
    weft_group_enter(&group, WEFT_NEVER);
    reached = false;
    ck_assert_int_eq(weft_group_spawn(&group, nest, (void *)(intptr_t)200), 0);
    while (!reached)
        weft_sleep(WEFT_US(100));
    weft_scope_cancel(&scope);
    ck_assert_int_eq(weft_group_leave(&group), -ECANCELED);
    weft_scope_leave(&scope);
    ck_assert_int_eq(weft_sleep(0), 0);
    return 0;
}

TEST(cancelling_reaches_groups_inside_groups)
{
    run_both(cancel_nested);
}

static int return_index(void *index)
{
    weft_sleep(WEFT_US(test_random() % 100));
    return (int)(intptr_t)index;
}

static int collect(void *unused)
{
    weft_group group;
    int results[TASKS];
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < TASKS; i++)
        ck_assert_int_eq(
            weft_group_spawn_result(&group, return_index, (void *)(intptr_t)i, &results[i]), 0);
    ck_assert_int_eq(weft_group_leave(&group), 0);
    for (int i = 0; i < TASKS; i++)
        ck_assert_int_eq(results[i], i);
    return 0;
}

TEST(results_are_collected_in_order)
{
    run_both(collect);
}

static atomic_int running, most;

static int count_running(void *unused)
{
    (void)unused;
    int now = ++running;
    for (int seen = most; now > seen && !atomic_compare_exchange_weak(&most, &seen, now);)
        ;
    for (int64_t end = weft_now() + WEFT_S(10); most < 3 && weft_now() < end;)
        weft_sleep(WEFT_US(100)); /* for the others that may run now */
    weft_sleep(WEFT_US(200));
    running--;
    return 0;
}

static int limit(void *unused)
{
    weft_group group;
    (void)unused;
    most = 0;
    weft_group_enter(&group, WEFT_NEVER);
    weft_group_set_limit(&group, 3);
    for (int i = 0; i < TASKS; i++)
        ck_assert_int_eq(weft_group_spawn(&group, count_running, NULL), 0);
    ck_assert_int_eq(weft_group_leave(&group), 0);
    ck_assert_int_eq(most, 3);
    return 0;
}

TEST(a_limit_makes_spawning_wait)
{
    run_both(limit);
}

static atomic_bool lowered;
static atomic_int late;

static int count_late(void *unused)
{
    (void)unused;
    if (!lowered) {
        for (running++; !lowered;)
            weft_sleep(WEFT_US(200));
        return 0;
    }
    int now = ++late;
    if (now > most)
        most = now;
    weft_sleep(WEFT_MS(1));
    late--;
    return 0;
}

static int spawn_one(void *group)
{
    return weft_group_spawn(group, count_late, NULL);
}

static int lower_limit(void *unused)
{
    weft_group group, spawners;
    (void)unused;
    lowered = false;
    running = most = 0;
    weft_group_enter(&group, WEFT_NEVER);
    weft_group_set_limit(&group, 4);
    weft_group_enter(&spawners, WEFT_NEVER);
    for (int i = 0; i < 12; i++)
        ck_assert_int_eq(weft_group_spawn(&spawners, spawn_one, &group), 0);
    while (running < 4)
        weft_sleep(WEFT_US(200));
    weft_sleep(WEFT_MS(5)); /* for the others to wait for room */
    weft_group_set_limit(&group, 1);
    lowered = true;
    ck_assert_int_eq(weft_group_leave(&spawners), 0);
    ck_assert_int_eq(weft_group_leave(&group), 0);
    ck_assert_int_eq(most, 1);
    return 0;
}

TEST(a_lower_limit_holds_for_those_who_wait)
{
    run_both(lower_limit);
}

static int wait_for_place(void *group)
{
    return weft_group_spawn((weft_group *)group, sleep_long, NULL);
}

static int cancel_at_limit(void *unused)
{
    weft_group group, spawners;
    weft_scope scope;
    int result = 0;
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    weft_group_set_limit(&group, 1);
    ck_assert_int_eq(weft_group_spawn(&group, sleep_long, NULL), 0);
    weft_scope_enter(&scope, weft_after(WEFT_MS(1)));
    ck_assert_int_eq(weft_group_spawn(&group, sleep_long, NULL), -ETIMEDOUT);
    weft_scope_leave(&scope);
    weft_scope_enter_shielded(&scope, WEFT_NEVER);
    weft_group_enter(&spawners, WEFT_NEVER);
    ck_assert_int_eq(weft_group_spawn_result(&spawners, wait_for_place, &group, &result), 0);
    ck_assert_int_eq(weft_sleep(WEFT_MS(1)), 0);
    weft_group_cancel(&group); /* the one that waits is not in it */
    ck_assert_int_eq(weft_group_leave(&spawners), -ECANCELED);
    ck_assert_int_eq(result, -ECANCELED);
    weft_scope_leave(&scope);
    ck_assert_int_eq(weft_group_leave(&group), 0);
    return 0;
}

TEST(who_waits_for_a_place_is_cancelled_with_the_group)
{
    run_both(cancel_at_limit);
}

static _Atomic(bool) turned_away;

static int keep_place(void *unused)
{
    weft_scope shield;
    (void)unused;
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER) {
        while (!turned_away)
            weft_sleep(WEFT_MS(1));
    }
    return 0;
}

/* Whose own scopes have no deadline. */
static int wait_for_expiry(void *group)
{
    int rc = weft_group_spawn((weft_group *)group, keep_place, NULL);
    turned_away = true;
    return rc;
}

static int expire_at_limit(void *unused)
{
    weft_group group;
    weft_scope shield;
    weft_task *outsider;
    (void)unused;
    turned_away = false;
    weft_group_enter(&group, weft_after(WEFT_MS(50)));
    weft_group_set_limit(&group, 1);
    ck_assert_int_eq(weft_group_spawn(&group, keep_place, NULL), 0);
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER) {
        SPAWN(wait_for_expiry, &group, &outsider);
        JOIN(outsider, -ETIMEDOUT);
    }
    weft_group_leave(&group);
    return 0;
}

TEST(who_waits_for_a_place_waits_no_longer_than_the_groups_deadline)
{
    run_both(expire_at_limit);
}

static int start_well(void *unused)
{
    (void)unused;
    weft_sleep(WEFT_MS(1));
    weft_started(42);
    weft_started(43);
    return weft_sleep(WEFT_S(100));
}

static int start_never(void *unused)
{
    (void)unused;
    return weft_sleep(WEFT_S(100));
}

static int start_all(void *unused)
{
    weft_group group;
    weft_scope scope;
    intptr_t value = 0;
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    ck_assert_int_eq(weft_group_start(&group, start_well, NULL, &value), 0);
    ck_assert_int_eq(value, 42);
    ck_assert_int_eq(weft_group_start(&group, fail_later, (void *)(intptr_t)-EIO, &value), -EIO);
    ck_assert_int_eq(weft_group_start(&group, fail_later, NULL, &value), -EPROTO);
    ck_assert(!weft_group_cancelled(&group)); /* that was no failure of the group */
    weft_scope_enter(&scope, weft_after(WEFT_MS(2)));
    ck_assert_int_eq(weft_group_start(&group, start_never, NULL, &value), -ETIMEDOUT);
    weft_scope_leave(&scope);
    ck_assert_int_eq(weft_group_count(&group), 1); /* the first one goes on */
    weft_group_cancel(&group);
    ck_assert_int_eq(weft_group_leave(&group), 0);
    return 0;
}

TEST(a_start_waits_until_the_task_is_ready)
{
    run_both(start_all);
}

WEFT_TASK(add_up, int, a, const char *, text, int *, ret_sum)
{
    *ret_sum = a + (int)strlen(text);
    return 0;
}

WEFT_TASK(small, int, a)
{
    ended += a;
    return 0;
}

static int spawn_typed(void *unused)
{
    weft_group group;
    int sum = 0;
    (void)unused;
    ended = 0;
    weft_group_enter(&group, WEFT_NEVER);
    ck_assert_int_eq(weft_group_spawn_args(&group, add_up, 3, "four", &sum), 0);
    ck_assert_int_eq(weft_group_spawn_args(&group, small, 5), 0);
    ck_assert_int_eq(weft_group_leave(&group), 0);
    ck_assert_int_eq(sum, 7);
    ck_assert_int_eq(ended, 5);
    return 0;
}

TEST(arguments_are_copied_into_the_group)
{
    run_both(spawn_typed);
}

static int fail_inside(void *unused)
{
    weft_group group;
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    weft_attr attr = { .name = "leaf" };
    ck_assert_int_eq(weft_group_spawn_with(&group, &attr, fail_at_once, (void *)(intptr_t)-ENOSPC),
                     0);
    return weft_group_leave(&group);
}

static int report(void *unused)
{
    weft_group group;
    int pipe_fds[2];
    char text[1000];
    (void)unused;
    ck_assert_int_eq(pipe(pipe_fds), 0);
    weft_group_enter(&group, WEFT_NEVER);
    ck_assert_int_eq(weft_group_spawn(&group, fail_inside, NULL), 0);
    ck_assert_int_eq(weft_group_wait(&group), -ENOSPC);
    ck_assert_int_eq(weft_group_report(&group, pipe_fds[1]), 1);
    ck_assert_int_eq(weft_group_leave(&group), -ENOSPC);
    ssize_t n = read(pipe_fds[0], text, sizeof text - 1);
    ck_assert_int_gt(n, 0);
    text[n] = 0;
    char *outer = strstr(text, "'fail_inside'"), *inner = strstr(text, "\n    task ");
    ck_assert_ptr_nonnull(outer);
    ck_assert_ptr_nonnull(inner);
    ck_assert(outer < inner);
    ck_assert_ptr_nonnull(strstr(inner, "'leaf'"));
    ck_assert_ptr_nonnull(strstr(inner, "failed: -28 (ENOSPC)"));
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    return 0;
}

TEST(a_failure_is_reported_as_a_tree)
{
    run_both(report);
}

static int spawn_sibling(void *group)
{
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(weft_group_spawn((weft_group *)group, add_one, NULL), 0);
    return 0;
}

static int spawn_from_inside(void *unused)
{
    weft_group group;
    (void)unused;
    ended = 0;
    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < TASKS; i++)
        ck_assert_int_eq(weft_group_spawn(&group, spawn_sibling, &group), 0);
    ck_assert_int_eq(weft_group_leave(&group), 0);
    ck_assert_int_eq(ended, 3 * TASKS);
    return 0;
}

TEST(tasks_of_a_group_may_spawn_into_it)
{
    run_both(spawn_from_inside);
}

static int leave_early(void *how)
{
    weft_group group;
    for (int i = 0; i < 3; i++) {
        WEFT_WITH_GROUP (&group, WEFT_NEVER) {
            weft_group_spawn(&group, sleep_long, NULL);
            weft_sleep(WEFT_MS(1));
            weft_group_cancel(&group);
            if (how)
                break;
            continue;
        }
        ck_assert_int_eq(weft_group_result(&group), 0);
        ck_assert_int_eq(weft_group_count(&group), 0);
    }
    ck_assert_int_eq(weft_sleep(0), 0);
    return 0;
}

TEST(a_group_is_left_however_its_block_is)
{
    run_both(leave_early);
    ck_assert_int_eq(run_tasks(1, leave_early, "break"), 0);
}

static int return_inside(void *unused)
{
    static weft_group group;
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    return weft_group_spawn(&group, sleep_long, NULL);
}

static int enter_twice(void *unused)
{
    static weft_group group;
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    weft_group_enter(&group, WEFT_NEVER);
    return 0;
}

static int leave_the_scope(void *unused)
{
    weft_group group;
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    weft_scope_leave(weft_group_scope(&group));
    return 0;
}

/* A child's innermost scope is its group's, which it has not entered. */
static int leave_another_s(void *group)
{
    weft_scope_leave(weft_group_scope(group));
    return 0;
}

static int spawn_a_leaver(void *unused)
{
    weft_group group;
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    weft_group_spawn(&group, leave_another_s, &group);
    return weft_group_leave(&group);
}

static void run_wrong(void *fn)
{
    run_tasks(1, *(int (**)(void *))fn, NULL);
}

TEST(misuse_ends_the_program)
{
    int (*const misuses[])(void *) = { return_inside, enter_twice, leave_the_scope,
                                       spawn_a_leaver };
    static const char *const told[] = { "has ended inside a scope or group",
                                        "has been entered already and not left",
                                        "a group's scope, or one that another has",
                                        "a group's scope, or one that another has" };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        expect_death(run_wrong, (void *)&misuses[i], SIGABRT, told[i]);
}
