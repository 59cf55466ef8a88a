/* Tasks that end at the same time against one that waits for any of them: sched/bury.c
 * and task/gather.c. */
#include "world.h"

#include <sched.h>

#include "suite.h"

#include "scopes.h"

/* Broken on purpose: the burier acknowledges only a claim that has failed; the waiter
 * takes a task for settled that is about to look at its ticket. */
static enum { NOTHING, WINNER_SILENT, NO_PATIENCE } mutation;

#define sched_yield() model_spin()

#undef WEFT__TASK_ACKED
#define WEFT__TASK_ACKED \
    (mutation == WINNER_SILENT && claimed ? WEFT__TASK_DONE : (struct weft__waiter *)3)
#include "sched/bury.c"
#undef WEFT__TASK_ACKED
#define WEFT__TASK_ACKED ((struct weft__waiter *)3)

#include "sched/wait.c"
#include "task/join.c"
static void unwatch(struct weft_task *task, struct weft__waiter *waiter)
{
    struct weft__waiter *us = one_of_many(waiter);
    if (mutation == NO_PATIENCE)
        weft__cas(&task->joiner, &us, NULL, acq_rel, acquire);
    else
        weft__join_unwatch(task, waiter);
}

#define weft__join_unwatch unwatch
#include "task/gather.c"
#undef weft__join_unwatch

#define WAITER 2
#define CLOCK 3

static struct weft_task victims[2];
static int released[2];
static bool over;  /* the waiter has done all it had to do */
static char scope; /* stands for a scope with a deadline */

void weft__pool_give(struct weft__pool *pool, struct weft__magazine *magazine, void *object)
{
    (void)pool, (void)magazine;
    size_t i = (size_t)((struct weft_task *)object - victims);
    model_assert(++released[i] == 1, "JOIN-1");
    model_forbid(object, sizeof *victims); /* JOIN-2 */
}

void weft__stack_give(struct weft__stacks *stacks, struct weft__magazine *magazine,
                      struct weft__stack *stack)
{
    (void)stacks, (void)magazine, (void)stack;
    model_fail("no stack here");
}

/* No task of a model has any. */
void weft__locals_abandon(struct weft__locals *locals)
{
    (void)locals;
    model_fail("no task-locals here");
}

bool weft__locals_drain(void)
{
    model_fail("every task has run");
    return false;
}

static void reset(void)
{
    world_reset(4);
    memset(victims, 0, sizeof victims);
    memset(released, 0, sizeof released);
    over = false;
    model_name(victims);
}

/* As the end of weft__task_main(), and weft__arrive() on the other side of its switch. */
static void end_victim(int i)
{
    struct weft__worker *worker = &workers[i];
    weft__seat_enter(worker->seat);
    victims[i].result = 40 + i;
    struct weft__waiter *joiner = weft__claim_joiner(&victims[i]);
    bool handed = joiner && !weft__is_thread(joiner) && model_choose(2);
    if (handed)
        victims[i].flags |= WEFT__TASK_HANDED;
    weft__bury(worker, &victims[i]);
    if (handed)
        make_runnable(weft__task_of(joiner)); /* it runs on this very thread */
    weft__seat_leave(worker->seat);
}

static void first_ender(void)
{
    end_victim(0);
}

static void second_ender(void)
{
    end_victim(1);
}

static bool timer_armed_or_over(void *arg)
{
    (void)arg;
    return over || deadline_of[WAITER];
}

static void clock_thread(void)
{
    model_wait(timer_armed_or_over, NULL);
    if (deadline_of[WAITER])
        weft__wait_fire(&tasks[WAITER].waiter, deadline_of[WAITER], WEFT__DEADLINE);
}

/* The waiter begins another wait, of which the buriers must know nothing. */
static void wait_for_something_else(struct weft__waiter *waiter)
{
    uint64_t ticket = weft__wait_begin(waiter, "other", 0);
    model_step();
    model_assert(weft__wait_abandon(waiter, ticket), "JOIN-6");
}

/* As they end, with time to give up once. */
static void join_each(struct weft__waiter *waiter)
{
    weft_task *handles[] = { &victims[0], &victims[1] };
    for (int left = 2; left > 0;) {
        size_t index = 9;
        int result = 0, rc = weft_join_any(handles, 2, &index, &result);
        wait_for_something_else(waiter);
        if (rc == -ETIMEDOUT) {
            waiter->scope = NULL;
            continue;
        }
        model_assert(rc == 0 && index < 2 && result == 40 + (int)index, "JOIN-1");
        model_assert(released[index] == 1 && !handles[index], "JOIN-1");
        left--;
    }
    over = true;
}

static void joiner(void)
{
    join_each(weft__waiter_self());
}

static void plain_joiner(void)
{
    plain[WAITER] = true;
    joiner();
}

static void patient_joiner(void)
{
    weft__waiter_self()->scope = (void *)&scope;
    joiner();
}

static void patient_plain_joiner(void)
{
    plain[WAITER] = true;
    patient_joiner();
}

static void released_once(void)
{
    model_assert(released[0] == 1 && released[1] == 1, "JOIN-1");
    model_assert(runnable[WAITER] == 0, "WAIT-2");
}

static struct model model = {
    .setup = reset, .body = { first_ender, second_ender }, .check = released_once, .preemptions = 2
};

TEST(JOIN_6_of_two_that_end_each_is_joined_once)
{
    model.body[WAITER] = joiner;
    model_check(&model);
}

TEST(JOIN_6_a_plain_thread_joins_each_once)
{
    model.body[WAITER] = plain_joiner;
    model_check(&model);
}

TEST(JOIN_6_a_deadline_may_come_with_the_ends, .timeout = 300)
{
    model.body[WAITER] = patient_joiner;
    model.body[CLOCK] = clock_thread;
    model_check(&model);
}

TEST(JOIN_6_a_plain_threads_deadline_may_come_with_the_ends)
{
    model.body[WAITER] = patient_plain_joiner;
    model_check(&model);
}

TEST(JOIN_6_needs_the_winner_to_acknowledge)
{
    mutation = WINNER_SILENT;
    model.body[WAITER] = joiner;
    model_check_fails(&model, "");
}

TEST(JOIN_6_needs_the_waiter_to_wait_for_it)
{
    mutation = NO_PATIENCE;
    model.body[WAITER] = joiner;
    model_check_fails(&model, "");
}
