/* A task that does not come back keeps nothing waiting but itself: on two
 * workers, whatever waits behind it runs on the other one. */
#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "tasks.h"

#define SOME 10

static atomic_int done, settled;
static atomic_bool hogging;

/* Computes until `count` others have got through; fails when they do not, or
 * when it takes long. */
static void hog_until_done(int count)
{
    int64_t start = weft_now(), limit = (int64_t)(test_seconds(2) * 1e9);
    atomic_store(&hogging, true);
    while (atomic_load(&done) < count && weft_now() - start < limit)
        ;
    ck_assert_int_eq(atomic_load(&done), count);
    if (!test_is_slowed())
        ck_assert_int_lt(weft_now() - start, WEFT_MS(500)); /* on busy machines, too */
}

static void yield_until_settled(int count)
{
    while (atomic_load(&settled) < count)
        weft_yield();
    for (int i = 0; i < 10; i++)
        weft_yield();
}

static int finish(void *unused)
{
    (void)unused;
    atomic_fetch_add(&done, 1);
    return 0;
}

/* Fresh tasks */

static int hog_after_spawning(void *unused)
{
    (void)unused;
    for (int i = 0; i < SOME; i++)
        SPAWN(finish, NULL, NULL);
    hog_until_done(SOME);
    return 0;
}

TEST(spawned_tasks_do_not_wait_for_a_hog)
{
    ck_assert_int_eq(run_tasks(2, hog_after_spawning, NULL), 0);
}

static int hog_after_spawning_one(void *unused)
{
    (void)unused;
    SPAWN(finish, NULL, NULL);
    hog_until_done(1);
    return 0;
}

TEST(a_single_spawned_task_does_not_wait_for_a_hog)
{
    ck_assert_int_eq(run_tasks(2, hog_after_spawning_one, NULL), 0);
}

/* Ready tasks */

static int yield_until_hogged(void *unused)
{
    atomic_fetch_add(&settled, 1);
    while (!atomic_load(&hogging))
        weft_yield();
    return finish(unused);
}

static int hog_among_yielding(void *unused)
{
    (void)unused;
    for (int i = 0; i < SOME; i++)
        SPAWN(yield_until_hogged, NULL, NULL);
    yield_until_settled(SOME);
    hog_until_done(SOME);
    return 0;
}

TEST(runnable_tasks_do_not_wait_for_a_hog)
{
    ck_assert_int_eq(run_tasks(2, hog_among_yielding, NULL), 0);
}

/* The front slot */

static int pipes[SOME][2];

static int read_closed(void *arg)
{
    char byte;
    atomic_fetch_add(&settled, 1);
    ck_assert_int_lt(weft_read(((int *)arg)[0], &byte, 1), 0);
    return finish(NULL);
}

static int hog_after_waking(void *unused)
{
    (void)unused;
    SPAWN(read_closed, pipes[0], NULL);
    yield_until_settled(1);
    weft_sleep(WEFT_MS(5));
    weft_close(pipes[0][0]); /* wakes the reader, to run next */
    hog_until_done(1);
    return 0;
}

TEST(a_task_that_was_just_woken_does_not_wait_for_a_hog)
{
    ck_assert_int_eq(pipe(pipes[0]), 0);
    ck_assert_int_eq(run_tasks(2, hog_after_waking, NULL), 0);
}

/* Timers */

static int nap(void *unused)
{
    atomic_fetch_add(&settled, 1);
    weft_sleep(WEFT_MS(10));
    return finish(unused);
}

static int hog_among_sleeping(void *unused)
{
    (void)unused;
    for (int i = 0; i < SOME; i++)
        SPAWN(nap, NULL, NULL);
    yield_until_settled(SOME);
    hog_until_done(SOME);
    return 0;
}

TEST(timers_do_not_wait_for_a_hog)
{
    ck_assert_int_eq(run_tasks(2, hog_among_sleeping, NULL), 0);
}

/* Descriptors */

static int read_byte(void *arg)
{
    char byte;
    atomic_fetch_add(&settled, 1);
    ck_assert_int_eq(weft_read(((int *)arg)[0], &byte, 1), 1);
    return finish(NULL);
}

static void *write_when_hogged(void *count)
{
    while (!atomic_load(&hogging))
        block_for(WEFT_MS(1));
    block_for(WEFT_MS(5));
    for (int i = 0; i < *(int *)count; i++)
        ck_assert_int_eq(write(pipes[i][1], "x", 1), 1);
    return NULL;
}

