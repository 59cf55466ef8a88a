/* A task that holds its worker too long keeps its thread and loses its worker. */
#include "suite.h"

#include <stdatomic.h>
#include <unistd.h>

#include "sched/carrier.h"
#include "tasks.h"

#define SLEEPERS 10
#define BEATS 20

static atomic_int running, asleep, beats;
static atomic_bool stop;
static _Atomic(int64_t) longest;

/* Until all are in it at the same time. */
static int sleep_in_kernel(void *unused)
{
    int64_t end = weft_now() + (int64_t)(WEFT_S(1) * test_seconds(20));
    (void)unused;
    atomic_fetch_add(&asleep, 1);
    while (atomic_load(&asleep) < SLEEPERS && weft_now() < end)
        block_for(WEFT_MS(100));
    return atomic_load(&asleep);
}

static int many_sleep_in_kernel(void *unused)
{
    weft_task *tasks[SLEEPERS];
    (void)unused;
    atomic_store(&asleep, 0);
    for (int i = 0; i < SLEEPERS; i++)
        SPAWN(sleep_in_kernel, NULL, &tasks[i]);
    for (int i = 0; i < SLEEPERS; i++)
        JOIN(tasks[i], SLEEPERS);
    ck_assert_uint_gt(atomic_load(&weft__rt.handoffs), 0);
    return 0;
}

TEST(tasks_that_block_in_the_kernel_do_so_at_the_same_time)
{
    ck_assert_int_eq(run_tasks(1, many_sleep_in_kernel, NULL), 0);
}

TEST(so_they_do_on_two_workers)
{
    ck_assert_int_eq(run_tasks(2, many_sleep_in_kernel, NULL), 0);
}

static int beat(void *unused)
{
    (void)unused;
    for (int64_t last = weft_now(), now; !atomic_load(&stop); last = now) {
        weft_sleep(WEFT_MS(1));
        now = weft_now();
        if (now - last > atomic_load(&longest))
            atomic_store(&longest, now - last);
        atomic_fetch_add(&beats, 1);
    }
    return 0;
}

/* For as long as the others need to get somewhere, if they are not stopped. */
static int compute(void *unused)
{
    int64_t end = weft_now() + (int64_t)(WEFT_S(1) * test_seconds(20));
    (void)unused;
    while (atomic_load(&beats) < BEATS && weft_now() < end)
        spin_for(WEFT_MS(1));
    return 0;
}

static int compute_beside_beats(void *unused)
{
    weft_task *beating, *computing;
    (void)unused;
    SPAWN(beat, NULL, &beating);
    weft_sleep(WEFT_MS(5));
    SPAWN(compute, NULL, &computing);
    JOIN(computing, 0);
    atomic_store(&stop, true);
    JOIN(beating, 0);
    ck_assert_int_ge(atomic_load(&beats), BEATS);
    if (!test_is_slowed())
        ck_assert_int_lt(atomic_load(&longest), WEFT_MS(150));
    ck_assert_uint_gt(atomic_load(&weft__rt.handoffs), 0);
    return 0;
}

TEST(a_task_that_computes_does_not_stop_the_others)
{
    ck_assert_int_eq(run_tasks(1, compute_beside_beats, NULL), 0);
}

/* Blocks until the task's worker has been given away, which may be so already. */
static void lose_worker(void)
{
    struct weft__seat *seat = weft__self()->seat;
    for (int i = 0; i < 5000 && atomic_load(&seat->wanted) != WEFT__SEAT_GONE; i++)
        block_for(WEFT_MS(1));
    ck_assert_uint_eq(atomic_load(&seat->wanted), WEFT__SEAT_GONE);
}

static int yield_until_stopped(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop))
        weft_yield();
    return 0;
}

static int stay_pinned(void *unused)
{
    (void)unused;
    weft_pin();
    pid_t tid = gettid();
    for (int i = 0; i < 5; i++) {
        lose_worker();
        weft_yield();
        ck_assert_int_eq(gettid(), tid);
        weft_sleep(WEFT_MS(1));
        ck_assert_int_eq(gettid(), tid);
    }
    weft_unpin();
    return 0;
}

static int beside_a_busy_task(void *fn)
{
    weft_task *busy, *task;
    SPAWN(yield_until_stopped, NULL, &busy);
    SPAWN(*(int (**)(void *))fn, NULL, &task);
    JOIN(task, 0);
    atomic_store(&stop, true);
    JOIN(busy, 0);
    return 0;
}

TEST(a_pinned_task_comes_back_to_its_thread)
{
    int (*fn)(void *) = stay_pinned;
    ck_assert_int_eq(run_tasks(1, beside_a_busy_task, &fn), 0);
}

