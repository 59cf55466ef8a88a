#include "suite.h"

#include <unistd.h>

#include "supervise.h"

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
            WEFT_WITH_DEADLINE (&scope, weft_after((int64_t)(WEFT_MS(10) * test_seconds(1))))
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
