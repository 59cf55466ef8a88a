/* Plain threads that spawn and join, come and go, and outlive the runtime. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "keys.h"
#include "sched/thread.h"
#include "tasks.h"

#define MANY 200

static int do_nothing(void *unused)
{
    (void)unused;
    return 0;
}

static void spawn_and_join_many(void)
{
    weft_task *tasks[MANY];
    for (int i = 0; i < MANY; i++)
        SPAWN(do_nothing, NULL, &tasks[i]);
    for (int i = 0; i < MANY; i++)
        JOIN(tasks[i], 0);
}

static void *spawn_join_end(void *unused)
{
    spawn_and_join_many();
    return unused;
}

static void start(void)
{
    weft_config config = { .workers = 1 };
    ck_assert_int_eq(weft_start(&config), 0);
}

TEST(what_a_thread_keeps_goes_back_when_it_ends)
{
    weft_memory_stats before, after;
    start();
    uint64_t threads = test_work(400);
    for (uint64_t i = 0; i < threads; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, spawn_join_end, NULL);
        pthread_join(thread, NULL);
        if (i == 0)
            ck_assert_int_eq(weft_memory(&before), 0);
    }
    ck_assert_int_eq(weft_memory(&after), 0);
    ck_assert_uint_eq(after.task_bytes, before.task_bytes);
    ck_assert_int_eq(weft_stop(), 0);
}

TEST(a_thread_outlives_the_runtime_and_uses_the_next)
{
    for (int i = 0; i < 5; i++) {
        start();
        spawn_and_join_many();
        ck_assert_int_eq(weft_stop(), 0);
    }
}

static atomic_int done;

static void *end_soon(void *unused)
{
    spawn_and_join_many();
    atomic_store(&done, 1);
    return unused;
}

/* The runtime stops at the moment in which the thread gives its blocks back. */
TEST(a_thread_ends_while_the_runtime_stops)
{
    for (uint64_t i = test_work(200); i > 0; i--) {
        pthread_t thread;
        atomic_store(&done, 0);
        start();
        pthread_create(&thread, NULL, end_soon, NULL);
        while (!atomic_load(&done))
            sched_yield();
        ck_assert_int_eq(weft_stop(), 0);
        pthread_join(thread, NULL);
    }
}

#define SHORT_JOINS 9 /* the last one begins with a pause */

static weft_task *short_tasks[SHORT_JOINS];
static atomic_int joining; /* the task that is being joined */

static int end_when_joined(void *task)
{
    while (atomic_load(&joining) < (weft_task **)task - short_tasks)
        weft_yield();
    spin_for(WEFT_US(10));
    return 0;
}

static void *join_all(void *unused)
{
    for (int i = 0; i < SHORT_JOINS; i++) {
        atomic_store(&joining, i);
        JOIN(short_tasks[i], 0);
    }
    return unused;
}

/* Stopping waits for a thread that has not left its join, and hears when it does. */
TEST(the_runtime_stops_while_a_thread_joins_the_last_task)
{
    for (uint64_t i = test_work(100); i > 0; i--) {
        pthread_t thread;
        atomic_store(&joining, -1);
        start();
        for (int k = 0; k < SHORT_JOINS; k++)
            SPAWN(end_when_joined, &short_tasks[k], &short_tasks[k]);
        pthread_create(&thread, NULL, join_all, NULL);
        while (atomic_load(&joining) < SHORT_JOINS - 1)
            sched_yield();
        ck_assert_int_eq(weft_stop(), 0);
        pthread_join(thread, NULL);
    }
}

static long times_slept(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
}

static void expect_pauses(int pauses)
{
    long before = times_slept();
    weft__thread_pause();
    ck_assert_int_eq(times_slept() - before, pauses);
}

static void wait_shortly(int times)
{
    for (int i = 0; i < times; i++)
        weft__thread_waited(weft_now() + WEFT_S(1)); /* no time at all, however slow we are */
}

TEST(a_thread_pauses_after_short_waits_in_a_row)
{
    ck_assert_ptr_nonnull(weft__thread_waiter());
    wait_shortly(7);
    expect_pauses(0);
    wait_shortly(1);
    expect_pauses(1);
    expect_pauses(0);
    wait_shortly(7);
    weft__thread_waited(weft_now() - WEFT_MS(1));
    wait_shortly(7);
    expect_pauses(0);
    wait_shortly(1);
    weft__thread_spawned();
    expect_pauses(0);
}

static void *pass_checkpoint(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)weft_checkpoint();
}

static int first_checkpoint_of_a_thread(void)
{
    pthread_t thread;
    void *result;
    ck_assert_int_eq(pthread_create(&thread, NULL, pass_checkpoint, NULL), 0);
    pthread_join(thread, &result);
    return (int)(intptr_t)result;
}

static atomic_int strangers; /* values of keys that are not weft's */

static void count_stranger(void *value)
{
    strangers += value != NULL;
}

TEST(without_a_key_a_thread_cannot_wait_and_with_one_it_can)
{
    pthread_key_t others[32], key;
    for (int i = 0; i < 32; i++)
        ck_assert_int_eq(pthread_key_create(&others[i], count_stranger), 0);
    key = take_all_keys();
    ck_assert_int_eq(first_checkpoint_of_a_thread(), -ENOMEM);
    pthread_key_delete(key);
    ck_assert_int_eq(first_checkpoint_of_a_thread(), 0);
    ck_assert_int_eq(first_checkpoint_of_a_thread(), 0);
    ck_assert_int_eq(strangers, 0); /* no value of ours was put into another's key */
}
