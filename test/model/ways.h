/* ways.h - after scopes.h: the ways in which a wait of model thread 0 is cut short, or
 * disturbed, by a thread whose body is cut_short(). It comes before what is waited for,
 * after it, and at the same moment. */
#ifndef WEFT_TEST_MODEL_WAYS_H
#define WEFT_TEST_MODEL_WAYS_H

#include <errno.h>

static enum way {
    THREADS_DEADLINE,
    TASKS_DEADLINE,
    THREAD_CANCELLED,
    TASK_CANCELLED,
    TASK_STIRRED, /* for nothing: it waits on (CANCEL-3) */
} way;

static bool is_threads_way(void)
{
    return way == THREADS_DEADLINE || way == THREAD_CANCELLED;
}

/* Thread 0 first says this, */
static void begin_way(void)
{
    plain[0] = is_threads_way();
    if (way == THREADS_DEADLINE || way == TASKS_DEADLINE)
        world_be_patient();
}

/* then waits, says what came of it, and is in a shield from then on. True: cut short, and
 * what it waited for did not happen. */
static bool end_way(int rc)
{
    static weft_scope shield;
    static const int errors[] = { -ETIMEDOUT, -ETIMEDOUT, -ECANCELED, -ECANCELED, 0 };
    weft_scope_enter_shielded(&shield, INT64_MAX);
    world_over = true;
    model_assert(rc >= 0 || rc == errors[way], "CANCEL-5");
    model_assert(world_expired == (rc == -ETIMEDOUT), "CANCEL-5"); /* what its scope says */
    return rc < 0;
}

static void cut_short(void)
{
    struct weft__waiter *waiter = is_threads_way() ? &thread_waiters[0].waiter : &tasks[0].waiter;
    if (way == TASKS_DEADLINE)
        world_fire_timer(0, WEFT__DEADLINE);
    else if (way == TASK_STIRRED)
        world_stir(waiter);
    else if (way != THREADS_DEADLINE) /* tried by itself */
        world_cancel(waiter);
}

static void check_ways(const struct model *model, enum way last)
{
    for (way = 0; way <= last; way++)
        model_check(model);
}

/* In each of them nothing is lost. */
WEFT_UNUSED static void check_each_way(const struct model *model)
{
    check_ways(model, TASK_STIRRED);
}

/* The same where thread 0 would wait in vain. */
WEFT_UNUSED static void check_each_cut(const struct model *model)
{
    check_ways(model, TASK_CANCELLED);
}

#endif