static int sleep_pinned(void *unused)
{
    (void)unused;
    weft_pin();
    pid_t tid = gettid();
    atomic_fetch_add(&running, 1);
    weft_sleep(WEFT_MS(20));
    ck_assert_int_eq(gettid(), tid);
    return 0;
}

static int lose_it_under_a_pinned_sleeper(void *unused)
{
    weft_task *sleeper;
    SPAWN(sleep_pinned, NULL, &sleeper);
    while (atomic_load(&running) == 0)
        weft_yield();
    lose_worker(); /* the thread that the sleeper is pinned to goes with us */
    block_for(WEFT_MS(40));
    weft_yield();
    JOIN(sleeper, 0);
    return unused != NULL;
}

TEST(pinned_tasks_get_a_worker_when_their_thread_has_lost_its_own)
{
    int (*fn)(void *) = lose_it_under_a_pinned_sleeper;
    ck_assert_int_eq(run_tasks(1, beside_a_busy_task, &fn), 0);
}

static int set_stop(void *unused)
{
    atomic_store(&stop, true);
    return unused != NULL;
}

enum { PINNED = 4 };

static int have_turns_pinned(void *turns)
{
    atomic_fetch_add(&running, 1);
    while (atomic_load(&running) < PINNED)
        block_for(WEFT_MS(1)); /* all at the same time, each on a thread of its own */
    weft_pin();
    while (!atomic_load(&stop)) {
        weft_yield();
        atomic_fetch_add((atomic_int *)turns, 1);
        spin_for(WEFT_US(100)); /* so that each pick is a tick */
    }
    weft_unpin();
    return 0;
}

static int have_turns(void *turns)
{
    while (!atomic_load(&stop)) {
        weft_yield();
        atomic_fetch_add((atomic_int *)turns, 1);
        spin_for(WEFT_US(100));
    }
    return 0;
}

static int turns_of_many_carriers(void *unused)
{
    weft_task *tasks[PINNED + 1];
    atomic_int turns[PINNED + 1] = { 0 };
    (void)unused;
    SPAWN(have_turns, &turns[PINNED], &tasks[PINNED]);
    for (int i = 0; i < PINNED; i++)
        SPAWN(have_turns_pinned, &turns[i], &tasks[i]);
    for (int i = 0; i <= PINNED; i++) {
        int before = atomic_load(&turns[i]);
        while (atomic_load(&turns[i]) < before + 20)
            weft_sleep(WEFT_MS(1));
    }
    atomic_store(&stop, true);
    for (int i = 0; i <= PINNED; i++)
        JOIN(tasks[i], 0);
    return 0;
}

TEST(CARRIER_4_a_claimed_worker_runs_tasks_before_it_is_claimed_again)
{
    ck_assert_int_eq(run_tasks(1, turns_of_many_carriers, NULL), 0);
}

static int nothing(void *unused)
{
    return unused != NULL;
}

static int call_what_never_suspends(void *unused)
{
    weft_task *task;
    for (int i = 0; i < 5; i++) {
        lose_worker();
        pid_t tid = gettid();
        SPAWN(nothing, NULL, &task);
        weft_set_name("away");
        ck_assert_uint_ne(weft_task_id(NULL), 0);
        ck_assert_int_eq(gettid(), tid);
        JOIN(task, 0);
        weft_yield(); /* it may have ended before: then that was no wait */
        lose_worker();
        tid = gettid();
        SPAWN(nothing, NULL, &task);
        weft_detach(task);
        ck_assert_int_eq(gettid(), tid);
        weft_yield();
    }
    return unused != NULL;
}

TEST(what_never_suspends_does_not_move_a_task_without_a_worker)
{
    int (*fn)(void *) = call_what_never_suspends;
    ck_assert_int_eq(run_tasks(1, beside_a_busy_task, &fn), 0);
}

static int spawn_pinned_without_a_worker(void *unused)
{
    weft_task *task;
    weft_attr attr = { .flags = WEFT_PINNED };
    lose_worker();
    ck_assert_int_eq(weft_spawn_with(&attr, set_stop, NULL, &task), 0);
    for (int i = 0; i < 5000 && !atomic_load(&stop); i++)
        block_for(WEFT_MS(1));
    ck_assert(atomic_load(&stop)); /* it did not have to wait for our thread */
    JOIN(task, 0);
    return unused != NULL;
}

TEST(a_pinned_task_is_not_spawned_on_a_thread_that_is_away)
{
    int (*fn)(void *) = spawn_pinned_without_a_worker;
    ck_assert_int_eq(run_tasks(1, beside_a_busy_task, &fn), 0);
}

static int end_without_a_worker(void *unused)
{
    lose_worker();
    return unused != NULL;
}

TEST(a_task_ends_without_a_worker)
{
    int (*fn)(void *) = end_without_a_worker;
    ck_assert_int_eq(run_tasks(1, beside_a_busy_task, &fn), 0);
}

