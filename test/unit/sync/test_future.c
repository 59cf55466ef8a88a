#include "suite.h"

#include <errno.h>
#include <stdatomic.h>

#include "sync/future.h"

#include "sync.h"

static weft_future *future;
static atomic_int passed;

static weft_future *make_future(void)
{
    weft_future *made;
    ck_assert_int_eq(weft_future_create(&made), 0);
    return made;
}

static uint32_t waiting_for(weft_future *waited)
{
    return atomic_load(&waited->waiters.count);
}

static int expect_seven(void *unused)
{
    intptr_t value = 0;
    (void)unused;
    ck_assert_int_eq(weft_future_wait(future, &value), 0);
    ck_assert_int_eq(value, 7);
    atomic_fetch_add(&passed, 1);
    return 0;
}

static int all_get_the_value(void *unused)
{
    struct crowd crowd;
    intptr_t value = 0;
    (void)unused;
    future = make_future();
    atomic_store(&passed, 0);
    ck_assert(!weft_future_is_done(future));
    ck_assert_int_eq(weft_future_try(future, &value), -EAGAIN);
    crowd_start(&crowd, expect_seven, NULL);
    while (waiting_for(future) < CROWD)
        weft_yield();
    ck_assert_int_eq(atomic_load(&passed), 0);
    ck_assert_int_eq(weft_future_set(future, 7), 0);
    ck_assert_int_eq(weft_future_set(future, 8), -EALREADY);
    ck_assert_int_eq(weft_future_fail(future, -EIO), -EALREADY);
    ck_assert_int_eq(weft_future_cancel(future), -EALREADY);
    crowd_join(&crowd);
    ck_assert(weft_future_is_done(future));
    ck_assert_int_eq(weft_future_try(future, &value), 0);
    ck_assert_int_eq(value, 7);
    ck_assert_int_eq(weft_future_wait(future, NULL), 0);
    weft_future_release(future);
    return 0;
}

TEST(all_who_wait_get_the_first_value)
{
    run_mixed(all_get_the_value);
}

static int errors(void *unused)
{
    intptr_t value = 3;
    (void)unused;
    weft_future *failed = make_future(), *cancelled = make_future();
    ck_assert_int_eq(weft_future_fail(failed, 0), -EINVAL);
    ck_assert_int_eq(weft_future_fail(failed, EIO), -EINVAL);
    ck_assert(!weft_future_is_done(failed));
    ck_assert_int_eq(weft_future_fail(failed, -EIO), 0);
    ck_assert_int_eq(weft_future_wait(failed, &value), -EIO);
    ck_assert_int_eq(weft_future_cancel(cancelled), 0);
    ck_assert_int_eq(weft_future_wait(cancelled, &value), -ECANCELED);
    ck_assert_int_eq(weft_future_try(cancelled, &value), -ECANCELED);
    ck_assert_int_eq(weft_checkpoint(), 0); /* the future's, and not ours */
    ck_assert_int_eq(weft_future_set(cancelled, 1), -EALREADY);
    ck_assert_int_eq(value, 3);
    weft_future_release(failed);
    weft_future_release(cancelled);
    weft_future_release(NULL);
    return 0;
}

TEST(an_error_is_a_result)
{
    run_mixed(errors);
    ck_assert_int_eq(errors(NULL), 0); /* and without a runtime */
}

static int set_it(void *arg)
{
    ck_assert_int_eq(weft_future_set(arg, 7), 0);
    weft_future_release(arg);
    return 0;
}

static int give_up(void *unused)
{
    intptr_t value = 0;
    weft_scope scope;
    weft_task *task;
    (void)unused;
    weft_future *late = make_future();
    weft_scope_enter(&scope, weft_now() + WEFT_MS(2));
    ck_assert_int_eq(weft_future_wait(late, &value), -ETIMEDOUT);
    ck_assert(!weft_future_is_done(late)); /* so it was the scope's */
    ck_assert_uint_eq(waiting_for(late), 0);
    SPAWN(set_it, weft_future_retain(late), &task);
    weft_scope_leave(&scope);
    ck_assert_int_eq(weft_future_wait(late, &value), 0);
    ck_assert_int_eq(value, 7);
    weft_future_release(late);
    JOIN(task, 0);
    return 0;
}

TEST(who_gives_up_takes_nothing_away)
{
    run_mixed(give_up);
}

/* Neither side outlives the other. */
static int brief_futures(void *unused)
{
    (void)unused;
    for (int i = 0; i < 500; i++) {
        intptr_t value = 0;
        weft_future *brief = make_future();
        SPAWN(set_it, weft_future_retain(brief), NULL);
        if (i % 2)
            weft_yield();
        if (i % 3)
            ck_assert_int_eq(weft_future_wait(brief, &value), 0);
        ck_assert_int_eq(value, i % 3 ? 7 : 0);
        weft_future_release(brief);
    }
    return 0;
}

TEST(the_last_one_to_go_releases_it)
{
    run_mixed(brief_futures);
}

/* Callbacks. */

static char calls[32]; /* in their order; one completer at a time */
static int call_count;

