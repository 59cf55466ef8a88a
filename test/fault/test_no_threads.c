/* The n-th thread for calls that block cannot be made, for every n, or none at all: each call
 * runs, on those that there are, or says that it did not. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>

#include "blocking.h"

static atomic_int made;    /* since it was set to 0 */
static atomic_int failing; /* the number of the thread that is not to be had; 0: none */
static atomic_bool all_fail, failed;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg)
{
    int number = atomic_fetch_add(&made, 1) + 1;
    if (!atomic_load(&all_fail) && number != atomic_load(&failing))
        return __real_pthread_create(thread, attr, fn, arg);
    atomic_store(&failed, true);
    return EAGAIN;
}

#define CALLS 8

static atomic_int ran;

static int block_a_little(void *unused)
{
    (void)unused;
    atomic_fetch_add(&ran, 1);
    block_for(WEFT_US(200));
    return 3;
}

static int refused;

static void expect_refusal(int rc)
{
    ck_assert_int_eq(rc, -EAGAIN);
    refused++;
}

static void call_some(void)
{
    weft_blocking_kind *kind;
    weft_future *futures[CALLS];
    struct gate gates[CALLS] = { 0 };
    int result = 0, rc = weft_blocking(block_a_little, NULL, &result);
    ck_assert_int_eq(weft_blocking_kind_create(3, 0, &kind), 0);
    if (rc)
        expect_refusal(rc);
    else
        ck_assert_int_eq(result, 3);
    weft_blocking_attr attr = { .kind = kind, .abandoned = note_abandoned };
    for (int i = 0; i < CALLS; i++) {
        atomic_store(&gates[i].open, true);
        ck_assert_int_eq(weft_blocking_submit_with(&attr, pass_gate, &gates[i], &futures[i]), 0);
    }
    for (int i = 0; i < CALLS; i++) {
        rc = weft_future_wait(futures[i], NULL);
        if (rc)
            expect_refusal(rc);
        ck_assert_int_eq(atomic_load(&gates[i].ended), rc == 0);
        await_count(&gates[i].abandoned, rc != 0);
        weft_future_release(futures[i]);
    }
    weft_blocking_kind_destroy(kind);
}

static int fail_once(void *number)
{
    refused = 0;
    atomic_store(&made, 0);
    atomic_store(&failing, *(int *)number);
    call_some();
    atomic_store(&failing, 0);
    ck_assert_int_le(refused, 1); /* another thread, or the next attempt, serves the others */
    ck_assert_int_eq(weft_blocking(block_a_little, NULL, NULL), 0);
    return 0;
}

TEST(each_thread_in_turn_is_not_to_be_had)
{
    int n = 0;
    do {
        weft_config config = { .workers = 1, .flags = WEFT_NO_HAND_OFF };
        n++;
        atomic_store(&failed, false);
        ck_assert_int_eq(weft_run(&config, fail_once, &n), 0);
    } while (atomic_load(&failed) && n < 100);
    ck_assert_int_gt(n, 1);
    ck_assert_int_lt(n, 100);
}

static int fail_always(void *unused)
{
    (void)unused;
    atomic_store(&all_fail, true);
    call_some();
    ck_assert_int_eq(refused, CALLS + 1);
    ck_assert_int_eq(atomic_load(&ran), 0);
    ck_assert_int_eq(weft_dial("localhost:1"), -EAGAIN);
    atomic_store(&all_fail, false);
    ck_assert_int_eq(weft_blocking(block_a_little, NULL, NULL), 0);
    ck_assert_int_eq(atomic_load(&ran), 1);
    return 0;
}

TEST(there_are_no_threads_at_all)
{
    weft_config config = { .workers = 1, .flags = WEFT_NO_HAND_OFF };
    ck_assert_int_eq(weft_run(&config, fail_always, NULL), 0);
}

/* Those that there are do it all. */
static int share_one(void *unused)
{
    weft_future *futures[CALLS];
    (void)unused;
    ck_assert_int_eq(weft_blocking(block_a_little, NULL, NULL), 0);
    atomic_store(&all_fail, true);
    for (int i = 0; i < CALLS; i++)
        ck_assert_int_eq(weft_blocking_submit(block_a_little, NULL, &futures[i]), 0);
    for (int i = 0; i < CALLS; i++) {
        intptr_t value = 0;
        ck_assert_int_eq(weft_future_wait(futures[i], &value), 0);
        ck_assert_int_eq(value, 3);
        weft_future_release(futures[i]);
    }
    weft_blocking_stats stats;
    weft_blocking_counts(&stats);
    ck_assert_uint_eq(stats.threads, 1);
    atomic_store(&all_fail, false);
    return 0;
}

TEST(one_thread_does_it_all_if_no_other_is_to_be_had)
{
    weft_config config = { .workers = 1, .flags = WEFT_NO_HAND_OFF };
    ck_assert_int_eq(weft_run(&config, share_one, NULL), 0);
    ck_assert_int_eq(atomic_load(&ran), CALLS + 1);
}
