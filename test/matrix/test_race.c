/* The column of the same moment: event and cancellation, at any distance and in any
 * order. Either may win, and the call has to know which. (Both orders of every step of
 * the wait itself: test/model/test_cancel.c.) */
#include "matrix.h"

#include <errno.h>
#include <sched.h>

static struct other first, second;

static void dawdle(void)
{
    uint64_t random = test_random();
    if (random % 4 == 0)
        sched_yield();
    else
        spin_for((int64_t)(random >> 8) % WEFT_US(30));
}

static void make_happen(struct stage *stage)
{
    dawdle();
    STEP(stage, event);
}

static void cancel(struct stage *stage)
{
    dawdle();
    weft_scope_cancel(stage->scope);
}

static void cancel_and_make_happen(struct stage *stage)
{
    cancel(stage);
    STEP(stage, event);
}

static void make_happen_and_cancel(struct stage *stage)
{
    make_happen(stage);
    weft_scope_cancel(stage->scope);
}

/* By one thread, next to each other, or by two. */
static void let_others_act(struct stage *stage, uint64_t how)
{
    if (how == 0)
        other_do(&first, stage, cancel_and_make_happen);
    else if (how == 1)
        other_do(&first, stage, make_happen_and_cancel);
    else {
        other_do(&first, stage, make_happen);
        other_do(&second, stage, cancel);
    }
}

static void await_others(uint64_t how)
{
    other_wait(&first);
    if (how > 1)
        other_wait(&second);
}

static void race_once(struct stage *stage)
{
    weft_scope scope;
    uint64_t how = test_random() % 4;
    STEP(stage, arm);
    stage->nap = (int64_t)(test_random() % WEFT_US(60));
    weft_scope_enter(&scope, WEFT_NEVER);
    stage->scope = &scope;
    STEP(stage, enter);
    let_others_act(stage, how);
    dawdle();
    long rc = stage->operation->call(stage);
    EXPECT(stage, rc >= 0 || rc == -ECANCELED, "it returned %ld", rc);
    await_others(how);
    weft_scope_leave(&scope);
    if (stage->operation->settle)
        stage->operation->settle(stage, rc);
}

static void race(struct stage *stage)
{
    for (uint64_t left = test_work(40); left > 0; left--)
        race_once(stage);
}

static void at_the_same_moment(unsigned workers)
{
    other_open(&first);
    other_open(&second);
    for (enum subject subject = A_TASK; subject < SUBJECTS; subject++)
        run_column("at the same moment", subject, workers, race);
    other_close(&first);
    other_close(&second);
}

TEST(cancelled_at_the_same_moment_on_one_worker, .timeout = 3600)
{
    at_the_same_moment(1);
}

TEST(cancelled_at_the_same_moment_on_two_workers, .timeout = 3600)
{
    at_the_same_moment(2);
}

TEST(cancelled_at_the_same_moment_on_eight_workers, .timeout = 3600)
{
    at_the_same_moment(8);
}
