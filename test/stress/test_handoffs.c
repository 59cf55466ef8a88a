/* Tasks that block and compute without the runtime's knowledge, so that workers
 * go from carrier to carrier, among everything else that tasks do. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "sched/worker.h"
#include "tasks.h"

enum { TASKS = 40 };

static atomic_uint_least64_t children, ended;
static int pipes[TASKS][2];

static int child(void *unused)
{
    (void)unused;
    atomic_fetch_add(&ended, 1);
    return 7;
}

static void spawn_and_join(void)
{
    weft_task *task;
    weft_attr attr = { .flags = test_random() % 2 ? WEFT_PINNED : 0 };
    ck_assert_int_eq(weft_spawn_with(&attr, child, NULL, &task), 0);
    atomic_fetch_add(&children, 1);
    if (test_random() % 2)
        weft_yield();
    JOIN(task, 7);
}

static void stay_on_thread(void)
{
    weft_pin();
    pid_t tid = gettid();
    for (int i = 0; i < 3; i++) {
        if (test_random() % 2)
            block_for((int64_t)(test_random() % WEFT_MS(3)));
        else
            weft_sleep((int64_t)(test_random() % WEFT_MS(1)));
        weft_yield();
        ck_assert_int_eq(gettid(), tid);
    }
    weft_unpin();
}

static void send_to_self(int *fds)
{
    char byte = 'x';
    ck_assert_int_eq(weft_write(fds[1], &byte, 1), 1);
    if (test_random() % 2)
        block_for((int64_t)(test_random() % WEFT_MS(1)));
    ck_assert_int_eq(weft_read(fds[0], &byte, 1), 1);
}

static void time_out(int *fds)
{
    char byte;
    weft_scope scope;
    weft_scope_enter(&scope, weft_now() + (int64_t)(test_random() % WEFT_MS(1)));
    ck_assert_int_eq(weft_read(fds[0], &byte, 1), -ETIMEDOUT);
    ck_assert(weft_scope_leave(&scope));
}

/* What is in it takes no time, blocks, computes, wakes others or suspends. */
static void have_section(void)
{
    weft_blocking_begin();
    switch (test_random() % 6) {
    case 0:
        break;
    case 1:
        block_for((int64_t)(test_random() % WEFT_MS(1)));
        break;
    case 2:
        spin_for((int64_t)(test_random() % WEFT_US(400)));
        break;
    case 3:
        spawn_and_join();
        break;
    case 4:
        stay_on_thread();
        break;
    default:
        weft_blocking_begin();
        block_for((int64_t)(test_random() % WEFT_US(200)));
        weft_blocking_end();
    }
    *errno_here() = 77;
    weft_blocking_end();
    ck_assert_int_eq(*errno_here(), 77);
}

static int live(void *arg)
{
    int *fds = arg;
    for (uint64_t n = test_work(150); n > 0; n--) {
        switch (test_random() % 10) {
        case 0:
            block_for((int64_t)(test_random() % WEFT_MS(4)));
            break;
        case 1:
            if (test_random() % 8 == 0)
                spin_for((int64_t)(test_random() % WEFT_MS(12)));
            break;
        case 2:
            weft_sleep((int64_t)(test_random() % WEFT_MS(1)));
            break;
        case 3:
            stay_on_thread();
            break;
        case 4:
            send_to_self(fds);
            break;
        case 5:
            time_out(fds);
            break;
        case 6:
            weft_yield();
            break;
        case 7:
        case 8:
            have_section();
            break;
        default:
            spawn_and_join();
        }
    }
    return 0;
}

static int live_together(void *unused)
{
    weft_task *tasks[TASKS];
    (void)unused;
    for (int i = 0; i < TASKS; i++) {
        ck_assert_int_eq(pipe(pipes[i]), 0);
        SPAWN(live, pipes[i], &tasks[i]);
    }
    for (int i = 0; i < TASKS; i++)
        JOIN(tasks[i], 0);
    ck_assert_uint_eq(atomic_load(&children), atomic_load(&ended));
    ck_assert_uint_gt(atomic_load(&weft__rt.handoffs), 0);
    return 0;
}

TEST(everything_goes_on_while_workers_change_carriers_1)
{
    ck_assert_int_eq(run_tasks(1, live_together, NULL), 0);
}

TEST(everything_goes_on_while_workers_change_carriers_2)
{
    ck_assert_int_eq(run_tasks(2, live_together, NULL), 0);
}

TEST(everything_goes_on_while_workers_change_carriers_8)
{
    ck_assert_int_eq(run_tasks(8, live_together, NULL), 0);
}

/* Carriers end as soon as nobody wants them, and are made anew. */
static void live_on_short_threads(unsigned workers)
{
    weft_config config = { .workers = workers, .carrier_idle = WEFT_US(100) };
    ck_assert_int_eq(weft_run(&config, live_together, NULL), 0);
}

TEST(everything_goes_on_while_carriers_end_1)
{
    live_on_short_threads(1);
}

TEST(everything_goes_on_while_carriers_end_2)
{
    live_on_short_threads(2);
}

TEST(everything_goes_on_while_carriers_end_8)
{
    live_on_short_threads(8);
}

static atomic_bool lived, spawned_last;

/* Its tasks are pinned to carriers that are about to lose their workers, and may end. */
static void *spawn_pinned_from_outside(void *unused)
{
    weft_attr attr = { .flags = WEFT_PINNED };
    while (!atomic_load(&lived)) {
        weft_task *task;
        ck_assert_int_eq(weft_spawn_with(&attr, child, NULL, &task), 0);
        atomic_fetch_add(&children, 1);
        block_for((int64_t)(test_random() % WEFT_US(300)));
        JOIN(task, 7);
    }
    atomic_store(&spawned_last, true);
    return unused;
}

static int live_beside_a_thread(void *unused)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, spawn_pinned_from_outside, NULL), 0);
    weft_task *tasks[TASKS];
    for (int i = 0; i < TASKS; i++) {
        ck_assert_int_eq(pipe(pipes[i]), 0);
        SPAWN(live, pipes[i], &tasks[i]);
    }
    for (int i = 0; i < TASKS; i++)
        JOIN(tasks[i], 0);
    atomic_store(&lived, true);
    while (!atomic_load(&spawned_last)) /* its task may be pinned to our carrier */
        weft_sleep(WEFT_MS(1));
    pthread_join(thread, NULL);
    ck_assert_uint_eq(atomic_load(&children), atomic_load(&ended));
    return unused != NULL;
}

TEST(threads_pin_tasks_to_carriers_that_end)
{
    weft_config config = { .workers = 2, .carrier_idle = 1 };
    ck_assert_int_eq(weft_run(&config, live_beside_a_thread, NULL), 0);
}