/* Nobody waits for a thread that is away, or spare. */
TEST(carriers_end_with_the_runtime)
{
    ck_assert_int_eq(run_tasks(1, many_sleep_in_kernel, NULL), 0);
    int threads = entries_of("/proc/self/task"); /* TSan has some, from the first one on */
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(run_tasks(1, many_sleep_in_kernel, NULL), 0);
    expect_threads(threads);
}

/* One thread runs all, in an order that the seed decides. */
static int block_alone(void *unused)
{
    weft_task *other;
    SPAWN(nothing, NULL, &other);
    block_for(WEFT_MS(60));
    ck_assert_uint_eq(atomic_load(&weft__rt.handoffs), 0);
    JOIN(other, 0);
    return unused != NULL;
}

TEST(with_a_seed_a_worker_stays_with_its_carrier)
{
    weft_config config = { .seed = 7 };
    ck_assert_int_eq(weft_run(&config, block_alone, NULL), 0);
}

static atomic_int begun, over;

static void count_carriers(enum weft_carrier_event event, unsigned carrier, void *unused)
{
    (void)carrier, (void)unused;
    if (event == WEFT_CARRIER_START)
        atomic_fetch_add(&begun, 1);
    else if (event == WEFT_CARRIER_STOP)
        atomic_fetch_add(&over, 1);
}

static weft_config soon_over = { .workers = 1,
                                 .carrier_idle = WEFT_MS(1),
                                 .on_carrier = count_carriers };

/* More may come and go meanwhile, where the machine is slow. */
static void await_carriers(unsigned count)
{
    while (weft__carriers_alive() != count)
        weft_sleep(WEFT_MS(1));
}

static int block_twice(void *unused)
{
    many_sleep_in_kernel(NULL);
    await_carriers(1);
    int threads = entries_of("/proc/self/task"); /* with those that help the monitor */
    many_sleep_in_kernel(NULL);
    await_carriers(1);
    while (entries_of("/proc/self/task") > threads)
        weft_sleep(WEFT_MS(1));
    ck_assert_uint_le(weft__load(&weft__rt.carriers, relaxed), 2 * SLEEPERS); /* used again */
    return unused != NULL;
}

TEST(CARRIER_6_threads_that_nobody_needs_end_and_others_come)
{
    ck_assert_int_eq(weft_run(&soon_over, block_twice, NULL), 0);
    ck_assert_int_ge(atomic_load(&over), 2 * (SLEEPERS - 1));
    ck_assert_int_eq(atomic_load(&begun), atomic_load(&over));
}

static int stay_pinned_until_stopped(void *unused)
{
    (void)unused;
    weft_pin();
    pid_t tid = gettid();
    atomic_fetch_add(&running, 1);
    while (atomic_load(&running) < PINNED)
        block_for(WEFT_MS(1)); /* all at the same time, each on a thread of its own */
    while (!atomic_load(&stop)) {
        weft_sleep(WEFT_MS(1));
        ck_assert_int_eq(gettid(), tid);
    }
    weft_unpin();
    return 0;
}

static int pin_some_of_many(void *unused)
{
    weft_task *tasks[PINNED];
    for (int i = 0; i < PINNED; i++)
        SPAWN(stay_pinned_until_stopped, NULL, &tasks[i]);
    while (atomic_load(&running) < PINNED)
        weft_sleep(WEFT_MS(1));
    many_sleep_in_kernel(NULL);
    await_carriers(PINNED);
    for (int i = 0; i < 20; i++) {
        weft_sleep(WEFT_MS(1));
        ck_assert_uint_ge(weft__carriers_alive(), PINNED);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < PINNED; i++)
        JOIN(tasks[i], 0);
    await_carriers(1);
    return unused != NULL;
}

TEST(CARRIER_5_threads_that_tasks_are_pinned_to_stay)
{
    ck_assert_int_eq(weft_run(&soon_over, pin_some_of_many, NULL), 0);
    ck_assert_int_eq(atomic_load(&begun), atomic_load(&over));
}

static int block_at_the_limit(void *unused)
{
    weft_task *tasks[4];
    for (int i = 0; i < 4; i++)
        SPAWN(yield_until_stopped, NULL, &tasks[i]);
    for (int i = 0; i < 20; i++) {
        block_for(WEFT_MS(5));
        weft_yield();
        ck_assert_uint_le(weft__carriers_alive(), 3);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 4; i++)
        JOIN(tasks[i], 0);
    return unused != NULL;
}

TEST(no_more_carriers_are_made_than_the_program_allows)
{
    weft_config config = { .workers = 1, .carriers_more = 2 };
    ck_assert_int_eq(weft_run(&config, block_at_the_limit, NULL), 0);
}
