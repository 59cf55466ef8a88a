#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blocking.h"

static int pass_quickly(void *unused)
{
    (void)unused;
    return 0;
}

static weft_blocking_kind *make_kind(unsigned limit)
{
    weft_blocking_kind *kind;
    ck_assert_int_eq(weft_blocking_kind_create(limit, 0, &kind), 0);
    return kind;
}

static weft_future *submit(weft_blocking_kind *kind, int (*fn)(void *arg), void *arg)
{
    weft_blocking_attr attr = { .kind = kind };
    weft_future *future;
    ck_assert_int_eq(weft_blocking_submit_with(&attr, fn, arg, &future), 0);
    return future;
}

static void await_and_release(weft_future *future)
{
    ck_assert_int_eq(weft_future_wait(future, NULL), 0);
    weft_future_release(future);
}

static void expect_info(weft_blocking_kind *kind, unsigned limit, unsigned running,
                        unsigned waiting)
{
    weft_blocking_info info;
    weft_blocking_look(kind, &info);
    ck_assert_uint_eq(info.limit, limit);
    ck_assert_uint_eq(info.running, running);
    ck_assert_uint_eq(info.waiting, waiting);
}

/* Kinds. */

#define HANGING 9

static int hold_up_one_kind(void *arg)
{
    struct gate *gate = arg;
    weft_blocking_kind *hangs = make_kind(3);
    weft_future *futures[HANGING];
    weft_blocking_stats stats;
    for (int i = 0; i < HANGING; i++)
        futures[i] = submit(hangs, pass_gate, gate);
    await_count(&gate->begun, 3);
    for (int i = 0; i < 100; i++) {
        weft_blocking_attr files = { .kind = weft_blocking_files() };
        ck_assert_int_eq(weft_blocking_with(&files, pass_quickly, NULL, NULL), 0);
        ck_assert_int_eq(weft_blocking(pass_quickly, NULL, NULL), 0);
    }
    ck_assert_int_eq(atomic_load(&gate->begun), 3);
    expect_info(hangs, 3, 3, HANGING - 3);
    weft_blocking_counts(&stats);
    ck_assert_uint_ge(stats.running, 3);
    ck_assert_uint_eq(stats.waiting, HANGING - 3);
    atomic_store(&gate->open, true);
    for (int i = 0; i < HANGING; i++)
        await_and_release(futures[i]);
    weft_blocking_kind_destroy(hangs);
    return 0;
}

TEST(a_kind_whose_calls_hang_holds_up_no_other)
{
    struct gate gate = { 0 };
    ck_assert_int_eq(run_tasks(2, hold_up_one_kind, &gate), 0);
    ck_assert_int_eq(atomic_load(&gate.ended), HANGING);
}

static atomic_int inside, most;

static int count_inside(void *unused)
{
    int now = atomic_fetch_add(&inside, 1) + 1, seen = atomic_load(&most);
    (void)unused;
    while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
        ;
    sched_yield();
    atomic_fetch_sub(&inside, 1);
    return 0;
}

static int crowd_one_kind(void *unused)
{
    weft_blocking_kind *kind = make_kind(4);
    weft_future *futures[200];
    (void)unused;
    for (int i = 0; i < 200; i++)
        futures[i] = submit(kind, count_inside, NULL);
    weft_blocking_kind_destroy(kind); /* those that wait go on */
    for (int i = 0; i < 200; i++)
        await_and_release(futures[i]);
    return 0;
}

TEST(no_more_of_a_kind_run_than_its_limit)
{
    ck_assert_int_eq(run_tasks(2, crowd_one_kind, NULL), 0);
    ck_assert_int_le(atomic_load(&most), 4);
}

static int order[50], ordered;

static int note_order(void *number)
{
    order[ordered++] = (int)(intptr_t)number; /* one at a time */
    return 0;
}

static int stand_in_line(void *arg)
{
    struct gate *gate = arg;
    weft_blocking_kind *kind = make_kind(1);
    weft_future *first = submit(kind, pass_gate, gate), *futures[50];
    for (intptr_t i = 0; i < 50; i++)
        futures[i] = submit(kind, note_order, (void *)i);
    weft_future_cancel(futures[20]);
    atomic_store(&gate->open, true);
    await_and_release(first);
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(weft_future_wait(futures[i], NULL), i == 20 ? -ECANCELED : 0);
        weft_future_release(futures[i]);
    }
    weft_blocking_kind_destroy(kind);
    return 0;
}

