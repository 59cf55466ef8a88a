/* Tasks and plain threads run loops of all kinds beside each other, some inside of others;
 * calls fail, scopes end. What a loop says it has done is done, each index once. */
#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "sync.h"

#define TASKS 6
#define THREADS 2
#define INDICES 600

/* On the stack of who runs it. */
struct loop {
    weft_scope scope;
    atomic_uchar times[INDICES];
    int64_t fails_at, cancels_at; /* -1: nowhere */
    bool yields;
    atomic_int inside;
};

static int count_one(struct loop *loop, int64_t i)
{
    if (i == loop->cancels_at)
        weft_scope_cancel(&loop->scope);
    if (i == loop->fails_at)
        return -EIO;
    if (loop->yields && i % 16 == 0) {
        int rc = weft_yield();
        if (rc)
            return rc;
    }
    if (atomic_fetch_add(&loop->times[i], 1))
        ck_abort_msg("%d is done twice", (int)i);
    return 0;
}

static int count_some(int64_t first, int64_t last, void *arg)
{
    struct loop *loop = arg;
    int rc = 0;
    atomic_fetch_add(&loop->inside, 1);
    for (int64_t i = first; rc == 0 && i < last; i++)
        rc = count_one(loop, i);
    atomic_fetch_sub(&loop->inside, 1);
    return rc;
}

static int count_row(int64_t first, int64_t last, void *arg)
{
    int rc = 0;
    for (int64_t row = first; rc == 0 && row < last; row++)
        rc = weft_parallel_for(20 * row, 20 * (row + 1), NULL, count_some, arg);
    return rc;
}

static int count_and_add(int64_t first, int64_t last, void *sum, void *arg)
{
    *(int64_t *)sum += last - first;
    return count_some(first, last, arg);
}

static void add(void *left, const void *right, void *arg)
{
    (void)arg;
    *(int64_t *)left += *(const int64_t *)right;
}

static int run_loop(struct loop *loop, const weft_parallel_attr *attr, uint64_t kind)
{
    static const int64_t zero;
    const weft_reduction sum = { sizeof zero, &zero, count_and_add, add };
    int64_t result = -1;
    if (kind == 0)
        return weft_parallel_for(0, INDICES, attr, count_some, loop);
    if (kind == 1)
        return weft_parallel_for(0, INDICES / 20, attr, count_row, loop);
    int rc = weft_parallel_reduce(0, INDICES, attr, &sum, loop, &result);
    if (result != (rc ? -1 : INDICES))
        ck_abort_msg("it returned %d, and %d", rc, (int)result);
    return rc;
}

static void judge(struct loop *loop, int rc)
{
    int count = 0;
    for (int i = 0; i < INDICES; i++)
        count += atomic_load(&loop->times[i]);
    if (rc == 0 && (count != INDICES || loop->fails_at >= 0))
        ck_abort_msg("all is done, and it is %d", count);
    if (rc == -EIO && loop->fails_at < 0)
        ck_abort_msg("nobody has failed");
    if (rc != 0 && rc != -EIO && rc != -ECANCELED && rc != -ETIMEDOUT)
        ck_abort_msg("it returned %d", rc);
    if (atomic_load(&loop->inside))
        ck_abort_msg("a call has not ended");
}

static void run_some_loop(void)
{
    static const uint64_t grains[] = { 0, 0, 1, 5 };
    struct loop loop = { .fails_at = -1, .cancels_at = -1 };
    uint64_t random = test_random();
    weft_parallel_attr attr = { .grain = grains[random & 3], .limit = (unsigned)(random >> 2 & 3) };
    if ((random >> 4) % 4 == 0)
        loop.fails_at = (int64_t)((random >> 20) % INDICES);
    if ((random >> 6) % 4 == 0)
        loop.cancels_at = (int64_t)((random >> 30) % INDICES);
    loop.yields = random >> 8 & 1;
    bool timed = (random >> 9) % 8 == 0;
    weft_scope_enter(&loop.scope,
                     timed ? weft_after((int64_t)(random >> 40) % 100000) : WEFT_NEVER);
    int rc = run_loop(&loop, &attr, (random >> 12) % 3);
    weft_scope_leave(&loop.scope);
    judge(&loop, rc);
}

static atomic_int rounds_left;

static int party(void *unused)
{
    (void)unused;
    while (atomic_fetch_sub(&rounds_left, 1) > 0)
        run_some_loop();
    return 0;
}

static int all_parties(void *unused)
{
    (void)unused;
    atomic_store(&rounds_left, (int)test_work(20000));
    run_crowd(TASKS, THREADS, party, NULL);
    return 0;
}

TEST(loops_beside_each_other, .timeout = 300)
{
    static const unsigned workers[] = { 1, 2, 8 };
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(run_tasks(workers[i], all_parties, NULL), 0);
}
