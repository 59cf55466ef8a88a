/* 10,000 tasks and 20 connections: each asks, again and again, until so many have been lent that
 * each has had its share several times over.
 *
 * On one worker, where a task that asks stands in line at once, it is exact: how many who asked
 * later got one before, and how often each got one. With several workers the figures are
 * printed, and nothing more is asked of them than that all ends: a thread that the machine does
 * not run for a while looks as if it were overtaken. */
#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "tasks.h"

#define CONNECTIONS 20
#define TASKS 10000
#define SHARE 3 /* so often, on average */

static weft_pool *pool;
static int tasks;
static atomic_int used, made, lent_total;
static int grants[TASKS];

/* On one worker: by the order of asking. */
static int asked, first_missing, most_overtaken;
static bool has_come[TASKS * (SHARE + 1)];
static int overtaken[TASKS * (SHARE + 1)];

static int make(void *unused, void **ret_resource)
{
    (void)unused;
    *ret_resource = (void *)(intptr_t)(atomic_fetch_add(&made, 1) + 1);
    return 0;
}

static void note_arrival(int number)
{
    has_come[number] = true;
    for (int i = first_missing; i < number; i++) {
        if (!has_come[i] && ++overtaken[i] > most_overtaken)
            most_overtaken = overtaken[i];
    }
    while (has_come[first_missing])
        first_missing++;
}

static int borrow(int self)
{
    void *connection;
    int rc = weft_pool_get(pool, &connection);
    if (rc)
        return rc;
    int in_use = atomic_fetch_add(&used, 1) + 1;
    if (in_use > CONNECTIONS)
        ck_abort_msg("%d are in use", in_use);
    grants[self]++;
    rc = weft_yield(); /* so it is used by several at a time */
    atomic_fetch_sub(&used, 1);
    weft_pool_put(pool, connection);
    return rc;
}

static bool goes_on(void)
{
    return atomic_fetch_add(&lent_total, 1) < tasks * SHARE;
}

static int ask_in_turn(void *self)
{
    while (goes_on()) {
        void *connection;
        int number = asked++; /* and nobody else runs before it stands in line */
        ck_assert_int_eq(weft_pool_get(pool, &connection), 0);
        note_arrival(number);
        grants[(intptr_t)self]++;
        ck_assert_int_eq(weft_yield(), 0);
        weft_pool_put(pool, connection);
    }
    return 0;
}

static int ask(void *self)
{
    while (goes_on())
        ck_assert_int_eq(borrow((int)(intptr_t)self), 0);
    return 0;
}

/* 1: each as often as all others; 1 / tasks: one gets all. */
static double jain(int *ret_least, int *ret_most)
{
    double sum = 0, squares = 0;
    *ret_least = *ret_most = grants[0];
    for (int i = 0; i < tasks; i++) {
        sum += grants[i];
        squares += (double)grants[i] * grants[i];
        *ret_least = grants[i] < *ret_least ? grants[i] : *ret_least;
        *ret_most = grants[i] > *ret_most ? grants[i] : *ret_most;
    }
    return sum * sum / (tasks * squares);
}

static void report(int *ret_least, int *ret_most)
{
    weft_pool_info info;
    double index = jain(ret_least, ret_most);
    weft_pool_look(pool, &info);
    double mean = (double)info.total_wait / (double)info.waits;
    printf("# %d tasks, %u connections, each lent %d to %d times, Jain's index %.4f\n", tasks,
           info.max, *ret_least, *ret_most, index);
    printf("# waits: %llu, the longest %.1f ms, %.1f times the mean\n",
           (unsigned long long)info.waits, (double)info.longest_wait / 1e6,
           (double)info.longest_wait / mean);
    ck_assert_int_le(atomic_load(&made), CONNECTIONS);
    ck_assert_uint_eq(info.in_use, 0);
}

/* All ask while all are lent. */
static int share(void *ask_of)
{
    weft_pool_attr attr = { .max = CONNECTIONS, .make = make };
    void *lent[CONNECTIONS];
    weft_group group;
    ck_assert_int_eq(weft_pool_create(&attr, &pool), 0);
    for (int i = 0; i < CONNECTIONS; i++)
        ck_assert_int_eq(weft_pool_get(pool, &lent[i]), 0);
    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < tasks; i++) {
        int rc = weft_group_spawn(&group, *(int (**)(void *))ask_of, (void *)(intptr_t)i);
        ck_assert_int_eq(rc, 0);
    }
    weft_pool_info info;
    for (weft_pool_look(pool, &info); info.waiters < (unsigned)tasks; weft_pool_look(pool, &info))
        weft_sleep(WEFT_US(100));
    for (int i = 0; i < CONNECTIONS; i++)
        weft_pool_put(pool, lent[i]);
    return weft_group_leave(&group);
}

static void set_up(void)
{
    tasks = test_is_slowed() ? TASKS / 20 : TASKS;
}

static int share_in_turn(void *unused)
{
    int (*fn)(void *) = ask_in_turn, least, most;
    (void)unused;
    ck_assert_int_eq(share(&fn), 0);
    report(&least, &most);
    printf("# nobody was overtaken by more than %d who asked later\n", most_overtaken);
    ck_assert_int_lt(most_overtaken, CONNECTIONS);
    ck_assert_int_ge(least, SHARE - 1);
    ck_assert_int_le(most, SHARE + 1);
    weft_pool_destroy(pool);
    return 0;
}

TEST(each_has_its_share_and_nobody_is_overtaken_by_many, .timeout = 300)
{
    set_up();
    ck_assert_int_eq(run_in_turn(share_in_turn, NULL), 0);
}

static int share_on_many(void *unused)
{
    int (*fn)(void *) = ask, least, most;
    (void)unused;
    ck_assert_int_eq(share(&fn), 0);
    report(&least, &most);
    ck_assert_int_ge(least, 1); /* who stood in line was served */
    weft_pool_destroy(pool);
    return 0;
}

TEST(all_are_served_on_several_workers, .timeout = 300)
{
    set_up();
    ck_assert_int_eq(run_tasks(0, share_on_many, NULL), 0);
}