TEST(calls_of_a_kind_come_in_their_order)
{
    struct gate gate = { 0 };
    ck_assert_int_eq(run_tasks(1, stand_in_line, &gate), 0);
    ck_assert_int_eq(ordered, 49);
    for (int i = 0; i < 49; i++)
        ck_assert_int_eq(order[i], i < 20 ? i : i + 1);
}

static int look_at_limits(void *unused)
{
    (void)unused;
    expect_info(NULL, 5, 0, 0);
    expect_info(weft_blocking_dns(), 6, 0, 0);
    return 0;
}

TEST(limits_are_settings)
{
    weft_config config = { .workers = 1, .blocking_threads = 5, .blocking_dns_threads = 6 };
    ck_assert_int_eq(weft_run(&config, look_at_limits, NULL), 0);
    setenv("WEFT_BLOCKING_THREADS", "5", 1);
    setenv("WEFT_BLOCKING_DNS_THREADS", "6", 1);
    ck_assert_int_eq(weft_run(NULL, look_at_limits, NULL), 0);
}

/* A runtime that starts may find calls of plain threads waiting. */

#define CALLERS 3

static void *call_dns(void *gate)
{
    weft_blocking_attr attr = { .kind = weft_blocking_dns() };
    ck_assert_int_eq(weft_blocking_with(&attr, pass_gate, gate, NULL), 0);
    return NULL;
}

TEST(where_more_may_run_those_that_wait_begin_at_once)
{
    weft_config few = { .blocking_dns_threads = 1 }, many = { .blocking_dns_threads = CALLERS };
    struct gate gate = { 0 };
    pthread_t callers[CALLERS];
    ck_assert_int_eq(weft_start(&few), 0);
    ck_assert_int_eq(weft_stop(), 0);
    for (int i = 0; i < CALLERS; i++)
        ck_assert_int_eq(pthread_create(&callers[i], NULL, call_dns, &gate), 0);
    await_waiting_calls(weft_blocking_dns(), CALLERS - 1);
    ck_assert_int_eq(weft_start(&many), 0);
    await_count(&gate.begun, CALLERS); /* none has ended */
    expect_info(weft_blocking_dns(), CALLERS, CALLERS, 0);
    atomic_store(&gate.open, true);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(callers[i], NULL);
    ck_assert_int_eq(weft_stop(), 0);
}

/* Cancelling all concerns what was submitted, and not what is waited for. */

#define SUBMITTED 200

static weft_blocking_attr line_attr;

static void *call_in_line(void *gate)
{
    ck_assert_int_eq(weft_blocking_with(&line_attr, pass_gate, gate, NULL), 0);
    return NULL;
}

static int cancel_among_others(void *unused)
{
    struct gate gate = { 0 }, never = { 0 };
    pthread_t callers[CALLERS];
    weft_future *futures[CALLERS][SUBMITTED];
    (void)unused;
    line_attr.kind = make_kind(1);
    for (int i = 0; i < CALLERS; i++) { /* the first one runs */
        ck_assert_int_eq(pthread_create(&callers[i], NULL, call_in_line, &gate), 0);
        await_count(&gate.begun, 1);
        await_waiting_calls(line_attr.kind, (unsigned)(i * (1 + SUBMITTED)));
        for (int j = 0; j < SUBMITTED; j++)
            futures[i][j] = submit(line_attr.kind, pass_gate, &never);
    }
    ck_assert_int_eq(weft_cancel_all(), 0);
    for (int i = 0; i < CALLERS; i++) {
        for (int j = 0; j < SUBMITTED; j++) {
            ck_assert_int_eq(weft_future_try(futures[i][j], NULL), -ECANCELED);
            weft_future_release(futures[i][j]);
        }
    }
    expect_info(line_attr.kind, 1, 1, CALLERS - 1);
    atomic_store(&gate.open, true);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(callers[i], NULL);
    ck_assert_int_eq(atomic_load(&gate.ended), CALLERS);
    ck_assert_int_eq(atomic_load(&never.begun), 0);
    weft_blocking_kind_destroy(line_attr.kind);
    return 0;
}

TEST(what_was_submitted_is_cancelled_among_calls_that_are_not)
{
    ck_assert_int_eq(run_tasks(2, cancel_among_others, NULL), 0);
}

/* Threads. */

