#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sched/task.h"

#include "sync.h"

static int halve(void *number)
{
    intptr_t whole = (intptr_t)number;
    weft_yield();
    return whole % 2 ? -EDOM : (int)whole / 2;
}

static int submit_some(void *unused)
{
    weft_future *futures[20];
    (void)unused;
    for (intptr_t i = 0; i < 20; i++)
        ck_assert_int_eq(weft_submit(halve, (void *)i, &futures[i]), 0);
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

TEST(the_future_has_what_the_task_returned)
{
    run_mixed(crowd_submits);
}

struct wide {
    char bytes[100];
};

WEFT_TASK(add, int, left, int, right)
{
    return left + right;
}

/* More than fits beside the epilogue, and what just does, and does not. */
WEFT_TASK(look_at, struct wide, wide, int, at)
{
    return wide.bytes[at];
}

WEFT_TASK(sum_four, int64_t, a, int64_t, b, int64_t, c, int64_t, d)
{
    return (int)(a + b + c + d);
}

WEFT_TASK(sum_five, int64_t, a, int64_t, b, int64_t, c, int64_t, d, int64_t, e)
{
    return (int)(a + b + c + d + e);
}

static int with_arguments(void *unused)
{
    weft_future *future;
    weft_attr attr = { .name = "adder" };
    (void)unused;
    ck_assert_int_eq(weft_submit_args(&future, add, 3, 4), 0);
    expect_result(future, 0, 7);
    ck_assert_int_eq(weft_submit_args_with(&attr, &future, add, 3, -5), 0);
    expect_result(future, -2, 0);
    ck_assert_int_eq(weft_submit_args(&future, look_at, (struct wide){ .bytes = { [90] = 9 } }, 90),
                     0);
    expect_result(future, 0, 9);
    ck_assert_int_eq(weft_submit_args(&future, sum_four, 1, 2, 3, 4), 0);
    expect_result(future, 0, 10);
    ck_assert_int_eq(weft_submit_args(&future, sum_five, 1, 2, 3, 4, 5), 0);
    expect_result(future, 0, 15);
    return 0;
}

TEST(arguments_have_types)
{
    run_mixed(with_arguments);
}

static int compare_name(void *wanted)
{
    char name[WEFT_NAME_MAX + 1];
    weft_get_name(NULL, name, sizeof name);
    return strcmp(name, wanted) == 0;
}

static void note_caller(weft_future *future, void *ret_caller)
{
    ck_assert_int_eq(weft_future_try(future, NULL), 0);
    ck_assert(!weft__is_virtual(weft_self()));
    atomic_store((_Atomic(weft_task *) *)ret_caller, weft_self());
}

static int answer_to(void *go)
{
    ck_assert_int_eq(weft_event_wait(go), 0);
    return 5;
}

/* Its thread-locals are gone when the future has its result: others call back. */
static void submit_virtual_thread(void)
{
    weft_future *future;
    weft_event go = WEFT_EVENT_INIT;
    _Atomic(weft_task *) caller = NULL;
    weft_attr attr = { .flags = WEFT_VIRTUAL_THREAD };
    ck_assert_int_eq(weft_submit_with(&attr, answer_to, &go, &future), 0);
    ck_assert_int_eq(weft_future_on_done(future, note_caller, &caller), 0);
    weft_event_set(&go);
    expect_result(future, 0, 5);
    while (!atomic_load(&caller))
        weft_yield();
}

static int with_attributes(void *unused)
{
    weft_future *future = NULL;
    weft_attr attr = { .name = "submitted", .flags = WEFT_PINNED };
    (void)unused;
    ck_assert_int_eq(weft_submit_with(&attr, compare_name, "submitted", &future), 0);
    expect_result(future, 0, 1);
    attr.stack_size = 1;
    future = NULL;
    ck_assert_int_eq(weft_submit_with(&attr, compare_name, "", &future), -EINVAL);
    ck_assert_ptr_null(future);
    if (!weft_virtual_thread_refusal())
        submit_virtual_thread();
    return 0;
}

TEST(a_task_is_submitted_with_attributes)
{
    run_mixed(with_attributes);
}

static atomic_int ran;

static int count_one(void *unused)
{
    (void)unused;
    return atomic_fetch_add(&ran, 1) * 0;
}

static int without_future(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(weft_submit(count_one, NULL, NULL), 0);
    return 0;
}

TEST(nobody_need_want_the_future)
{
    run_mixed(without_future);
    ck_assert_int_eq(atomic_load(&ran), 30);
}

static int leave_early(void *unused)
{
    (void)unused;
    weft_exit(5);
}

/* A pointer, which is more than a task can return. */
static int set_own(void *own)
{
    while (!atomic_load((_Atomic(weft_future *) *)own))
        weft_yield();
    ck_assert_int_eq(weft_future_set(atomic_load((_Atomic(weft_future *) *)own), (intptr_t)own), 0);
    return 0;
}

static int wait_for_own(void *own)
{
    while (!atomic_load((_Atomic(weft_future *) *)own))
        weft_yield();
    ck_assert_int_eq(weft_future_wait(atomic_load((_Atomic(weft_future *) *)own), NULL), -EDEADLK);
    return 6;
}

static int odd_ends(void *unused)
{
    weft_future *future;
    _Atomic(weft_future *) own = NULL;
    (void)unused;
    ck_assert_int_eq(weft_submit(leave_early, NULL, &future), 0);
    expect_result(future, 0, 5);
    ck_assert_int_eq(weft_submit(set_own, &own, &future), 0);
    atomic_store(&own, future);
    expect_result(weft_future_retain(future), 0, (intptr_t)&own);
    weft_future_release(future);
    atomic_store(&own, NULL);
    ck_assert_int_eq(weft_submit(wait_for_own, &own, &future), 0);
    atomic_store(&own, future);
    expect_result(future, 0, 6);
    return 0;
}

TEST(a_task_may_give_its_result_in_other_ways)
{
    run_mixed(odd_ends);
}

/* Cancelling. */

static atomic_int started;

static int sleep_long(void *returned)
{
    atomic_store(&started, 1);
    int rc = weft_sleep(WEFT_S(1000));
    return returned ? (int)(intptr_t)returned : rc;
}

static void note_end(weft_future *future, void *ended)
{
    atomic_store((atomic_int *)ended, weft_future_try(future, NULL));
}

/* Who waits may go on before. */
static void expect_end(atomic_int *ended, int rc)
{
    while (atomic_load(ended) == 1)
        weft_yield();
    ck_assert_int_eq(atomic_load(ended), rc);
}

static int cancel_submitted(void *unused)
{
    (void)unused;
    for (intptr_t stubborn = 0; stubborn < 2; stubborn++) {
        weft_future *future;
        atomic_int ended = 1;
        atomic_store(&started, 0);
        ck_assert_int_eq(weft_submit(sleep_long, (void *)(stubborn * 9), &future), 0);
        ck_assert_int_eq(weft_future_on_done(future, note_end, &ended), 0);
        while (!atomic_load(&started))
            weft_yield();
        ck_assert_int_eq(weft_future_cancel(future), 0);
        weft_future_cancel(future); /* asked again, or too late */
        ck_assert_int_eq(weft_future_wait(future, NULL), stubborn ? 0 : -ECANCELED);
        ck_assert_int_eq(weft_future_cancel(future), -EALREADY);
        expect_end(&ended, stubborn ? 0 : -ECANCELED);
        expect_result(future, stubborn ? 0 : -ECANCELED, stubborn * 9);
    }
    return 0;
}

TEST(to_cancel_the_future_is_to_cancel_the_task)
{
    run_mixed(cancel_submitted);
}

static int cancel_fresh(void *unused)
{
    weft_future *future;
    atomic_int ended = 1;
    (void)unused;
    atomic_store(&ran, 0);
    ck_assert_int_eq(weft_submit(count_one, NULL, &future), 0);
    ck_assert_int_eq(weft_future_on_done(future, note_end, &ended), 0);
    ck_assert_int_eq(weft_future_cancel(future), 0);
    ck_assert(!weft_future_is_done(future)); /* when it would have had its turn */
    expect_result(future, -ECANCELED, 0);
    expect_end(&ended, -ECANCELED);
    ck_assert_int_eq(atomic_load(&ran), 0);
    return 0;
}

TEST(a_task_that_has_not_begun_never_does)
{
    ck_assert_int_eq(run_in_turn(cancel_fresh, NULL), 0);
}

/* Ends. */

static weft_future *held[50];

static int fail_with_others(void *unused)
{
    (void)unused;
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(weft_submit(sleep_long, NULL, &held[i]), 0);
    return -EIO;
}

TEST(when_all_is_cancelled_every_future_ends)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        ck_assert_int_eq(run_tasks(workers, fail_with_others, NULL), -EIO);
        for (int i = 0; i < 50; i++) {
            ck_assert_int_eq(weft_future_try(held[i], NULL), -ECANCELED);
            weft_future_release(held[i]);
        }
    }
}

