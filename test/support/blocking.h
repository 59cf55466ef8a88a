/* blocking.h - calls that block until they are let go. */
#ifndef WEFT_TEST_BLOCKING_H
#define WEFT_TEST_BLOCKING_H

#include <stdatomic.h>

#include "suite.h"
#include "tasks.h"

struct gate {
    atomic_int begun, ended;
    atomic_bool open;
    atomic_int abandoned; /* times */
    atomic_int result;    /* that was abandoned */
};

#define GATE_RESULT 7

/* Blocks until the gate is open. */
static inline int pass_gate(void *arg)
{
    struct gate *gate = (struct gate *)arg;
    atomic_fetch_add(&gate->begun, 1);
    while (!atomic_load(&gate->open))
        block_for(WEFT_US(50));
    atomic_fetch_add(&gate->ended, 1);
    return GATE_RESULT;
}

static inline void note_abandoned(void *arg, int result)
{
    struct gate *gate = (struct gate *)arg;
    atomic_store(&gate->result, result);
    atomic_fetch_add(&gate->abandoned, 1);
}

/* Whoever calls waits until the count is `value`, whatever is in force. */
static inline void await_count(atomic_int *count, int value)
{
    weft_scope shield;
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    while (atomic_load(count) != value)
        weft_sleep(WEFT_US(50));
    weft_scope_leave(&shield);
}

/* The same for calls of a kind that wait. */
static inline void await_waiting_calls(weft_blocking_kind *kind, unsigned waiting)
{
    weft_blocking_info info;
    weft_scope shield;
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    for (weft_blocking_look(kind, &info); info.waiting != waiting; weft_blocking_look(kind, &info))
        weft_sleep(WEFT_US(50));
    weft_scope_leave(&shield);
}

/* The same for threads of the pool. */
static inline void await_pool(uint64_t threads, uint64_t idle)
{
    weft_blocking_stats stats;
    for (weft_blocking_counts(&stats); stats.threads != threads || stats.idle != idle;
         weft_blocking_counts(&stats))
        weft_sleep(WEFT_US(50));
}

/* How many threads there are when there is no runtime. TSan has some, from the first one on. */
static inline int threads_of_nobody(void)
{
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_int_eq(weft_stop(), 0);
    return entries_of("/proc/self/task");
}

#endif
