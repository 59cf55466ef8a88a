#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "blocking.h"
#include "sync.h"

static int halve(void *number)
{
    intptr_t whole = (intptr_t)number;
    return whole % 2 ? -EDOM : (int)whole / 2;
}

static int submit_some(void *unused)
{
    weft_future *futures[20];
    (void)unused;
    for (intptr_t i = 0; i < 20; i++)
        ck_assert_int_eq(i % 3 ? weft_blocking_submit(halve, (void *)i, &futures[i])
                               : weft_blocking_try_submit(halve, (void *)i, &futures[i]),
                         0);
    for (int i = 0; i < 20; i++)
        expect_result(futures[i], i % 2 ? -EDOM : 0, i % 2 ? 0 : i / 2);
    return 0;
}

static int crowd_submits(void *unused)
{
    struct crowd crowd;
    (void)unused;
    crowd_start(&crowd, submit_some, NULL);
    crowd_join(&crowd);
    return 0;
}

TEST(the_future_has_what_the_function_returned)
{
    run_mixed(crowd_submits);
}

TEST(without_a_runtime_nothing_is_taken)
{
    struct gate gate = { .open = true };
    weft_future *future = NULL;
    ck_assert_int_eq(weft_blocking_submit(pass_gate, &gate, &future), -EPERM);
    ck_assert_int_eq(weft_blocking_try_submit(pass_gate, &gate, &future), -EPERM);
    ck_assert_ptr_null(future);
    ck_assert_int_eq(atomic_load(&gate.begun), 0);
}

static int submit_and_go(void *gate)
{
    ck_assert_int_eq(weft_blocking_submit(pass_gate, gate, NULL), 0);
    return 0;
}

static int let_go(void *arg)
{
    struct gate *gate = arg;
    block_for(WEFT_MS(5));
    atomic_store(&gate->open, true);
    return 0;
}

static int submit_both(void *gate)
{
    submit_and_go(gate);
    ck_assert_int_eq(weft_blocking_submit(let_go, gate, NULL), 0);
    return 0;
}

TEST(the_runtime_waits_for_what_was_submitted)
{
    struct gate gate = { 0 };
    ck_assert_int_eq(run_tasks(2, submit_both, &gate), 0);
    ck_assert_int_eq(atomic_load(&gate.ended), 1);
}

/* Calls in line, behind one that holds the kind. */

#define WAITING 2

static struct line {
    weft_blocking_attr attr;
    struct gate first, others;
    weft_future *future;
} line;

static void open_line(unsigned flags)
{
    line = (struct line){ .attr.flags = flags, .attr.abandoned = note_abandoned };
    ck_assert_int_eq(weft_blocking_kind_create(1, WAITING, &line.attr.kind), 0);
    ck_assert_int_eq(weft_blocking_submit_with(&line.attr, pass_gate, &line.first, &line.future),
                     0);
    await_count(&line.first.begun, 1);
    atomic_store(&line.others.open, true);
}

static void close_line(void)
{
    atomic_store(&line.first.open, true);
    weft_blocking_kind_destroy(line.attr.kind);
}

static int submit_other(weft_future **ret_future)
{
    return weft_blocking_try_submit_with(&line.attr, pass_gate, &line.others, ret_future);
}

static int submit_waiting(void *ret_future)
{
    return weft_blocking_submit_with(&line.attr, pass_gate, &line.others, ret_future);
}

static int fill_up(void *unused)
{
    weft_future *futures[WAITING + 1];
    weft_task *task;
    weft_scope scope;
    (void)unused;
    open_line(0);
    for (int i = 0; i < WAITING; i++)
        ck_assert_int_eq(submit_other(&futures[i]), 0);
    ck_assert_int_eq(submit_other(NULL), -EAGAIN);
    weft_scope_enter(&scope, weft_after(WEFT_MS(2)));
    ck_assert_int_eq(submit_waiting(NULL), -ETIMEDOUT);
    weft_scope_leave(&scope);
    SPAWN(submit_waiting, &futures[WAITING], &task);
    weft_sleep(WEFT_MS(1));
    ck_assert_int_eq(atomic_load(&line.others.begun), 0);
    atomic_store(&line.first.open, true);
    JOIN(task, 0);
    close_line();
    expect_result(line.future, 0, GATE_RESULT);
    for (int i = 0; i <= WAITING; i++)
        expect_result(futures[i], 0, GATE_RESULT);
    ck_assert_int_eq(atomic_load(&line.others.ended), WAITING + 1);
    ck_assert_int_eq(atomic_load(&line.others.abandoned), 0);
    return 0;
}

TEST(who_submits_waits_while_too_many_wait)
{
    run_mixed(fill_up);
}

static int cancel_in_line(void *unused)
{
    weft_future *futures[WAITING];
    (void)unused;
    open_line(0);
    for (int round = 0; round < 3; round++) { /* there is room again each time */
        for (int i = 0; i < WAITING; i++)
            ck_assert_int_eq(submit_other(&futures[i]), 0);
        for (int i = WAITING - 1; i >= 0; i--) {
            ck_assert_int_eq(weft_future_cancel(futures[i]), 0);
            ck_assert_int_eq(weft_future_cancel(futures[i]), -EALREADY);
            ck_assert(weft_future_is_done(futures[i]));
            expect_result(futures[i], -ECANCELED, 0);
        }
    }
    ck_assert_int_eq(atomic_load(&line.others.abandoned), 3 * WAITING);
    ck_assert_int_eq(atomic_load(&line.others.result), -ECANCELED);
    close_line();
    expect_result(line.future, 0, GATE_RESULT);
    ck_assert_int_eq(atomic_load(&line.others.begun), 0);
    return 0;
}

