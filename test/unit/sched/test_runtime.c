#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tasks.h"

static int add_one(void *counter)
{
    atomic_fetch_add((atomic_int *)counter, 1);
    return 0;
}

TEST(the_runtime_can_be_started_again_and_again)
{
    int descriptors = 0, threads = 0;
    for (int round = 0; round < 50; round++) {
        atomic_int counter = 0;
        ck_assert_int_eq(weft_start(NULL), 0);
        ck_assert_uint_ge(weft_workers(), 1);
        for (int i = 0; i < 20; i++)
            SPAWN(add_one, &counter, NULL);
        ck_assert_int_eq(weft_stop(), 0);
        ck_assert_int_eq(atomic_load(&counter), 20);
        ck_assert_uint_eq(weft_workers(), 0);
        if (round == 1) {
            block_for(WEFT_MS(20));
            descriptors = entries_of("/proc/self/fd");
            threads = entries_of("/proc/self/task");
        }
    }
    ck_assert_int_eq(entries_of("/proc/self/fd"), descriptors);
    expect_threads(threads);
}

static int return_seven(void *unused)
{
    (void)unused;
    return 7;
}

TEST(running_returns_what_the_first_task_returned)
{
    ck_assert_int_eq(weft_run(NULL, return_seven, NULL), 7);
    weft_config config = { .workers = 3 };
    ck_assert_int_eq(weft_run(&config, return_seven, NULL), 7);
}

static int sleep_and_add(void *counter)
{
    weft_sleep(WEFT_MS(20));
    return add_one(counter);
}

static int leave_others_behind(void *counter)
{
    for (int i = 0; i < 10; i++)
        SPAWN(sleep_and_add, counter, NULL);
    return 3;
}

TEST(running_waits_for_all_tasks)
{
    atomic_int counter = 0;
    ck_assert_int_eq(weft_run(NULL, leave_others_behind, &counter), 3);
    ck_assert_int_eq(atomic_load(&counter), 10);
}

TEST(there_is_one_runtime_at_a_time)
{
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_int_eq(weft_start(NULL), -EBUSY);
    ck_assert_int_eq(weft_run(NULL, return_seven, NULL), -EBUSY);
    ck_assert_int_eq(weft_stop(), 0);
    ck_assert_int_eq(weft_stop(), -EINVAL);
    ck_assert_int_eq(weft_run(NULL, return_seven, NULL), 7);
}

/* The caller's scope. What ends it comes when those it is to end have begun. */

static weft_scope around;
static atomic_int begun, ended;

static int sleep_long(void *unused)
{
    (void)unused;
    atomic_fetch_add(&begun, 1);
    int rc = weft_sleep(WEFT_S(600));
    atomic_fetch_add(&ended, rc == -ECANCELED);
    return rc == -ECANCELED ? 42 : 0;
}

static void start_sleeper(void)
{
    int before = atomic_load(&begun);
    SPAWN(sleep_long, NULL, NULL);
    while (atomic_load(&begun) == before)
        weft_sleep(WEFT_MS(1));
}

static int sleep_beside_another(void *unused)
{
    start_sleeper();
    weft_scope_set_deadline(&around, weft_after(WEFT_MS(1)));
    return sleep_long(unused);
}

TEST(a_deadline_cancels_what_runs_in_it)
{
    int rc = 0;
    WEFT_WITH_SCOPE (&around)
        rc = weft_run(NULL, sleep_beside_another, NULL);
    ck_assert_int_eq(rc, 42);
    ck_assert_int_eq(atomic_load(&ended), 2);
    ck_assert(weft_scope_timed_out(&around));
}

static int cancel_scope_around(void *unused)
{
    weft_scope_cancel(&around);
    return sleep_long(unused);
}

TEST(a_scope_cancels_what_runs_in_it)
{
    int rc = 0;
    WEFT_WITH_SCOPE (&around)
        rc = weft_run(NULL, cancel_scope_around, NULL);
    ck_assert_int_eq(rc, 42);
}

static int leave_a_sleeper_behind(void *unused)
{
    (void)unused;
    start_sleeper();
    return 3;
}

