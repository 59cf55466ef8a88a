/* Events against deadlines: each wait ends once, for one reason, and what the
 * loser would have brought is not lost. */
#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "tasks.h"

#define PAIRS 8

static atomic_int rounds_left;
static atomic_uint_least64_t written, taken, expired;

struct pair {
    int fds[2];
    _Atomic(int64_t) strike; /* when the reader's deadline comes */
};

static struct pair pairs[PAIRS];

static int read_with_deadline(void *arg)
{
    struct pair *pair = arg;
    char byte;
    while (atomic_load(&rounds_left) > 0) {
        weft_scope scope;
        int64_t deadline = weft_now() + WEFT_US(70) + (int64_t)(test_random() % 100000);
        pair->strike = deadline;
        weft_scope_enter(&scope, deadline);
        ssize_t n = weft_read(pair->fds[0], &byte, 1);
        bool late = weft_scope_leave(&scope);
        if (n == 1) {
            if (late)
                ck_abort_msg("a byte was read and the scope says expired");
            atomic_fetch_add(&taken, 1);
        } else {
            if (n != -ETIMEDOUT || !late || weft_now() < deadline)
                ck_abort_msg("read: %zd", n);
            atomic_fetch_add(&expired, 1);
        }
    }
    return 0;
}

/* Aims at the reader's deadline. */
static int write_at_deadline(void *arg)
{
    struct pair *pair = arg;
    while (atomic_fetch_add(&rounds_left, -1) > 0) {
        int64_t strike = pair->strike, spread = (int64_t)(test_random() % 160000) - 40000;
        if (test_random() % 2)
            weft_sleep_until(strike + spread);
        else
            while (weft_now() < strike + spread)
                weft_yield();
        ck_assert(weft_write(pair->fds[1], "x", 1) == 1);
        atomic_fetch_add(&written, 1);
    }
    return 0;
}

static int race(void *unused)
{
    weft_task *tasks[PAIRS][2];
    char byte;
    (void)unused;
    atomic_store(&rounds_left, (int)test_work(4000));
    for (int i = 0; i < PAIRS; i++) {
        ck_assert_int_eq(pipe(pairs[i].fds), 0);
        SPAWN(read_with_deadline, &pairs[i], &tasks[i][0]);
        SPAWN(write_at_deadline, &pairs[i], &tasks[i][1]);
    }
    for (int i = 0; i < PAIRS; i++) {
        JOIN(tasks[i][0], 0);
        JOIN(tasks[i][1], 0);
        weft_close(pairs[i].fds[1]);
        while (weft_read(pairs[i].fds[0], &byte, 1) == 1)
            atomic_fetch_add(&taken, 1);
        weft_close(pairs[i].fds[0]);
    }
    ck_assert_uint_eq(atomic_load(&written), atomic_load(&taken));
    return 0;
}

static void run_race(unsigned workers)
{
    do /* on a busy machine the deadlines may all be hit for a while, or all be missed */
        ck_assert_int_eq(run_tasks(workers, race, NULL), 0);
    while (!test_is_slowed() && (atomic_load(&taken) == 0 || atomic_load(&expired) == 0));
}

TEST(reads_race_deadlines_on_one_worker)
{
    run_race(1);
}

TEST(reads_race_deadlines_on_two_workers)
{
    run_race(2);
}

TEST(reads_race_deadlines_on_eight_workers)
{
    run_race(8);
}

/* Joins whose deadline comes as the task ends. */

static int end_at(void *when)
{
    weft_sleep_until(*(int64_t *)when);
    return 3;
}

static int join_at_deadline(void *unused)
{
    (void)unused;
    for (uint64_t n = test_work(400); n > 0; n--) {
        weft_task *task;
        weft_scope scope;
        int result = 0;
        int64_t when = weft_now() + WEFT_US(100);
        SPAWN(end_at, &when, &task);
        weft_scope_enter(&scope, when + (int64_t)(test_random() % 100000) - 20000);
        int rc = weft_join(task, &result);
        bool late = weft_scope_leave(&scope);
        if (rc == -ETIMEDOUT && late) {
            atomic_fetch_add(&expired, 1);
            rc = weft_join(task, &result);
        }
        if (rc != 0 || result != 3)
            ck_abort_msg("join: %d, result %d", rc, result);
        atomic_fetch_add(&taken, 1);
    }
    return 0;
}

