/* The columns that are tried once: whatever else happens, the result is the same. */
#include "matrix.h"

#include <errno.h>

static struct other other;

static void cancel_scope(struct stage *stage)
{
    weft_scope_cancel(stage->scope);
}

static void cancel_who_waits(struct stage *stage)
{
    await_waiting(stage);
    cancel_scope(stage);
}

/* In a column that is over: the event, and the balance. */
static void conclude(struct stage *stage, long rc)
{
    STEP(stage, event);
    if (stage->operation->settle)
        stage->operation->settle(stage, rc);
}

static void settle(struct stage *stage, long rc)
{
    if (stage->operation->settle)
        stage->operation->settle(stage, rc);
}

/* In a column where it could happen at once. */
static void make_possible(struct stage *stage)
{
    if (!stage->operation->keen)
        STEP(stage, event);
}

static void settle_possible(struct stage *stage, long rc)
{
    if (stage->operation->keen)
        STEP(stage, event);
    settle(stage, rc);
}

static void expect_error(struct stage *stage, long rc, int error)
{
    EXPECT(stage, rc == error, "it returned %ld", rc);
}

/* It could happen at once, and does not; again and again. */
static void cancelled_before(struct stage *stage)
{
    weft_scope scope;
    STEP(stage, arm);
    weft_scope_enter(&scope, WEFT_NEVER);
    STEP(stage, enter);
    make_possible(stage);
    stage->nap = 0;
    weft_scope_cancel(&scope);
    long rc = stage->operation->call(stage);
    expect_error(stage, rc, -ECANCELED);
    if (!stage->operation->once)
        expect_error(stage, stage->operation->call(stage), -ECANCELED);
    weft_scope_leave(&scope);
    settle_possible(stage, rc);
}

static void expired_before(struct stage *stage)
{
    weft_scope scope;
    STEP(stage, arm);
    weft_scope_enter(&scope, WEFT_NEVER);
    STEP(stage, enter);
    make_possible(stage);
    stage->nap = 0;
    weft_scope_set_deadline(&scope, weft_now() - 1);
    long rc = stage->operation->call(stage);
    expect_error(stage, rc, -ETIMEDOUT);
    if (!stage->operation->once)
        expect_error(stage, stage->operation->call(stage), -ETIMEDOUT);
    EXPECT(stage, weft_scope_leave(&scope), "the scope knows nothing of it");
    settle_possible(stage, rc);
}

static void cancelled_while_it_waits(struct stage *stage)
{
    weft_scope scope;
    STEP(stage, arm);
    weft_scope_enter(&scope, WEFT_NEVER);
    stage->scope = &scope;
    STEP(stage, enter);
    other_do(&other, stage, cancel_who_waits);
    long rc = stage->operation->call(stage);
    expect_error(stage, rc, -ECANCELED);
    other_wait(&other);
    weft_scope_leave(&scope);
    conclude(stage, rc);
}

static void expired_while_it_waits(struct stage *stage)
{
    weft_scope scope;
    STEP(stage, arm);
    weft_scope_enter(&scope, WEFT_NEVER);
    STEP(stage, enter);
    weft_scope_set_deadline(&scope, weft_after(WEFT_MS(2)));
    long rc = stage->operation->call(stage);
    expect_error(stage, rc, -ETIMEDOUT);
    EXPECT(stage, weft_scope_leave(&scope), "the scope knows nothing of it");
    conclude(stage, rc);
}

static void cancel_and_make_it_happen(struct stage *stage)
{
    cancel_who_waits(stage);
    block_for(WEFT_US(500));
    STEP(stage, event);
}