static int leave_one_behind_for_a_moment(void *unused)
{
    start_sleeper();
    weft_scope_set_deadline(&around, weft_after(WEFT_MS(20)));
    (void)unused;
    return 3;
}

static void *cancel_around(void *unused)
{
    while (atomic_load(&begun) < 2)
        block_for(WEFT_MS(1));
    block_for(WEFT_MS(20));
    weft_scope_cancel(&around);
    return unused;
}

TEST(a_scope_ends_those_that_the_first_task_leaves_behind)
{
    pthread_t thread;
    int rc = 0;
    WEFT_WITH_SCOPE (&around)
        rc = weft_run(NULL, leave_one_behind_for_a_moment, NULL);
    ck_assert_int_eq(rc, 3);
    ck_assert_int_eq(atomic_load(&ended), 1);
    ck_assert(weft_scope_timed_out(&around));

    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_around, NULL), 0);
    WEFT_WITH_SCOPE (&around) {
        rc = weft_run(NULL, leave_a_sleeper_behind, NULL);
        pthread_join(thread, NULL);
    }
    ck_assert_int_eq(rc, 3);
    ck_assert_int_eq(atomic_load(&ended), 2);
}

static int fail_beside_another(void *unused)
{
    return leave_a_sleeper_behind(unused) - 8;
}

TEST(a_first_task_that_fails_in_a_scope_cancels_the_others)
{
    int rc = 0;
    WEFT_WITH_DEADLINE (&around, weft_after(WEFT_S(60)))
        rc = weft_run(NULL, fail_beside_another, NULL);
    ck_assert_int_eq(rc, -5);
    ck_assert_int_eq(atomic_load(&ended), 1);
}

TEST(in_a_scope_that_is_over_nothing_runs)
{
    atomic_int counter = 0;
    int rc = 0;
    WEFT_WITH_SCOPE (&around) {
        weft_scope_cancel(&around);
        rc = weft_run(NULL, add_one, &counter);
    }
    ck_assert_int_eq(rc, -ECANCELED);
    WEFT_WITH_DEADLINE (&around, weft_now())
        rc = weft_run(NULL, add_one, &counter);
    ck_assert_int_eq(rc, -ETIMEDOUT);
    ck_assert_int_eq(atomic_load(&counter), 0);
    ck_assert_uint_eq(weft_workers(), 0);
}

/* Others that stop it. */

static atomic_bool enough;

static void *stop_again_and_again(void *unused)
{
    while (!atomic_load(&enough))
        weft_stop();
    return unused;
}

TEST(somebody_else_may_stop_what_runs)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, stop_again_and_again, NULL), 0);
    for (uint64_t n = test_work(300); n > 0; n--)
        ck_assert_int_eq(weft_run(NULL, return_seven, NULL), 7);
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
}

/* It ends what it has started, and not what somebody else has since. */

static atomic_bool is_run, going_on;

static int begin_and_nap(void *unused)
{
    (void)unused;
    atomic_store(&is_run, true);
    return weft_sleep(WEFT_MS(2));
}

static void *start_anew(void *unused)
{
    while (!atomic_load(&is_run))
        block_for(WEFT_US(100));
    weft_stop();
    if (weft_start(NULL) == 0) {
        block_for(WEFT_MS(10));
        atomic_store(&going_on, weft_workers() > 0);
        weft_stop();
    }
    return unused;
}

TEST(what_somebody_else_starts_goes_on)
{
    for (int i = 0; i < 10; i++) {
        pthread_t thread;
        atomic_store(&is_run, false);
        atomic_store(&going_on, false);
        ck_assert_int_eq(pthread_create(&thread, NULL, start_anew, NULL), 0);
        ck_assert_int_eq(weft_run(NULL, begin_and_nap, NULL), 0);
        pthread_join(thread, NULL);
        ck_assert(atomic_load(&going_on));
    }
}

static int start_and_stop(void *unused)
{
    (void)unused;
    ck_assert_int_eq(weft_start(NULL), -EPERM);
    ck_assert_int_eq(weft_run(NULL, return_seven, NULL), -EPERM);
    ck_assert_int_eq(weft_stop(), -EPERM);
    return 0;
}

