/* Runs with a seed: random, and the same each time. */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tasks.h"

#define TASKS 20
#define STEPS 5

static char trace[4096];

static int leave_marks(void *arg)
{
    char mark[16];
    for (int i = 0; i < STEPS; i++) {
        snprintf(mark, sizeof mark, "%d ", (int)(intptr_t)arg);
        strcat(trace, mark);
        if (i % 2)
            weft_sleep(WEFT_US(1));
        else
            weft_yield();
    }
    return 0;
}

static int spawn_all(void *unused)
{
    weft_task *tasks[TASKS];
    for (intptr_t i = 0; i < TASKS; i++)
        SPAWN(leave_marks, (void *)i, &tasks[i]);
    for (int i = 0; i < TASKS; i++)
        JOIN(tasks[i], 0);
    (void)unused;
    return 0;
}

/* The real clock: what takes how long decides nothing. */

static int64_t hold_for;
static weft_mutex mutex = WEFT_MUTEX_INIT;

static int lock_and_leave_marks(void *arg)
{
    char mark[16];
    for (int i = 0; i < STEPS; i++) {
        ck_assert_int_eq(weft_mutex_lock(&mutex), 0);
        snprintf(mark, sizeof mark, "%d ", (int)(intptr_t)arg);
        strcat(trace, mark);
        spin_for(hold_for);
        weft_yield();
        weft_mutex_unlock(&mutex);
        weft_yield();
    }
    return 0;
}

static int yield_alone_then_spawn(void *unused)
{
    weft_task *tasks[TASKS];
    (void)unused;
    for (int i = 0; i < 200; i++) {
        spin_for(hold_for / 4); /* a tick is due sooner, or later */
        weft_yield();
    }
    for (intptr_t i = 0; i < TASKS; i++)
        SPAWN(lock_and_leave_marks, (void *)i, &tasks[i]);
    for (int i = 0; i < TASKS; i++)
        JOIN(tasks[i], 0);
    return 0;
}

static char *trace_with_pauses(int64_t length)
{
    weft_config config = { .seed = 42 };
    hold_for = length;
    trace[0] = 0;
    ck_assert_int_eq(weft_run(&config, yield_alone_then_spawn, NULL), 0);
    return strdup(trace);
}

TEST(the_order_does_not_depend_on_how_long_things_take)
{
    char *fast = trace_with_pauses(0), *slow = trace_with_pauses(WEFT_US(400));
    ck_assert_str_eq(fast, slow);
    free(fast);
    free(slow);
}

static char *trace_with(uint64_t seed)
{
    weft_config config = { .seed = seed, .flags = WEFT_VIRTUAL_CLOCK };
    trace[0] = 0;
    ck_assert_int_eq(weft_run(&config, spawn_all, NULL), 0);
    return strdup(trace);
}

TEST(the_same_seed_gives_the_same_order)
{
    char *first = trace_with(42), *second = trace_with(42);
    ck_assert_str_eq(first, second);
    free(first);
    free(second);
}

TEST(another_seed_gives_another_order)
{
    char *first = trace_with(42), *second = trace_with(43);
    ck_assert_uint_eq(strlen(first), strlen(second)); /* the same work */
    ck_assert_str_ne(first, second);
    free(first);
    free(second);
}

TEST(the_environment_can_set_the_seed)
{
    char *asked = trace_with(42);
    setenv("WEFT_SEED", "42", 1);
    char *found = trace_with(0);
    ck_assert_str_eq(asked, found);
    free(asked);
    free(found);
}

static int ping(void *fds)
{
    char byte = 'x';
    ck_assert_int_eq(weft_write(((int *)fds)[1], &byte, 1), 1);
    return 0;
}

static int everything(void *fds)
{
    weft_task *task;
    weft_attr pinned = { .flags = WEFT_PINNED };
    char byte;
    ck_assert_int_eq(weft_spawn_with(&pinned, ping, fds, &task), 0);
    ck_assert_int_eq(weft_read(((int *)fds)[0], &byte, 1), 1);
    JOIN(task, 0);
    return 5;
}

TEST(with_a_seed_all_kinds_of_tasks_run)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    weft_config config = { .seed = 7 };
    ck_assert_int_eq(weft_run(&config, everything, fds), 5);

    /* Spawned by a plain thread, pinned and not. */
    weft_attr pinned = { .flags = WEFT_PINNED };
    weft_task *tasks[2];
    ck_assert_int_eq(weft_start(&config), 0);
    SPAWN(ping, fds, &tasks[0]);
    ck_assert_int_eq(weft_spawn_with(&pinned, ping, fds, &tasks[1]), 0);
    JOIN(tasks[0], 0);
    JOIN(tasks[1], 0);
    ck_assert_int_eq(weft_stop(), 0);
}