/* What is outside is cancelled, and what is inside works; afterwards it does not. */
static void shielded(struct stage *stage)
{
    weft_scope scope, shield;
    STEP(stage, arm);
    stage->nap = WEFT_MS(2);
    weft_scope_enter(&scope, WEFT_NEVER);
    stage->scope = &scope;
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    STEP(stage, enter);
    other_do(&other, stage, cancel_and_make_it_happen);
    long rc = stage->operation->call(stage);
    EXPECT(stage, rc >= 0, "it returned %ld", rc);
    other_wait(&other);
    weft_scope_leave(&shield);
    if (!stage->operation->once)
        expect_error(stage, stage->operation->call(stage), -ECANCELED);
    weft_scope_leave(&scope);
    settle(stage, rc);
}

/* A shield's own deadline is one. */
static void shield_expired(struct stage *stage)
{
    weft_scope scope, shield;
    STEP(stage, arm);
    weft_scope_enter(&scope, WEFT_NEVER);
    weft_scope_cancel(&scope);
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    STEP(stage, enter);
    weft_scope_set_deadline(&shield, weft_after(WEFT_MS(2)));
    long rc = stage->operation->call(stage);
    expect_error(stage, rc, -ETIMEDOUT);
    EXPECT(stage, weft_scope_leave(&shield), "the shield knows nothing of it");
    weft_scope_leave(&scope);
    conclude(stage, rc);
}

static void in_a_scope(void (*column)(struct stage *), const char *name)
{
    other_open(&other);
    for (enum subject subject = A_TASK; subject < SUBJECTS; subject++)
        run_column(name, subject, 2, column);
    other_close(&other);
}

TEST(cancelled_before_the_call)
{
    in_a_scope(cancelled_before, "cancelled before");
}

TEST(out_of_time_before_the_call)
{
    in_a_scope(expired_before, "out of time before");
}

TEST(cancelled_while_the_call_waits)
{
    in_a_scope(cancelled_while_it_waits, "cancelled while it waits");
}

TEST(out_of_time_while_the_call_waits)
{
    in_a_scope(expired_while_it_waits, "out of time while it waits");
}

TEST(cancelled_outside_a_shield)
{
    in_a_scope(shielded, "in a shield");
}

TEST(out_of_time_in_a_shield)
{
    in_a_scope(shield_expired, "in a shield whose time is up");
}

/* The same by weft_cancel(), for tasks. */

static weft_task *caller;

static void cancel_caller(struct stage *stage)
{
    await_waiting(stage);
    weft_cancel(caller);
}

static int call(void *arg)
{
    struct stage *stage = arg;
    stage->waiter = weft__waiter_self();
    STEP(stage, enter);
    other_do(&other, stage, cancel_caller);
    return (int)stage->operation->call(stage);
}

static int call_shielded(void *arg)
{
    struct stage *stage = arg;
    weft_scope shield;
    long rc;
    stage->waiter = weft__waiter_self();
    weft_cancel(weft_self());
    expect_error(stage, weft_checkpoint(), -ECANCELED);
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER) {
        STEP(stage, enter);
        STEP(stage, event);
        stage->nap = 0;
        rc = stage->operation->call(stage);
    }
    return (int)rc;
}

static void task_cancelled(struct stage *stage)
{
    int rc;
    STEP(stage, arm);
    SPAWN(call, stage, &caller);
    other_wait(&other); /* it needs the handle */
    ck_assert_int_eq(weft_join(caller, &rc), 0);
    expect_error(stage, rc, -ECANCELED);
    conclude(stage, rc);
}

static void task_shielded(struct stage *stage)
{
    int rc;
    STEP(stage, arm);
    SPAWN(call_shielded, stage, &caller);
    ck_assert_int_eq(weft_join(caller, &rc), 0);
    EXPECT(stage, rc >= 0, "it returned %d", rc);
    settle(stage, rc);
}

TEST(the_task_cancelled_while_the_call_waits)
{
    other_open(&other);
    run_column("the task is cancelled", A_TASK, 2, task_cancelled);
    run_column("the task is cancelled", A_TASK, 1, task_cancelled);
    other_close(&other);
}

TEST(the_task_cancelled_outside_a_shield)
{
    run_column("the task is cancelled, in a shield", A_TASK, 2, task_shielded);
}
