/* Many wait for any of several tasks that end, are cancelled and run out of time at the
 * same moments: each result arrives once. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tasks.h"

#define AT_A_TIME 6

static atomic_uint_least64_t expected, arrived;

static int end_soon(void *value)
{
    uint64_t random = test_random();
    if (random % 4 == 0)
        weft_yield();
    else if (random % 4 == 1)
        weft_sleep((int64_t)(random % 50000));
    return (int)(intptr_t)value;
}

/* Whom nobody cancels runs. */
static void spawn_some(weft_task **tasks)
{
    for (int i = 0; i < AT_A_TIME; i++) {
        intptr_t value = (intptr_t)(test_random() % 1000);
        tasks[i] = NULL;
        if (test_random() % 8 == 0)
            continue;
        SPAWN(end_soon, (void *)value, &tasks[i]);
        atomic_fetch_add(&expected, (uint64_t)value);
    }
}

static int join_each(weft_task **tasks)
{
    int result, rc;
    while ((rc = weft_join_any(tasks, AT_A_TIME, NULL, &result)) == 0)
        atomic_fetch_add(&arrived, (uint64_t)result);
    return rc;
}

static int gather(weft_task **tasks)
{
    int results[AT_A_TIME];
    int rc = weft_gather(tasks, AT_A_TIME, results);
    for (int i = 0; rc == 0 && i < AT_A_TIME; i++)
        atomic_fetch_add(&arrived, (uint64_t)results[i]);
    return rc == 0 ? -ENOENT : rc;
}

static int join_one_of_them(weft_task **tasks)
{
    int result;
    ssize_t i = weft_wait_any(tasks, AT_A_TIME);
    if (i < 0)
        return (int)i;
    if (weft_join(tasks[i], &result) == 0) { /* it has ended, but our time may be up */
        atomic_fetch_add(&arrived, (uint64_t)result);
        tasks[i] = NULL;
    }
    return 0;
}

static int wait_somehow(weft_task **tasks)
{
    switch (test_random() % 3) {
    case 0:
        return join_each(tasks);
    case 1:
        return gather(tasks);
    default:
        return join_one_of_them(tasks);
    }
}

static weft_scope *_Atomic victim; /* of the canceller; left only when it is NULL again */

/* Until nobody is left, with times that are too short, or a canceller. */
static void wait_for_all(weft_task **tasks)
{
    int rc;
    do {
        weft_scope scope, *mine = &scope, *nobody = NULL;
        weft_scope_enter(&scope, weft_now() + (int64_t)(test_random() % 60000));
        bool offered = atomic_compare_exchange_strong(&victim, &nobody, mine);
        rc = wait_somehow(tasks);
        if (offered && !atomic_compare_exchange_strong(&victim, &mine, NULL)) {
            while (!weft_scope_cancelled(&scope))
                sched_yield();
        }
        weft_scope_leave(&scope);
        if (rc != 0 && rc != -ENOENT && rc != -ETIMEDOUT && rc != -ECANCELED)
            ck_abort_msg("wait: %d", rc);
    } while (rc != -ENOENT);
}

static atomic_bool over;

static void *cancel_victims(void *unused)
{
    while (!atomic_load(&over)) {
        weft_scope *scope = atomic_exchange(&victim, NULL);
        if (scope)
            weft_scope_cancel(scope);
        block_for(20000);
    }
    return unused;
}

static int wait_often(void *unused)
{
    for (uint64_t i = test_work(400); i > 0; i--) {
        weft_task *tasks[AT_A_TIME];
        spawn_some(tasks);
        wait_for_all(tasks);
    }
    (void)unused;
    return 0;
}

static void *wait_on_thread(void *unused)
{
    wait_often(NULL);
    return unused;
}

static void run_mix(unsigned workers)
{
    pthread_t canceller, waiter;
    weft_task *waiters[4];
    weft_config config = { .workers = workers };
    ck_assert_int_eq(weft_start(&config), 0);
    pthread_create(&canceller, NULL, cancel_victims, NULL);
    pthread_create(&waiter, NULL, wait_on_thread, NULL);
    for (int i = 0; i < 4; i++)
        SPAWN(wait_often, NULL, &waiters[i]);
    for (int i = 0; i < 4; i++)
        JOIN(waiters[i], 0);
    pthread_join(waiter, NULL);
    atomic_store(&over, true);
    pthread_join(canceller, NULL);
    ck_assert_int_eq(weft_stop(), 0);
    ck_assert_uint_eq(atomic_load(&arrived), atomic_load(&expected));
}

TEST(each_is_gathered_once_with_one_worker)
{
    run_mix(1);
}

TEST(each_is_gathered_once_with_two_workers)
{
    run_mix(2);
}

TEST(each_is_gathered_once_with_eight_workers)
{
    run_mix(8);
}
