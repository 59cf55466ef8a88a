/* sync.h - a crowd of tasks and plain threads that all do the same. */
#ifndef WEFT_TEST_SYNC_H
#define WEFT_TEST_SYNC_H

#include <pthread.h>

#include "suite.h"
#include "tasks.h"

#define CROWD_TASKS 5
#define CROWD_THREADS 3
#define CROWD (CROWD_TASKS + CROWD_THREADS)

struct crowd {
    int (*fn)(void *arg);
    void *arg;
    weft_task *tasks[CROWD_TASKS];
    pthread_t threads[CROWD_THREADS];
};

static inline void *crowd_thread(void *arg)
{
    struct crowd *crowd = (struct crowd *)arg;
    ck_assert_int_eq(crowd->fn(crowd->arg), 0);
    return NULL;
}

/* The runtime runs. The functions return 0. */
static inline void crowd_start(struct crowd *crowd, int (*fn)(void *arg), void *arg)
{
    crowd->fn = fn;
    crowd->arg = arg;
    for (int i = 0; i < CROWD_TASKS; i++)
        SPAWN(fn, arg, &crowd->tasks[i]);
    for (int i = 0; i < CROWD_THREADS; i++)
        ck_assert_int_eq(pthread_create(&crowd->threads[i], NULL, crowd_thread, crowd), 0);
}

static inline void crowd_join(struct crowd *crowd)
{
    for (int i = 0; i < CROWD_TASKS; i++)
        JOIN(crowd->tasks[i], 0);
    for (int i = 0; i < CROWD_THREADS; i++)
        pthread_join(crowd->threads[i], NULL);
}

/* Runs fn() as a task, at one and at two workers, and on a plain thread. */
static inline void run_mixed(int (*fn)(void *unused))
{
    weft_config config = { .workers = 2 };
    for (unsigned workers = 1; workers <= 2; workers++)
        ck_assert_int_eq(run_tasks(workers, fn, NULL), 0);
    ck_assert_int_eq(weft_start(&config), 0);
    ck_assert_int_eq(fn(NULL), 0);
    ck_assert_int_eq(weft_stop(), 0);
}

#endif
