/* The guarantee: with tasks that give way, everything that is runnable runs
 * within a bounded number of picks.
 *
 *     ready  twice the ready tasks before it, times 33 when the front slot is
 *            always full
 *     fresh  one of the oldest 32 is taken every 64 picks, so 64 times the fresh
 *            tasks that are older, rounded up to 32, plus what is ready */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tasks.h"

#define LIMIT 100000 /* picks after which a test gives up */
#define OLDEST_WAITS (33 * 64)

static atomic_bool reached, stop;
static atomic_int picks; /* a worker that is handed over leaves two tasks running */
static int picks_before;

static int reach(void *unused)
{
    (void)unused;
    atomic_store(&reached, true);
    picks_before = picks;
    return 0;
}

static int count_pick(void *unused)
{
    (void)unused;
    picks++;
    return 0;
}

/* New work, always newer than what waits. */
static void spawn_until_reached(void)
{
    while (!atomic_load(&reached) && picks < LIMIT) {
        SPAWN(count_pick, NULL, NULL);
        SPAWN(count_pick, NULL, NULL);
        picks++;
        weft_yield();
    }
    atomic_store(&stop, true);
}

static int old_fresh_task(void *unused)
{
    (void)unused;
    SPAWN(reach, NULL, NULL);
    spawn_until_reached();
    ck_assert_int_le(picks_before, OLDEST_WAITS);
    return 0;
}

TEST(an_old_fresh_task_runs_although_newer_ones_keep_coming)
{
    ck_assert_int_eq(run_in_turn(old_fresh_task, NULL), 0);
}

static int hundred_old_fresh_tasks(void *unused)
{
    (void)unused;
    SPAWN(reach, NULL, NULL);
    for (int i = 0; i < 100; i++)
        SPAWN(count_pick, NULL, NULL);
    spawn_until_reached();
    ck_assert_int_le(picks_before, OLDEST_WAITS);
    return 0;
}

TEST(a_fresh_task_on_the_shelf_runs_although_newer_ones_keep_coming)
{
    ck_assert_int_eq(run_in_turn(hundred_old_fresh_tasks, NULL), 0);
}

static atomic_int injected;

static int leave(void *unused)
{
    (void)unused;
    atomic_fetch_add(&injected, -1);
    return 0;
}

static void *inject(void *unused)
{
    while (!atomic_load(&stop)) {
        if (atomic_fetch_add(&injected, 1) < 1000)
            SPAWN(leave, NULL, NULL);
        else
            leave(NULL);
        for (volatile int i = 0; i < 1000; i = i + 1)
            ;
    }
    return unused;
}

static int old_fresh_task_among_injected(void *unused)
{
    pthread_t thread;
    SPAWN(reach, NULL, NULL);
    pthread_create(&thread, NULL, inject, NULL);
    spawn_until_reached();
    pthread_join(thread, NULL);
    ck_assert_int_le(picks_before, OLDEST_WAITS);
    (void)unused;
    return 0;
}

TEST(an_old_fresh_task_runs_although_plain_threads_keep_spawning)
{
    ck_assert_int_eq(run_in_turn(old_fresh_task_among_injected, NULL), 0);
}

static atomic_bool yields;

static int yield_once(void *unused)
{
    atomic_store(&yields, true);
    weft_yield();
    return reach(unused);
}

static int old_ready_task(void *unused)
{
    (void)unused;
    SPAWN(yield_once, NULL, NULL);
    while (!atomic_load(&yields))
        weft_yield();
    spawn_until_reached();
    ck_assert_int_le(picks_before, 10);
    return 0;
}

TEST(a_ready_task_runs_although_fresh_ones_keep_coming)
{
    ck_assert_int_eq(run_in_turn(old_ready_task, NULL), 0);
}

/* Two tasks that wake each other through the front slot, by ending. */
static int chain_of_joins(void *unused)
{
    (void)unused;
    while (!atomic_load(&reached) && picks < LIMIT) {
        weft_task *task;
        SPAWN(count_pick, NULL, &task);
        JOIN(task, 0);
    }
    return 0;
}

