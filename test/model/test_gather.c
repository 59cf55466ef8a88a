/* Tasks that end at the same time against one that waits for any of them: sched/bury.c
 * and task/gather.c. */
#include "world.h"

#include <sched.h>

#include "suite.h"

#include "burial.h"
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

static void reset(void)
{
    world_reset(4);
    victims_reset();
}

static void first_ender(void)
{
    end_victim(0);
}

static void second_ender(void)
{
    end_victim(1);
}

static void clock_thread(void)
{
    world_fire_timer(WAITER, WEFT__DEADLINE);
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
        model_assert(rc == 0 && index < 2 && result == result_of(index), "JOIN-1");
        model_assert(released[index] == 1 && !handles[index], "JOIN-1");
        left--;
    }
    world_over = true;
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
    world_be_patient();
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