static int hog_among_reading(void *unused)
{
    (void)unused;
    for (int i = 0; i < SOME; i++)
        SPAWN(read_byte, pipes[i], NULL);
    yield_until_settled(SOME);
    weft_sleep(WEFT_MS(5));
    hog_until_done(SOME);
    return 0;
}

TEST(descriptor_events_do_not_wait_for_a_hog)
{
    pthread_t thread;
    int count = SOME;
    for (int i = 0; i < SOME; i++)
        ck_assert_int_eq(pipe(pipes[i]), 0);
    pthread_create(&thread, NULL, write_when_hogged, &count);
    ck_assert_int_eq(run_tasks(2, hog_among_reading, NULL), 0);
    pthread_join(thread, NULL);
}

/* The descriptor was first awaited here, and is registered with this worker. */
static int read_then_hog(void *unused)
{
    char byte;
    (void)unused;
    ck_assert_int_eq(weft_read(pipes[0][0], &byte, 1), 1);
    hog_until_done(1);
    return 0;
}

static int read_when_hogged(void *unused)
{
    while (!atomic_load(&hogging))
        weft_sleep(WEFT_MS(1));
    (void)unused;
    return read_byte(pipes[0]);
}

static void start_pinned_pair(int (*hog)(void *), int (*other)(void *), weft_task *tasks[2])
{
    weft_config config = { .workers = 2 };
    weft_attr pinned = { .flags = WEFT_PINNED };
    ck_assert_int_eq(pipe(pipes[0]), 0);
    ck_assert_int_eq(weft_start(&config), 0);
    ck_assert_int_eq(weft_spawn_with(&pinned, hog, NULL, &tasks[0]), 0);
    if (other)
        ck_assert_int_eq(weft_spawn_with(&pinned, other, NULL, &tasks[1]), 0);
    block_for(WEFT_MS(10));
    ck_assert_int_eq(write(pipes[0][1], "x", 1), 1);
}

TEST(events_do_not_wait_for_a_hog_where_the_descriptor_was_first_used)
{
    weft_task *tasks[2];
    int count = 1;
    start_pinned_pair(read_then_hog, read_when_hogged, tasks);
    write_when_hogged(&count);
    JOIN(tasks[0], 0);
    JOIN(tasks[1], 0);
    ck_assert_int_eq(weft_stop(), 0);
}

static void *read_on_a_thread(void *unused)
{
    while (!atomic_load(&hogging))
        block_for(WEFT_MS(1));
    read_byte(pipes[0]);
    return unused;
}

TEST(a_plain_thread_that_reads_does_not_wait_for_a_hog)
{
    weft_task *tasks[2];
    pthread_t thread;
    int count = 1;
    start_pinned_pair(read_then_hog, NULL, tasks);
    pthread_create(&thread, NULL, read_on_a_thread, NULL);
    write_when_hogged(&count);
    pthread_join(thread, NULL);
    JOIN(tasks[0], 0);
    ck_assert_int_eq(weft_stop(), 0);
}

/* Several at once: while it has one task anywhere that waits for a descriptor, the monitor
 * finds reason to help each of them at each look. */

#define HOGS 2

static atomic_int hogs;

static int block_beside_others(void *unused)
{
    int64_t limit = weft_after((int64_t)(test_seconds(2) * 1e9));
    (void)unused;
    atomic_fetch_add(&hogs, 1);
    while (atomic_load(&hogs) < HOGS)
        block_for(WEFT_US(100));
    for (int i = 0; i < SOME; i++)
        SPAWN(finish, NULL, NULL);
    while (atomic_load(&done) < HOGS * SOME && weft_now() < limit)
        block_for(WEFT_US(500));
    ck_assert_int_eq(atomic_load(&done), HOGS * SOME);
    return 0;
}

/* Between two of its ticks the monitor looks several times. */
static int help_now_and_then(void *unused)
{
    weft_task *tasks[HOGS], *reader;
    (void)unused;
    SPAWN(read_closed, pipes[0], &reader);
    for (int i = 0; i < HOGS; i++)
        SPAWN(block_beside_others, NULL, &tasks[i]);
    while (atomic_load(&done) < HOGS * SOME) {
        block_for(WEFT_MS(1));
        weft_yield();
    }
    for (int i = 0; i < HOGS; i++)
        JOIN(tasks[i], 0);
    weft_close(pipes[0][0]);
    JOIN(reader, 0);
    return 0;
}

TEST(nobody_is_forgotten_when_several_workers_are_stuck)
{
    weft_config config = { .workers = HOGS + 1, .flags = WEFT_NO_HAND_OFF };
    ck_assert_int_eq(pipe(pipes[0]), 0);
    ck_assert_int_eq(weft_run(&config, help_now_and_then, NULL), 0);
}