static int ready_beside_joins(void *unused)
{
    weft_task *joins;
    (void)unused;
    SPAWN(chain_of_joins, NULL, &joins);
    for (int i = 0; i < 3; i++)
        weft_yield();
    reach(NULL);
    JOIN(joins, 0);
    ck_assert_int_le(picks_before, 300);
    return 0;
}

TEST(a_ready_task_runs_although_others_wake_each_other)
{
    ck_assert_int_eq(run_in_turn(ready_beside_joins, NULL), 0);
}

/* Each task wakes the next, which is to run at once. */

#define CHAIN 300

static int chain[CHAIN + 1];

static int await_then_close(void *fd)
{
    uint64_t value;
    ck_assert_int_eq(weft_read(((int *)fd)[0], &value, sizeof value), -EBADF);
    picks++;
    return weft_close(((int *)fd)[1]);
}

static int ready_beside_chain(void *unused)
{
    for (int i = 0; i <= CHAIN; i++)
        chain[i] = eventfd(0, 0);
    for (int i = 0; i < CHAIN; i++)
        SPAWN(await_then_close, &chain[i], NULL);
    weft_sleep(WEFT_MS(20));
    SPAWN(yield_once, NULL, NULL);
    weft_yield(); /* it is ready, and so are we: behind it */
    weft_close(chain[0]);
    weft_yield();
    (void)unused;
    return 0;
}

TEST(a_ready_task_runs_although_each_task_wakes_the_next)
{
    ck_assert_int_eq(run_in_turn(ready_beside_chain, NULL), 0);
    ck_assert_int_eq(picks, CHAIN);
    ck_assert_int_le(picks_before, 100);
}

#define YIELDING 50

static int turns[YIELDING], begun;

static int take_turns(void *arg)
{
    int *own = arg;
    begun++;
    while (begun < YIELDING)
        weft_yield();
    for (int i = 0; i < 1000; i++) {
        for (int k = 0; k < YIELDING; k++) {
            if (*own > turns[k] + 1)
                ck_abort_msg("%d turns against %d", *own, turns[k]);
        }
        ++*own;
        weft_yield();
    }
    *own = 1 << 30;
    return 0;
}

static int spawn_yielding(void *unused)
{
    (void)unused;
    for (int i = 0; i < YIELDING; i++) {
        turns[i] = 0;
        SPAWN(take_turns, &turns[i], NULL);
    }
    return 0;
}

TEST(tasks_that_yield_take_turns)
{
    ck_assert_int_eq(run_in_turn(spawn_yielding, NULL), 0);
}

static int pinned_yields(void *count)
{
    while (!atomic_load(&stop)) {
        ++*(int *)count;
        weft_yield();
    }
    return 0;
}

static int pinned_beside_others(void *unused)
{
    static int pinned_turns, other_turns;
    weft_attr pinned = { .flags = WEFT_PINNED };
    ck_assert_int_eq(weft_spawn_with(&pinned, pinned_yields, &pinned_turns, NULL), 0);
    SPAWN(pinned_yields, &other_turns, NULL);
    for (int i = 0; i < 5000; i++)
        weft_yield();
    atomic_store(&stop, true);
    ck_assert_int_gt(pinned_turns, 1000);
    ck_assert_int_gt(other_turns, 1000);
    (void)unused;
    return 0;
}

TEST(pinned_tasks_and_others_share_the_worker)
{
    ck_assert_int_eq(run_in_turn(pinned_beside_others, NULL), 0);
}

/* Work that never waits gives way all the same. */

static int descriptors[2];

static int write_and_read(void *unused)
{
    char byte = 'x';
    (void)unused;
    for (int i = 0; i < 100000 && !atomic_load(&reached); i++) {
        ck_assert(weft_write(descriptors[1], &byte, 1) == 1);
        ck_assert(weft_read(descriptors[0], &byte, 1) == 1);
        picks++;
    }
    return 0;
}

static int reach_beside_io(void *unused)
{
    weft_task *io;
    SPAWN(write_and_read, NULL, &io);
    weft_yield();
    reach(unused);
    JOIN(io, 0);
    ck_assert_int_le(picks_before, 200);
    return 0;
}

TEST(operations_that_never_wait_give_way)
{
    ck_assert_int_eq(pipe(descriptors), 0);
    ck_assert_int_eq(run_in_turn(reach_beside_io, NULL), 0);
}