TEST(a_future_that_is_cancelled_before_its_call_begins_cancels_that)
{
    run_mixed(cancel_in_line);
}

static int cancel_running(void *unused)
{
    (void)unused;
    open_line(0);
    ck_assert_int_eq(weft_future_cancel(line.future), 0);
    ck_assert(!weft_future_is_done(line.future));
    close_line();
    ck_assert_int_eq(weft_future_wait(line.future, NULL), 0);
    ck_assert_int_eq(weft_future_cancel(line.future), -EALREADY);
    expect_result(line.future, 0, GATE_RESULT);
    ck_assert_int_eq(atomic_load(&line.first.abandoned), 0);
    return 0;
}

TEST(a_future_that_is_cancelled_later_gets_the_result)
{
    run_mixed(cancel_running);
}

static int abandon_running(void *unused)
{
    (void)unused;
    open_line(WEFT_BLOCKING_ABANDON);
    ck_assert_int_eq(weft_future_cancel(line.future), 0);
    ck_assert_int_eq(weft_future_cancel(line.future), -EALREADY);
    expect_result(line.future, -ECANCELED, 0);
    ck_assert_int_eq(atomic_load(&line.first.abandoned), 0);
    return 0;
}

TEST(a_call_whose_future_was_cancelled_is_left_alone)
{
    static const unsigned workers[] = { 1, 2 };
    int threads = threads_of_nobody();
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(run_tasks(workers[i], abandon_running, NULL),
                         0); /* it is not waited for */
        ck_assert_int_eq(atomic_load(&line.first.ended), 0);
        close_line();
        await_count(&line.first.abandoned, 1);
        ck_assert_int_eq(atomic_load(&line.first.result), GATE_RESULT);
    }
    expect_threads(threads);
}

static int give_another_result(void *unused)
{
    (void)unused;
    open_line(0);
    ck_assert_int_eq(weft_future_set(line.future, 1), 0);
    close_line();
    expect_result(line.future, 0, 1);
    await_count(&line.first.abandoned, 1);
    ck_assert_int_eq(atomic_load(&line.first.result), GATE_RESULT);
    return 0;
}

TEST(a_result_that_comes_second_is_abandoned)
{
    run_mixed(give_another_result);
}

static int cancel_all(void *unused)
{
    weft_future *futures[WAITING], *late;
    (void)unused;
    open_line(0);
    for (int i = 0; i < WAITING; i++)
        ck_assert_int_eq(submit_other(&futures[i]), 0);
    ck_assert_int_eq(weft_cancel_all(), 0);
    for (int i = 0; i < WAITING; i++) {
        ck_assert_int_eq(weft_future_try(futures[i], NULL), -ECANCELED);
        weft_future_release(futures[i]);
    }
    ck_assert_int_eq(submit_other(&late), 0);
    ck_assert_int_eq(weft_future_try(late, NULL), -ECANCELED);
    weft_future_release(late);
    ck_assert_int_eq(atomic_load(&line.others.abandoned), WAITING + 1);
    ck_assert(!weft_future_is_done(line.future));
    close_line();
    return 0;
}

TEST(when_all_is_cancelled_nothing_begins_and_what_has_begun_ends)
{
    ck_assert_int_eq(run_tasks(2, cancel_all, NULL), 0);
    ck_assert_int_eq(atomic_load(&line.first.ended), 1);
    expect_result(line.future, 0, GATE_RESULT);
    ck_assert_int_eq(atomic_load(&line.others.begun), 0);
}

/* The end of the process waits for threads, but not for the one that calls for it. */
static void leave_process(weft_future *future, void *unused)
{
    (void)future;
    (void)unused;
    fputs("leaving\n", stderr);
    exit(3);
}

static int leave_at_the_end(void *unused)
{
    (void)unused;
    open_line(0);
    ck_assert_int_eq(weft_future_on_done(line.future, leave_process, NULL), 0);
    close_line();
    return 0;
}

static void run_and_leave(void *unused)
{
    run_tasks(2, leave_at_the_end, unused);
}

TEST(a_callback_may_end_the_process)
{
    expect_death(run_and_leave, NULL, 0, "leaving");
}

static void note_result(weft_future *future, void *ret_value)
{
    ck_assert_int_eq(weft_future_try(future, ret_value), 0);
}

static int watch_results(void *unused)
{
    weft_future *future;
    intptr_t value = 0;
    (void)unused;
    open_line(0);
    ck_assert_int_eq(submit_other(&future), 0);
    ck_assert_int_eq(weft_future_on_done(future, note_result, &value), 0);
    weft_case cases[] = { weft_case_future(line.future), weft_case_future(future) };
    close_line();
    ck_assert_int_ge(weft_select(cases, 2), 0);
    weft_future_release(line.future);
    expect_result(future, 0, GATE_RESULT);
    weft_blocking_stats stats;
    do { /* callbacks come after those who wait */
        weft_yield();
        weft_blocking_counts(&stats);
    } while (stats.idle != stats.threads);
    ck_assert_int_eq(value, GATE_RESULT);
    return 0;
}

TEST(such_a_future_is_one_like_any_other)
{
    run_mixed(watch_results);
}
