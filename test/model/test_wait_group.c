/* sync/wait_group.c: those who are done against who waits; and the wait group is gone as
 * soon as its wait is over. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: who waits does not say so; the last one who is done leaves nothing
 * that says that there were waiters; who has passed takes that away though somebody is under
 * way again. */
static enum { NOTHING, NO_FLAG, NO_MARK, TAKES_BLINDLY } mutation;

#include "world.h"

#include "suite.h"

#include "scopes.h"
#include "waiting.h"
#include "ways.h"

static bool cas(_Atomic(uint64_t) *p, uint64_t *expected, uint64_t v);

#undef weft__cas
#define weft__cas(p, expected, v, success, failure) (weft__model_rmw(p), cas(p, expected, v))
#undef weft__cas_weak
#define weft__cas_weak(p, expected, v, success, failure) \
    (weft__model_rmw(p), atomic_compare_exchange_strong( \
                             p, expected, mutation == NO_FLAG ? (v) & ~(uint64_t)WAITERS : (v)))
#include "sync/wait_group.c"

static bool cas(_Atomic(uint64_t) *p, uint64_t *expected, uint64_t v)
{
    if (mutation == NO_MARK)
        v &= ~(uint64_t)WAITERS;
    if (mutation == TAKES_BLINDLY && v == 0)
        return atomic_fetch_and(p, ~(uint64_t)WAITERS) & WAITERS;
    return atomic_compare_exchange_strong(p, expected, v);
}

static weft_wait_group group;
static int finished, out, rounds;

static void reset(void)
{
    world_reset(WORLD_THREADS);
    weft_wait_group_init(&group);
    weft_wait_group_add(&group, 2);
    finished = out = rounds = 0;
    model_name(group);
}

static void be_done(void)
{
    finished++;
    model_assert(weft_wait_group_done(&group) == 0, "EVENT-1");
}

static void wait_for_all(void)
{
    model_assert(weft_wait_group_wait(&group) == 0, "EVENT-1");
    model_assert(finished == 2, "EVENT-1");
}

static void wait_and_destroy(void)
{
    wait_for_all();
    model_forbid(&group, sizeof group); /* EVENT-2 */
}

static void wait_as_thread(void)
{
    plain[model_self()] = true;
    wait_and_destroy();
}

static void wait_at_last_and_destroy(void)
{
    begin_way();
    if (end_way(weft_wait_group_wait(&group)))
        wait_for_all();
    model_assert(finished == 2, "EVENT-1");
    model_forbid(&group, sizeof group);
}

static struct model model = { .setup = reset, .body = { wait_and_destroy, be_done, be_done } };

TEST(EVENT_1_and_2_a_task_waits)
{
    model_check(&model);
}

TEST(EVENT_1_and_2_a_plain_thread_waits)
{
    model.body[0] = wait_as_thread;
    model_check(&model);
}

static struct model again = { .setup = reset,
                              .body = { wait_at_last_and_destroy, be_done, cut_short, be_done },
                              .preemptions = 1 };

TEST(EVENT_2_one_gives_up_and_comes_again)
{
    check_each_way(&again);
}

/* The last one out destroys it. */
static void wait_together(void)
{
    plain[3] = true;
    wait_for_all();
    model_fence(); /* counting is an exchange */
    if (++out == 2)
        model_forbid(&group, sizeof group);
}

static void be_done_twice(void)
{
    be_done();
    be_done();
}

TEST(EVENT_2_a_task_and_a_thread_wait)
{
    model.body[0] = model.body[3] = wait_together;
    model.preemptions = 1;
    model.random = 10000;
    model_check(&model);
}

/* What is under way begins anew while the mark of the first round is there. */
static bool first_is_over(void *unused)
{
    (void)unused;
    return rounds == 1;
}

static bool second_has_begun(void *unused)
{
    (void)unused;
    return rounds == 2;
}

static void wait_for_two_rounds(void)
{
    wait_for_all();
    rounds = 1;
    model_wait(second_has_begun, NULL);
    model_assert(weft_wait_group_wait(&group) == 0 && finished == 3, "EVENT-1");
    model_forbid(&group, sizeof group);
}

static void be_done_in_two_rounds(void)
{
    be_done_twice();
    model_wait(first_is_over, NULL);
    weft_wait_group_add(&group, 1);
    rounds = 2;
    be_done();
}

TEST(EVENT_1_and_2_in_two_rounds)
{
    model.body[0] = wait_for_two_rounds;
    model.body[1] = be_done_in_two_rounds;
    model.body[2] = NULL;
    model_check(&model);
}

/* Who adds is under way itself. */
static void add_and_be_done(void)
{
    weft_wait_group_add(&group, 1);
    finished--;
    be_done_twice();
}

TEST(EVENT_1_one_is_added_while_the_last_one_ends)
{
    model.body[2] = add_and_be_done;
    model_check(&model);
}

/* As it is left by who has given up. */
static void reset_to_the_last(void)
{
    reset();
    finished = 1;
    inner(&group)->state = ONE | WAITERS;
}

/* Who finds it over while the last one may be inside; the last one out destroys it. */
static void pass_together(void)
{
    if (!is_over(inner(&group)))
        return;
    model_assert(finished == 2, "EVENT-1");
    model_fence();
    if (++out == 2)
        model_forbid(&group, sizeof group);
}

static struct model passing = { .setup = reset_to_the_last,
                                .body = { pass_together, be_done, pass_together } };

TEST(EVENT_3_one_passes_after_the_other)
{
    model_check(&passing);
}

/* Who passes late, when something is under way again, lets who waits for it be seen. */
static void reset_after_a_wait(void)
{
    reset();
    finished = 2;
    inner(&group)->state = WAITERS;
}

static bool has_begun_again(void *unused)
{
    (void)unused;
    return rounds == 1;
}

static void wait_again(void)
{
    model_wait(has_begun_again, NULL);
    model_assert(weft_wait_group_wait(&group) == 0 && finished == 3, "EVENT-1");
}

static void begin_again(void)
{
    weft_wait_group_add(&group, 1);
    rounds = 1;
    be_done();
}

static void pass(void)
{
    is_over(inner(&group));
}

static struct model passing_late = { .setup = reset_after_a_wait,
                                     .body = { wait_again, begin_again, pass } };

TEST(EVENT_3_who_passes_late_forgets_nobody)
{
    model_check(&passing_late);
}

TEST(EVENT_3_needs_the_count_to_be_0_when_the_mark_is_taken_away)
{
    mutation = TAKES_BLINDLY;
    model_check_fails(&passing_late, "deadlock");
}

TEST(EVENT_1_needs_the_flag)
{
    mutation = NO_FLAG;
    model_check_fails(&model, "deadlock");
}

TEST(EVENT_2_needs_the_mark)
{
    mutation = NO_MARK;
    again.body[1] = be_done_twice;
    again.body[3] = NULL;
    model_check_fails(&again, "use after release: group");
}

TEST(QUEUE_1_needs_one_hold_of_the_lock)
{
    queue_mutation = NO_QUEUE_1;
    model_check_fails(&model, "deadlock");
}

TEST(QUEUE_3_needs_the_wake)
{
    queue_mutation = NO_QUEUE_3;
    model.body[0] = wait_as_thread;
    model_check_fails(&model, "use after release: group");
}

TEST(QUEUE_4_needs_the_wakes_to_come_last)
{
    queue_mutation = NO_QUEUE_4;
    model_check_fails(&model, "use after release: group");
}