static int race_joins(void *unused)
{
    weft_task *tasks[10];
    (void)unused;
    for (int i = 0; i < 10; i++)
        SPAWN(join_at_deadline, NULL, &tasks[i]);
    for (int i = 0; i < 10; i++)
        JOIN(tasks[i], 0);
    return 0;
}

TEST(joins_race_deadlines)
{
    for (unsigned workers = 1; workers <= 8; workers *= 2) {
        ck_assert_int_eq(run_tasks(workers, race_joins, NULL), 0);
        if (!test_is_slowed())
            ck_assert_uint_gt(atomic_load(&expired), 0);
        ck_assert_uint_eq(atomic_exchange(&taken, 0), 10 * test_work(400));
    }
}

/* Timers that are disarmed by another worker than armed them. */

static int arm_and_disarm(void *arg)
{
    struct pair *pair = arg;
    char byte;
    for (uint64_t n = test_work(1000); n > 0; n--) {
        weft_scope scope;
        weft_scope_enter(&scope, weft_now() + WEFT_MS(1) + (int64_t)(test_random() % WEFT_S(5)));
        ck_assert(weft_write(pair->fds[1], "x", 1) == 1);
        ssize_t got = weft_read(pair->fds[0], &byte, 1);
        weft_scope_leave(&scope);
        if (got != 1)
            ck_assert_int_eq(got, -ETIMEDOUT);
        else
            atomic_fetch_add(&taken, 1);
        if (n % 8 == 0)
            spin_for(WEFT_US(20));
    }
    return 0;
}

static int ring(void *unused)
{
    /* Each reads what the one before it wrote. */
    enum { RING = 100 };
    static struct pair ring_pairs[RING];
    weft_task *tasks[RING];
    int ends[RING][2];
    (void)unused;
    for (int i = 0; i < RING; i++)
        ck_assert_int_eq(pipe(ends[i]), 0);
    for (int i = 0; i < RING; i++) {
        ring_pairs[i].fds[0] = ends[i][0];
        ring_pairs[i].fds[1] = ends[(i + 1) % RING][1];
        SPAWN(arm_and_disarm, &ring_pairs[i], &tasks[i]);
    }
    for (int i = 0; i < RING; i++)
        JOIN(tasks[i], 0);
    for (int i = 0; i < RING; i++) {
        weft_close(ends[i][0]);
        weft_close(ends[i][1]);
    }
    return 0;
}

TEST(a_hundred_thousand_timers_are_armed_and_disarmed)
{
    ck_assert_int_eq(run_tasks(4, ring, NULL), 0);
    ck_assert_uint_gt(atomic_load(&taken), 0);
}

static int sleep_randomly(void *unused)
{
    (void)unused;
    for (int i = 0; i < 20; i++) {
        int64_t duration = (int64_t)(test_random() % WEFT_MS(20)), start = weft_now();
        ck_assert(weft_sleep(duration) == 0);
        if (weft_now() - start < duration)
            ck_abort_msg("a sleep was too short");
        atomic_fetch_add(&taken, 1);
    }
    return 0;
}

static int sleep_in_crowds(void *unused)
{
    (void)unused;
    for (uint64_t n = test_work(3000); n > 0; n--)
        SPAWN(sleep_randomly, NULL, NULL);
    return 0;
}

TEST(crowds_of_sleepers_all_wake)
{
    for (unsigned workers = 1; workers <= 8; workers *= 2) {
        ck_assert_int_eq(run_tasks(workers, sleep_in_crowds, NULL), 0);
        ck_assert_uint_eq(atomic_exchange(&taken, 0), 20 * test_work(3000));
    }
}
