/* Calls that block, in random mixes: tasks and plain threads wait for them, submit them, cancel
 * and abandon them, of three kinds, with deadlines and cancelling at any moment. Each runs at
 * most once; its result comes to who asked, or its argument is given away, never both. */
#include "suite.h"

#include <errno.h>
#include <stdlib.h>

#include "blocking.h"
#include "sync.h"

#define KINDS 3
#define TASKS 12
#define THREADS 4

struct call {
    atomic_int ran, delivered, abandoned;
    atomic_int result; /* that was abandoned */
};

static const unsigned limits[KINDS] = { 1, 3, 8 };
static weft_blocking_kind *kinds[KINDS];
static atomic_int inside[KINDS];
static struct call *calls;
static int call_count;
static atomic_int next_call;
static int never_ran;

static int kind_of(const struct call *call)
{
    return (int)((call - calls) % KINDS);
}

static int work(void *arg)
{
    struct call *call = arg;
    int kind = kind_of(call);
    if (atomic_fetch_add(&inside[kind], 1) >= (int)limits[kind])
        ck_abort_msg("more than %u of a kind", limits[kind]);
    atomic_fetch_add(&call->ran, 1);
    if (test_random() % 4 == 0)
        block_for((int64_t)(test_random() % WEFT_US(50)));
    atomic_fetch_sub(&inside[kind], 1);
    return 5;
}

static void give_away(void *arg, int result)
{
    struct call *call = arg;
    atomic_store(&call->result, result);
    atomic_fetch_add(&call->abandoned, 1);
}

static void note_delivered(struct call *call)
{
    atomic_fetch_add(&call->delivered, 1);
}

static void wait_for_it(const weft_blocking_attr *attr, struct call *call)
{
    int result = 0, rc = weft_blocking_with(attr, work, call, &result);
    if (rc == 0 && result == 5)
        note_delivered(call);
    else if (rc != -ETIMEDOUT)
        ck_abort_msg("it returned %d, %d", rc, result);
}

static void submit_it(const weft_blocking_attr *attr, struct call *call)
{
    weft_future *future;
    intptr_t value = 0;
    int rc = test_random() % 2 ? weft_blocking_submit_with(attr, work, call, &future)
                               : weft_blocking_try_submit_with(attr, work, call, &future);
    if (rc == -EAGAIN || rc == -ETIMEDOUT) { /* nothing was given */
        give_away(call, rc);
        return;
    }
    if (rc)
        ck_abort_msg("submitting returned %d", rc);
    if (test_random() % 2)
        weft_future_cancel(future);
    weft_scope shield;
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER)
        rc = weft_future_wait(future, &value);
    if (rc == 0 && value == 5)
        note_delivered(call);
    else if (rc != -ECANCELED)
        ck_abort_msg("the future has %d, %ld", rc, (long)value);
    weft_future_release(future);
}

static int party(void *unused)
{
    int number;
    (void)unused;
    while ((number = atomic_fetch_add(&next_call, 1)) < call_count) {
        struct call *call = &calls[number];
        weft_blocking_attr attr = { .kind = kinds[kind_of(call)], .abandoned = give_away };
        weft_scope scope;
        if (test_random() % 2)
            attr.flags = WEFT_BLOCKING_ABANDON;
        weft_scope_enter(&scope, weft_now() + (int64_t)(test_random() % WEFT_US(300)));
        if (test_random() % 2)
            wait_for_it(&attr, call);
        else
            submit_it(&attr, call);
        weft_scope_leave(&scope);
    }
    return 0;
}

static int all_parties(void *unused)
{
    (void)unused;
    for (int i = 0; i < KINDS; i++)
        ck_assert_int_eq(weft_blocking_kind_create(limits[i], 4, &kinds[i]), 0);
    run_crowd(TASKS, THREADS, party, NULL);
    for (int i = 0; i < KINDS; i++)
        weft_blocking_kind_destroy(kinds[i]);
    return 0;
}

/* Those that were abandoned may take a little longer than the runtime. */
static void check_call(struct call *call)
{
    while (atomic_load(&call->delivered) + atomic_load(&call->abandoned) == 0)
        block_for(WEFT_US(50));
    int ran = atomic_load(&call->ran), delivered = atomic_load(&call->delivered);
    int abandoned = atomic_load(&call->abandoned), result = atomic_load(&call->result);
    if (delivered + abandoned != 1)
        ck_abort_msg("delivered %d times, given away %d times", delivered, abandoned);
    if (ran != (delivered || result == 5))
        ck_abort_msg("ran %d times, delivered %d, given away with %d", ran, delivered, result);
    never_ran += !ran;
}

TEST(each_call_runs_once_or_never_and_has_one_end, .timeout = 180)
{
    static const unsigned workers[] = { 1, 2, 8 };
    int threads = threads_of_nobody();
    call_count = (int)test_work(8000);
    for (int i = 0; i < 3; i++) {
        weft_blocking_stats stats;
        calls = calloc((size_t)call_count, sizeof *calls);
        atomic_store(&next_call, 0);
        ck_assert_int_eq(run_tasks(workers[i], all_parties, NULL), 0);
        for (int number = 0; number < call_count; number++)
            check_call(&calls[number]);
        weft_blocking_counts(&stats);
        ck_assert_uint_eq(stats.waiting, 0);
        expect_threads(threads);
        free(calls);
    }
    ck_assert_int_gt(never_ran, 0);
}