static void note_call(weft_future *done, void *letter)
{
    ck_assert(weft_future_is_done(done));
    calls[call_count++] = *(const char *)letter;
}

static int in_order(void *unused)
{
    (void)unused;
    call_count = 0;
    weft_future *called = make_future();
    ck_assert_int_eq(weft_future_on_done(called, note_call, "a"), 0);
    ck_assert_int_eq(weft_future_on_done(called, note_call, "b"), 0);
    static char removed[] = "c";
    ck_assert_int_eq(weft_future_on_done(called, note_call, removed), 0);
    ck_assert_int_eq(weft_future_on_done(called, note_call, "d"), 0);
    ck_assert_int_eq(weft_future_forget(called, note_call, removed), 0);
    ck_assert_int_eq(weft_future_forget(called, note_call, removed), -ENOENT);
    ck_assert_int_eq(call_count, 0);
    ck_assert_int_eq(weft_future_set(called, 1), 0);
    ck_assert_int_eq(weft_future_on_done(called, note_call, "e"), 0); /* at once */
    ck_assert_int_eq(weft_future_set(called, 2), -EALREADY);
    ck_assert_int_eq(weft_future_forget(called, note_call, removed), -ENOENT);
    weft_future_release(called);
    calls[call_count] = 0;
    ck_assert_str_eq(calls, "abde");
    return 0;
}

TEST(callbacks_run_once_and_in_order)
{
    run_mixed(in_order);
    ck_assert_int_eq(in_order(NULL), 0);
}

static weft_future *kept;

static void keep(weft_future *done, void *arg)
{
    ck_assert_int_eq(weft_future_try(done, NULL), -ECANCELED);
    kept = arg ? weft_future_retain(done) : NULL;
    call_count++;
}

static int nobody_left(void *unused)
{
    (void)unused;
    call_count = 0;
    weft_future *left = make_future();
    ck_assert_int_eq(weft_future_on_done(left, keep, NULL), 0);
    ck_assert_int_eq(weft_future_on_done(left, keep, &kept), 0);
    weft_future_release(left);
    ck_assert_int_eq(call_count, 2);
    ck_assert_ptr_eq(kept, left);
    ck_assert_int_eq(weft_future_wait(kept, NULL), -ECANCELED);
    weft_future_release(kept);
    return 0;
}

TEST(what_nobody_can_set_any_more_is_cancelled)
{
    run_mixed(nobody_left);
}

/* One future's end is another's. */
static void pass_on(weft_future *done, void *next)
{
    intptr_t value = 0;
    ck_assert_int_eq(weft_future_try(done, &value), 0);
    ck_assert_int_eq(weft_future_set(next, value + 1), 0);
    weft_future_release(next);
}

static int chain(void *unused)
{
    weft_future *links[20];
    intptr_t value = 0;
    (void)unused;
    for (int i = 0; i < 20; i++)
        links[i] = make_future();
    for (int i = 0; i < 19; i++)
        weft_future_on_done(links[i], pass_on, weft_future_retain(links[i + 1]));
    SPAWN(set_it, weft_future_retain(links[0]), NULL);
    ck_assert_int_eq(weft_future_wait(links[19], &value), 0);
    ck_assert_int_eq(value, 7 + 19);
    for (int i = 0; i < 20; i++)
        weft_future_release(links[i]);
    return 0;
}

TEST(a_callback_may_set_other_futures)
{
    run_mixed(chain);
}

/* Select. */

static int fail_it(void *arg)
{
    weft_sleep(WEFT_MS(1)); /* so that the other mostly waits by now */
    ck_assert_int_eq(weft_future_fail(arg, -EIO), 0);
    weft_future_release(arg);
    return 0;
}

static int select_one(void *unused)
{
    weft_task *task;
    (void)unused;
    weft_future *one = make_future(), *other = make_future();
    weft_case cases[] = { weft_case_future(other), weft_case_future(one), weft_case_future(NULL),
                          weft_case_timer(weft_now() + WEFT_MS(1)) };
    ck_assert_int_eq(weft_select_try(cases, 3), -EAGAIN);
    ck_assert_int_eq(weft_select(cases, 4), 3);
    ck_assert_uint_eq(waiting_for(one) + waiting_for(other), 0);
    SPAWN(fail_it, weft_future_retain(one), &task);
    ck_assert_int_eq(weft_select(cases, 3), 1);
    ck_assert_int_eq(cases[1].result, -EIO);
    cases[1].result = 0;
    ck_assert_int_eq(weft_select(cases, 3), 1); /* again and again */
    ck_assert_int_eq(cases[1].result, -EIO);
    ck_assert_uint_eq(waiting_for(other), 0);
    cases[1] = weft_case_future(NULL);
    weft_future_set(other, 1);
    ck_assert_int_eq(weft_select_try(cases, 3), 0);
    ck_assert_int_eq(cases[0].result, 0);
    JOIN(task, 0);
    weft_future_release(one);
    weft_future_release(other);
    return 0;
}

TEST(the_first_of_several_is_selected)
{
    run_mixed(select_one);
}
