/* burial.h - after world.h: tasks that end, for models of who waits for them. */
#ifndef WEFT_TEST_MODEL_BURIAL_H
#define WEFT_TEST_MODEL_BURIAL_H

#include "sched/bury.h"
#include "sched/locals.h"

#define VICTIMS 2

static struct weft_task victims[VICTIMS];
static int released[VICTIMS];
static bool victims_looked_at; /* by cancellers, though they may be released: CANCEL-10 */

void weft__pool_give(struct weft__pool *pool, struct weft__magazine *magazine, void *object)
{
    (void)pool, (void)magazine;
    size_t i = (size_t)((struct weft_task *)object - victims);
    model_assert(i < VICTIMS && ++released[i] == 1, "JOIN-1");
    if (!victims_looked_at)
        model_forbid(object, sizeof *victims); /* JOIN-2 */
}

void weft__stack_give(struct weft__stacks *stacks,
                      struct weft__magazine magazines[WEFT__STACK_SIZES], struct weft__stack *stack)
{
    (void)stacks, (void)magazines, (void)stack;
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

static void victims_reset(void)
{
    memset(victims, 0, sizeof victims);
    memset(released, 0, sizeof released);
    model_name(victims);
}

/* What it returns. */
static int result_of(size_t victim)
{
    return 40 + (int)victim;
}

/* By model thread `i`. As the end of weft__task_main(), and weft__arrive() on the other
 * side of its switch. */
static void end_victim(unsigned i)
{
    struct weft__worker *worker = &workers[i];
    weft__seat_enter(worker->seat);
    victims[i].result = result_of(i);
    struct weft__waiter *joiner = weft__claim_joiner(&victims[i]);
    bool handed = joiner && !weft__is_thread(joiner) && model_choose(2);
    if (handed)
        victims[i].flags |= WEFT__TASK_HANDED;
    weft__bury(worker, &victims[i]);
    if (handed)
        make_runnable(weft__task_of(joiner)); /* it runs on this very thread */
    weft__seat_leave(worker->seat);
}

/* The waiter begins another wait, of which who buries must know nothing. */
WEFT_UNUSED static void wait_for_something_else(struct weft__waiter *waiter)
{
    uint64_t ticket = weft__wait_begin(waiter, "other", 0);
    model_step();
    model_assert(weft__wait_abandon(waiter, ticket), "JOIN-6");
}

#endif