TEST(a_task_can_neither_start_nor_stop)
{
    ck_assert_int_eq(weft_run(NULL, start_and_stop, NULL), 0);
}

TEST(without_a_runtime_nothing_can_be_spawned)
{
    atomic_int counter = 0;
    weft_task *task;
    ck_assert_uint_eq(weft_workers(), 0);
    ck_assert_int_eq(weft_spawn(add_one, &counter, &task), -EPERM);
    ck_assert_int_eq(weft_run(NULL, return_seven, NULL), 7);
    ck_assert_int_eq(weft_spawn(add_one, &counter, NULL), -EPERM);
    ck_assert_int_eq(atomic_load(&counter), 0);
}

static int count_workers(void *unused)
{
    (void)unused;
    return (int)weft_workers();
}

TEST(as_many_workers_run_as_were_asked_for)
{
    ck_assert_int_eq(run_tasks(1, count_workers, NULL), 1);
    ck_assert_int_eq(run_tasks(2, count_workers, NULL), 2);
    ck_assert_int_eq(run_tasks(8, count_workers, NULL), 8);
}

TEST(the_version_is_that_of_the_headers)
{
    ck_assert_str_eq(weft_version(), WEFT_VERSION);
}

/* Carriers */

#define CARRIERS 3

struct carrier {
    atomic_int starts, stops, parks, unparks, wrong;
    pthread_t thread;
    bool parked;
};

static struct carrier carriers[CARRIERS];

static void on_carrier(enum weft_carrier_event event, unsigned index, void *arg)
{
    ck_assert_ptr_eq(arg, carriers);
    ck_assert_uint_lt(index, CARRIERS);
    struct carrier *carrier = &carriers[index];
    if (event == WEFT_CARRIER_START) {
        carrier->thread = pthread_self();
        atomic_fetch_add(&carrier->starts, 1);
    }
    if (!pthread_equal(pthread_self(), carrier->thread) || atomic_load(&carrier->stops) ||
        !atomic_load(&carrier->starts))
        atomic_fetch_add(&carrier->wrong, 1);
    if (event == WEFT_CARRIER_STOP)
        atomic_fetch_add(&carrier->stops, 1);
    if (event == WEFT_CARRIER_PARK || event == WEFT_CARRIER_UNPARK) {
        bool park = event == WEFT_CARRIER_PARK;
        if (carrier->parked == park)
            atomic_fetch_add(&carrier->wrong, 1);
        carrier->parked = park;
        atomic_fetch_add(park ? &carrier->parks : &carrier->unparks, 1);
    }
}

static int sleep_often(void *unused)
{
    for (int i = 0; i < 10; i++)
        weft_sleep(WEFT_MS(1));
    (void)unused;
    return 0;
}

TEST(the_host_is_told_what_carriers_do)
{
    weft_config config = { .workers = CARRIERS,
                           .on_carrier = on_carrier,
                           .on_carrier_arg = carriers };
    ck_assert_int_eq(weft_run(&config, sleep_often, NULL), 0);
    int parks = 0;
    for (int i = 0; i < CARRIERS; i++) {
        struct carrier *carrier = &carriers[i];
        ck_assert_int_eq(atomic_load(&carrier->starts), 1);
        ck_assert_int_eq(atomic_load(&carrier->stops), 1);
        ck_assert_int_eq(atomic_load(&carrier->parks), atomic_load(&carrier->unparks));
        ck_assert_int_eq(atomic_load(&carrier->wrong), 0);
        parks += atomic_load(&carrier->parks);
    }
    ck_assert_int_ge(parks, 10);
}

/* An idle runtime */

static double cpu_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

TEST(an_idle_runtime_uses_no_cpu)
{
    ck_assert_int_eq(weft_start(NULL), 0);
    weft_sleep(WEFT_MS(20));
    double before = cpu_seconds();
    weft_sleep(WEFT_MS(300));
    if (!test_is_slowed())
        ck_assert(cpu_seconds() - before < 0.01);
    ck_assert_int_eq(weft_stop(), 0);
}