static int call_in_turn(void *unused)
{
    weft_blocking_stats stats;
    (void)unused;
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(weft_blocking(pass_quickly, NULL, NULL), 0);
        do { /* it rests a little after it has woken us */
            weft_yield();
            weft_blocking_counts(&stats);
            ck_assert_uint_eq(stats.threads, 1);
        } while (stats.idle != 1);
    }
    return 0;
}

TEST(a_thread_that_rests_is_taken_again, .timeout = 180)
{
    int threads = threads_of_nobody();
    weft_blocking_stats stats;
    ck_assert_int_eq(run_tasks(1, call_in_turn, NULL), 0);
    weft_blocking_counts(&stats);
    ck_assert_uint_eq(stats.threads, 0); /* they end with the runtime */
    expect_threads(threads);
}

static int use_some_threads(void *arg)
{
    struct gate *gate = arg;
    weft_future *futures[10];
    for (int i = 0; i < 10; i++)
        futures[i] = submit(NULL, pass_gate, gate);
    await_count(&gate->begun, 10);
    atomic_store(&gate->open, true);
    for (int i = 0; i < 10; i++)
        await_and_release(futures[i]);
    await_pool(0, 0);
    return 0;
}

TEST(threads_end_when_they_have_rested_for_long)
{
    weft_config config = { .workers = 1, .blocking_idle = WEFT_MS(1) };
    for (int i = 0; i < 3; i++) {
        struct gate gate = { 0 };
        ck_assert_int_eq(weft_run(&config, use_some_threads, &gate), 0);
    }
}

static int measure_stack(void *ret_size)
{
    pthread_attr_t attr;
    ck_assert_int_eq(pthread_getattr_np(pthread_self(), &attr), 0);
    pthread_attr_getstacksize(&attr, ret_size);
    pthread_attr_destroy(&attr);
    return 0;
}

static int measure(void *ret_size)
{
    return weft_blocking(measure_stack, ret_size, NULL);
}

TEST(the_size_of_their_stacks_is_a_setting)
{
    weft_config config = { .workers = 1, .blocking_stack_size = 512 << 10 };
    size_t size = 0;
    ck_assert_int_eq(weft_run(&config, measure, &size), 0);
    ck_assert_uint_ge(size, 256 << 10);
    ck_assert_uint_le(size, 1 << 20);
}

/* Deadlocks. */

static void skip_with_foreign_threads(void)
{
    if (test_is_under("qemu"))
        test_skip("qemu has threads of its own in the process");
    if (test_is_under("tsan"))
        test_skip("TSan has a thread of its own");
}

static int wait_for_nobody(void *unused)
{
    weft_event never = WEFT_EVENT_INIT;
    (void)unused;
    ck_assert_int_eq(weft_blocking(pass_quickly, NULL, NULL), 0);
    return weft_event_wait(&never);
}

static void run_into_deadlock(void *workers)
{
    run_tasks(*(unsigned *)workers, wait_for_nobody, NULL);
}

TEST(threads_that_rest_hide_no_deadlock)
{
    skip_with_foreign_threads();
    for (unsigned workers = 1; workers <= 4; workers *= 2)
        expect_death(run_into_deadlock, &workers, SIGABRT, "weft: deadlock");
}

static int block_a_little(void *unused)
{
    (void)unused;
    block_for(WEFT_MS(20));
    return 0;
}

static int wait_beside_a_call(void *unused)
{
    weft_event never = WEFT_EVENT_INIT;
    (void)unused;
    ck_assert_int_eq(weft_blocking_submit(block_a_little, NULL, NULL), 0);
    return weft_event_wait(&never);
}

static void run_beside_a_call(void *workers)
{
    run_tasks(*(unsigned *)workers, wait_beside_a_call, NULL);
}

TEST(a_deadlock_is_seen_when_the_last_call_has_ended)
{
    skip_with_foreign_threads();
    for (unsigned workers = 1; workers <= 4; workers *= 2)
        expect_death(run_beside_a_call, &workers, SIGABRT, "weft: deadlock");
}

static int set_late(void *event)
{
    block_for(WEFT_MS(20));
    weft_event_set(event);
    return 0;
}

static int wait_for_call(void *unused)
{
    weft_event event = WEFT_EVENT_INIT;
    (void)unused;
    weft_future *future = submit(NULL, set_late, &event);
    ck_assert_int_eq(weft_event_wait(&event), 0);
    await_and_release(future);
    return 0;
}

TEST(a_call_that_runs_may_wake_somebody)
{
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(run_tasks(2, wait_for_call, NULL), 0);
}
