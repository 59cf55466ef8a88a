/* process_pool.h - jobs for pools of processes, and a pool for a test. */
#ifndef WEFT_TEST_PROCESS_POOL_H
#define WEFT_TEST_PROCESS_POOL_H

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"
#include "tasks.h"

#include "processes.h"

/* What jobs and tests tell each other, in shared memory. */
struct board {
    atomic_int begun, go, ended;
    atomic_int pid;
};

static weft_process_pool *pool;
static weft_shared *board_memory;
static struct board *board;
static int fds_before;

static inline void open_pool_with(const weft_process_pool_attr *attr)
{
    fds_before = entries_of("/proc/self/fd");
    ck_assert_int_eq(weft_process_pool_create(attr, &pool), 0);
    ck_assert_int_eq(weft_shared_create(sizeof *board, &board_memory), 0);
    board = weft_shared_data(board_memory);
}

static inline void open_pool(unsigned max)
{
    open_pool_with(&(weft_process_pool_attr){ .max = max });
}

/* No process and no descriptor is left. */
static inline void close_pool(void)
{
    weft_process_pool_destroy(pool);
    weft_shared_destroy(board_memory);
    ck_assert(!has_children());
    ck_assert_int_eq(entries_of("/proc/self/fd"), fds_before);
}

static inline weft_process_pool_info look(void)
{
    weft_process_pool_info info;
    weft_process_pool_look(pool, &info);
    return info;
}

/* Calls fn with the board; *outcome may be NULL. */
static inline int call_job(int (*fn)(weft_process_job *job), weft_process_outcome *outcome)
{
    weft_process_call call = { .fn = fn, .shared = &board_memory, .shared_count = 1 };
    return weft_process_pool_call(pool, &call, outcome);
}

static inline void await_count(atomic_int *count, int wanted)
{
    while (atomic_load(count) < wanted)
        weft_sleep(WEFT_US(200));
}

/* Jobs. */

static inline int say_hello(weft_process_job *job)
{
    (void)job;
    return 42;
}

static inline int wait_for_ever(weft_process_job *job)
{
    struct board *mine = job->shared[0];
    atomic_store(&mine->pid, getpid());
    atomic_fetch_add(&mine->begun, 1);
    while (job->shared_count)
        pause();
    return 0;
}

static inline int wait_for_go(weft_process_job *job)
{
    struct board *mine = job->shared[0];
    atomic_fetch_add(&mine->begun, 1);
    while (!atomic_load(&mine->go))
        block_for(WEFT_US(200));
    atomic_fetch_add(&mine->ended, 1);
    return 7;
}

#endif
