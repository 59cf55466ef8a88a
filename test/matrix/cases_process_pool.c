/* Pools of processes, where the event is that a job may end. */
#include "matrix.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <weft.h>

#define RESULT 77

/* Made before there is any thread, and so by the process of which each test is a copy; who
 * has workers made is one of those at a time. Their last worker's end is not theirs to
 * wait for. */
static weft_process_pool *pool;

__attribute__((constructor)) static void create_pool(void)
{
    weft_process_pool_attr attr = { .max = 1, .idle_lifetime = 1 };
    if (weft_process_pool_create(&attr, &pool) != 0)
        abort();
}

static weft_shared *shared;

static atomic_bool *go_ahead(void)
{
    return weft_shared_data(shared);
}

static int wait_for_leave(weft_process_job *job)
{
    atomic_bool *go = job->shared[0];
    while (!atomic_load(go))
        block_for(WEFT_US(50));
    *(char *)job->result = RESULT;
    job->result_size = 1;
    return 0;
}

static void open_shared(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_shared_create(sizeof(atomic_bool), &shared), 0);
}

static void close_shared(struct stage *stage)
{
    (void)stage;
    weft_shared_destroy(shared);
    weft_process_pool_trim(pool);
}

static void forbid(struct stage *stage)
{
    (void)stage;
    atomic_store(go_ahead(), false);
}

static void give_leave(struct stage *stage)
{
    (void)stage;
    atomic_store(go_ahead(), true);
}

/* A worker that was in a job which was cut short is no more. */
static long call_job(struct stage *stage)
{
    char result = 0;
    weft_process_outcome outcome;
    weft_process_call call = { .fn = wait_for_leave,
                               .result = &result,
                               .result_max = 1,
                               .shared = &shared,
                               .shared_count = 1 };
    int rc = weft_process_pool_call(pool, &call, &outcome);
    EXPECT(stage, rc < 0 || (result == RESULT && outcome.begun), "it returned %d, result %d", rc,
           result);
    EXPECT(stage, rc == 0 || !outcome.begun || kill(outcome.worker, 0) < 0,
           "it returned %d, and the worker lives", rc);
    return rc;
}

static void settle_pool(struct stage *stage, long rc)
{
    weft_process_pool_info info;
    weft_process_pool_look(pool, &info);
    EXPECT(stage, info.busy + info.waiting == 0 && info.idle <= 1,
           "it returned %ld; %u work, %u wait, %u idle", rc, info.busy, info.waiting, info.idle);
}

const struct operation case_weft_process_pool_call = { .name = "weft_process_pool_call",
                                                       .open = open_shared,
                                                       .arm = forbid,
                                                       .call = call_job,
                                                       .event = give_leave,
                                                       .settle = settle_pool,
                                                       .close = close_shared };