TEST(stopping_waits_for_what_was_submitted)
{
    weft_future *refused = NULL;
    ck_assert_int_eq(weft_submit(count_one, NULL, &refused), -EPERM);
    ck_assert_int_eq(weft_start(NULL), 0);
    for (intptr_t i = 0; i < 50; i++)
        ck_assert_int_eq(weft_submit(halve, (void *)(2 * i), &held[i]), 0);
    ck_assert_int_eq(weft_stop(), 0);
    for (int i = 0; i < 50; i++) {
        intptr_t value = -1;
        ck_assert_int_eq(weft_future_try(held[i], &value), 0);
        ck_assert_int_eq(value, i);
        weft_future_release(held[i]);
    }
    ck_assert_int_eq(weft_submit(count_one, NULL, &refused), -EPERM);
    ck_assert_int_eq(weft_submit(count_one, NULL, NULL), -EPERM);
    ck_assert_ptr_null(refused);
}

/* Threads that submit while the runtime starts and stops: what was taken ends. */

static atomic_bool over;
static atomic_int taken, refusals;

static int spawn_more(void *unused)
{
    weft_task *task;
    (void)unused;
    SPAWN(count_one, NULL, &task); /* the runtime is there for it */
    JOIN(task, 0);
    return 3;
}

static void *submit_all_the_time(void *unused)
{
    while (!atomic_load(&over)) {
        weft_future *future;
        int rc = weft_submit(spawn_more, NULL, &future);
        if (rc) {
            ck_assert_int_eq(rc, -EPERM);
            atomic_fetch_add(&refusals, 1);
            block_for(WEFT_US(10));
            continue;
        }
        atomic_fetch_add(&taken, 1);
        expect_result(future, 0, 3);
        block_for(WEFT_US(50)); /* as long as work comes the runtime does not stop */
    }
    return unused;
}

TEST(what_is_taken_while_the_runtime_stops_ends)
{
    pthread_t threads[3];
    weft_config config = { .workers = 2 };
    atomic_store(&ran, 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, submit_all_the_time, NULL), 0);
    for (uint64_t left = test_work(100); left > 0 || !atomic_load(&refusals); left -= left > 0) {
        int before = atomic_load(&taken);
        ck_assert_int_eq(weft_start(&config), 0);
        while (atomic_load(&taken) == before)
            block_for(WEFT_US(10));
        ck_assert_int_eq(weft_stop(), 0);
    }
    atomic_store(&over, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(atomic_load(&ran), atomic_load(&taken));
}
