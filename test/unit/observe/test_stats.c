#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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
static atomic_ullong started;

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
    uint64_t count = 500 + 128 * weft_workers(); /* more than their own caches hold */
    for (uint64_t i = 0; i < count; i++)
        SPAWN(wait_for_release, NULL, NULL);
    while (atomic_load(&started) < count)
        weft_sleep(WEFT_MS(1));
    ck_assert_int_eq(weft_memory(&memory), 0);
    ck_assert_uint_eq(memory.tasks, count);
    ck_assert_uint_ge(memory.task_bytes, count * 256);
    ck_assert_uint_ge(memory.stacks, count);
    ck_assert_uint_lt(memory.stacks, count + 64 * (weft_workers() + 1)); /* made in advance */
    uint64_t stacks = memory.stacks;
    ck_assert_uint_ge(memory.stack_bytes, count * (256 << 10));
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

/* A thread looks while the runtime stops, into a pipe that is full: it finds what it looks at
 * until it has done. */

static int looked_at[2];

static int fill_the_pipe(void)
{
    int flags = fcntl(looked_at[1], F_GETFL), filled = 0;
    fcntl(looked_at[1], F_SETFL, flags | O_NONBLOCK);
    while (write(looked_at[1], "x", 1) == 1)
        filled++;
    fcntl(looked_at[1], F_SETFL, flags);
    return filled;
}

static void *dump_into_the_pipe(void *ret_count)
{
    weft_worker_stats stats;
    weft_memory_stats memory;
    *(int *)ret_count = weft_dump(looked_at[1]);
    int rc = weft_stats(0, &stats);
    ck_assert(rc == 0 || rc == -EINVAL);
    rc = weft_memory(&memory);
    ck_assert(rc == 0 || rc == -EPERM);
    close(looked_at[1]);
    return NULL;
}

static void *stop(void *unused)
{
    ck_assert_int_eq(weft_stop(), 0);
    return unused;
}

static int await_event(void *event)
{
    return weft_event_wait(event);
}

TEST(the_runtime_stays_until_nobody_looks_at_it)
{
    weft_event over = WEFT_EVENT_INIT;
    pthread_t dumper, stopper;
    char byte;
    int count = 0, taken = 0;
    ck_assert_int_eq(pipe(looked_at), 0);
    int filled = fill_the_pipe();
    ck_assert_int_eq(weft_start(NULL), 0);
    SPAWN(await_event, &over, NULL);
    pthread_create(&dumper, NULL, dump_into_the_pipe, &count);
    block_for(WEFT_MS(50)); /* it is in the middle by then, unless the machine is slow */
    weft_event_set(&over);
    pthread_create(&stopper, NULL, stop, NULL);
    block_for(WEFT_MS(50)); /* nothing waits for it but weft_stop() */
    while (read(looked_at[0], &byte, 1) == 1)
        taken++;
    pthread_join(dumper, NULL);
    pthread_join(stopper, NULL);
    ck_assert_int_ge(count, -EPERM);
    ck_assert_int_ge(taken, filled);
    close(looked_at[0]);
}
