/* sync.h - a crowd of tasks and plain threads that all do the same. */
#ifndef WEFT_TEST_SYNC_H
#define WEFT_TEST_SYNC_H

#include <pthread.h>
#include <stdlib.h>

#include "suite.h"
#include "tasks.h"

#define CROWD_TASKS 5
#define CROWD_THREADS 3
#define CROWD (CROWD_TASKS + CROWD_THREADS)

struct crowd {
    int (*fn)(void *arg);
    void *arg;
    int task_count, thread_count;
    weft_task **tasks;
    pthread_t *threads;
};

static inline void *crowd_thread(void *arg)
{
    struct crowd *crowd = (struct crowd *)arg;
    ck_assert_int_eq(crowd->fn(crowd->arg), 0);
    return NULL;
}

/* The runtime runs. The functions return 0. */
static inline void crowd_start_of(struct crowd *crowd, int tasks, int threads, int (*fn)(void *arg),
                                  void *arg)
{
    *crowd = (struct crowd){ .fn = fn, .arg = arg, .task_count = tasks, .thread_count = threads };
    crowd->tasks = calloc((size_t)tasks, sizeof *crowd->tasks);
    crowd->threads = calloc((size_t)threads, sizeof *crowd->threads);
    for (int i = 0; i < tasks; i++)
        SPAWN(fn, arg, &crowd->tasks[i]);
    for (int i = 0; i < threads; i++)
        ck_assert_int_eq(pthread_create(&crowd->threads[i], NULL, crowd_thread, crowd), 0);
}

static inline void crowd_start(struct crowd *crowd, int (*fn)(void *arg), void *arg)
{
    crowd_start_of(crowd, CROWD_TASKS, CROWD_THREADS, fn, arg);
}

static inline void crowd_join(struct crowd *crowd)
{
    for (int i = 0; i < crowd->task_count; i++)
        JOIN(crowd->tasks[i], 0);
    for (int i = 0; i < crowd->thread_count; i++)
        pthread_join(crowd->threads[i], NULL);
    free(crowd->tasks);
    free(crowd->threads);
}

/* Somebody who waits in a shield; who cancels `around` wakes him for nothing. */
struct shielded {
    weft_scope around;
    int (*wait)(void);
};

static inline int wait_in_a_shield(void *arg)
{
    struct shielded *shielded = (struct shielded *)arg;
    weft_scope shield;
    weft_scope_enter(&shielded->around, WEFT_NEVER);
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    int rc = shielded->wait();
    weft_scope_leave(&shield);
    weft_scope_leave(&shielded->around);
    return rc;
}

static inline void run_crowd(int tasks, int threads, int (*fn)(void *arg), void *arg)
{
    struct crowd crowd;
    crowd_start_of(&crowd, tasks, threads, fn, arg);
    crowd_join(&crowd);
}

/* Takes the future. */
static inline void expect_result(weft_future *future, int rc, intptr_t value)
{
    intptr_t got = 0;
    ck_assert_int_eq(weft_future_wait(future, &got), rc);
    ck_assert_int_eq(got, value);
    weft_future_release(future);
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
