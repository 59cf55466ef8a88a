#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "tasks.h"

static weft_worker_stats sum_of_all(void)
{
    weft_worker_stats sum = { 0 }, one;
    for (unsigned i = 0; i < weft_workers(); i++) {
        ck_assert_int_eq(weft_stats(i, &one), 0);
        sum.switches += one.switches;
        sum.spawned += one.spawned;
        sum.ended += one.ended;
        sum.stolen += one.stolen;
        sum.steals += one.steals;
        sum.parks += one.parks;
        sum.polls += one.polls;
        sum.events += one.events;
    }
    return sum;
}

static int child(void *fds)
{
    char byte;
    weft_yield();
    weft_sleep(WEFT_US(100));
    return fds ? (int)weft_read(((int *)fds)[0], &byte, 1) : 0;
}

static int spawn_children(void *fds)
{
    weft_task *tasks[100];
    for (int i = 0; i < 100; i++)
        SPAWN(child, i < 10 ? fds : NULL, &tasks[i]);
    weft_sleep(test_is_slowed() ? WEFT_MS(300) : WEFT_MS(5));
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(weft_write(((int *)fds)[1], "x", 1), 1);
    for (int i = 0; i < 100; i++)
        JOIN(tasks[i], i < 10);
    return 0;
}

static int bytes[2];

static int wait_for_a_byte(void *unused)
{
    char byte;
    (void)unused;
    return (int)weft_read(bytes[0], &byte, 1);
}

TEST(counters_add_up)
{
    int fds[2];
    weft_task *tasks[3];
    weft_worker_stats stats;
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(pipe(bytes), 0);
    ck_assert_int_eq(weft_stats(0, &stats), -EINVAL);
    /* Who has lost his worker spawns as a plain thread does. */
    weft_config config = { .flags = WEFT_NO_HAND_OFF };
    ck_assert_int_eq(weft_start(&config), 0);
    for (int i = 0; i < 3; i++) {
        SPAWN(spawn_children, fds, &tasks[i]);
        JOIN(tasks[i], 0);
    }
    SPAWN(wait_for_a_byte, NULL, &tasks[0]);
    while (sum_of_all().parks == 0 || sum_of_all().switches < 304 + 300)
        weft_sleep(WEFT_MS(1));
    weft_sleep(WEFT_MS(20)); /* it waits by now */
    ck_assert_int_eq(weft_write(bytes[1], "x", 1), 1);
    JOIN(tasks[0], 1);
    stats = sum_of_all();
    ck_assert_uint_eq(stats.spawned, 300);
    ck_assert_uint_eq(stats.ended, 304); /* and four by this thread */
    ck_assert_uint_ge(stats.switches, 303 + 300);
    ck_assert_uint_ge(stats.events, 1);
    ck_assert_uint_ge(stats.polls, 1);
    ck_assert_uint_ge(stats.parks, 1);
    ck_assert_uint_ge(stats.stolen, stats.steals);
    ck_assert_int_eq(weft_stats(weft_workers(), &stats), -EINVAL);
    ck_assert_int_eq(weft_stop(), 0);
}

static atomic_bool release;
static atomic_int started;

static int wait_for_release(void *unused)
{
    (void)unused;
    atomic_fetch_add(&started, 1);
    while (!atomic_load(&release))
        weft_sleep(WEFT_MS(1));
    return 0;
}

TEST(memory_is_accounted_for)
{
    weft_memory_stats memory;
    ck_assert_int_eq(weft_memory(&memory), -EPERM);
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_int_eq(weft_memory(&memory), 0);
    ck_assert_uint_eq(memory.tasks, 0);
    for (int i = 0; i < 500; i++)
        SPAWN(wait_for_release, NULL, NULL);
    while (atomic_load(&started) < 500)
        weft_sleep(WEFT_MS(1));
    ck_assert_int_eq(weft_memory(&memory), 0);
    ck_assert_uint_eq(memory.tasks, 500);
    ck_assert_uint_ge(memory.task_bytes, 500 * 256);
    ck_assert_uint_ge(memory.stacks, 500);
    ck_assert_uint_lt(memory.stacks, 500 + 64 * (weft_workers() + 1)); /* made in advance */
    uint64_t stacks = memory.stacks;
    ck_assert_uint_ge(memory.stack_bytes, 500 * (256 << 10));
    atomic_store(&release, true);
    while (memory.tasks > 0) {
        weft_sleep(WEFT_MS(1));
        ck_assert_int_eq(weft_memory(&memory), 0);
    }
    ck_assert_uint_eq(memory.stacks, stacks); /* kept for the next tasks */
    ck_assert_uint_ge(memory.stacks_cached, 1);
    ck_assert_uint_le(memory.stacks_cached, stacks);
    ck_assert_int_eq(weft_stop(), 0);
}
