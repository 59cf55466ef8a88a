/* sync/barrier.c: parties that come, some of whom give up and come again; and the barrier
 * is gone as soon as the last one who was woken has gone on. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: who gives up stays in the count; or takes itself out of it though
 * its round is over. */
static enum { NOTHING, STAYS_COUNTED, NO_LOOK } mutation;

#include "world.h"

#include "suite.h"

#include "scopes.h"
#include "waiting.h"
#include "ways.h"

static void look_in(struct weft__latch *lock);
static void look_away(struct weft__latch *lock);

#define weft__latch_acquire look_in
#define weft__latch_release look_away
#define weft__is_thread passes_lock
#include "sync/barrier.c"
#undef weft__latch_acquire
#undef weft__latch_release
#undef weft__is_thread

static weft_barrier barrier;

/* The first look of each wait is of who comes, the second of who gives up. */
static struct {
    bool gives_up;
    uint32_t round, true_round, come;
} looks[WORLD_THREADS];

static void look_in(struct weft__latch *lock)
{
    weft__latch_acquire(lock);
    struct barrier *seen = inner(&barrier);
    looks[model_self()].true_round = seen->round;
    looks[model_self()].come = seen->come;
    if (!looks[model_self()].gives_up)
        looks[model_self()].round = seen->round;
    else if (mutation == NO_LOOK)
        seen->round = looks[model_self()].round;
}

static void look_away(struct weft__latch *lock)
{
    struct barrier *seen = inner(&barrier);
    if (looks[model_self()].gives_up) {
        seen->round = looks[model_self()].true_round;
        if (mutation == STAYS_COUNTED)
            seen->come = looks[model_self()].come;
    }
    looks[model_self()].gives_up = !looks[model_self()].gives_up;
    weft__latch_release(lock);
}

static int wait_here(void)
{
    looks[model_self()].gives_up = false;
    return weft_barrier_wait(&barrier);
}

static unsigned parties;
static int came, went_on, last_ones;

static void reset(void)
{
    world_reset(WORLD_THREADS);
    memset(looks, 0, sizeof looks);
    weft_barrier_init(&barrier, parties);
    came = went_on = last_ones = 0;
    model_name(barrier);
}

/* Round by round, nobody goes on before all have come. */
static void go_on(int rc)
{
    model_assert(rc == 0 || rc == 1, "BARRIER-1");
    last_ones += rc;
    went_on++;
    model_assert((went_on + (int)parties - 1) / (int)parties * (int)parties <= came, "BARRIER-1");
}

static void meet(void)
{
    came++;
    go_on(wait_here());
}

static void meet_as_thread(void)
{
    plain[model_self()] = true;
    meet();
}

static void meet_twice(void)
{
    meet();
    meet();
}

static void meet_twice_as_thread(void)
{
    plain[model_self()] = true;
    meet_twice();
}

/* Has not come if it gives up; then it comes again. */
static void meet_at_last(void)
{
    came++;
    begin_way();
    int rc = wait_here();
    if (!end_way(rc)) {
        go_on(rc);
        return;
    }
    came--;
    meet();
}

static void rounds_are_over(void)
{
    model_assert(inner(&barrier)->come == 0 && went_on == came, "BARRIER-2");
    model_assert(last_ones * (int)parties == came, "BARRIER-1");
    model_assert(inner(&barrier)->round == (uint32_t)last_ones, "BARRIER-1");
}

static struct model model = { .setup = reset,
                              .body = { meet_twice, meet_twice },
                              .check = rounds_are_over };

TEST(BARRIER_1_two_tasks_meet_twice)
{
    parties = 2;
    model_check(&model);
}

TEST(BARRIER_1_a_task_and_a_thread_meet_twice)
{
    parties = 2;
    model.body[1] = meet_twice_as_thread;
    model_check(&model);
}

TEST(BARRIER_1_three_meet)
{
    parties = 3;
    model.body[0] = meet;
    model.body[1] = meet;
    model.body[2] = meet_as_thread;
    model_check(&model);
}

static struct model giving_up = { .setup = reset,
                                  .body = { meet_at_last, meet, cut_short },
                                  .check = rounds_are_over };

TEST(BARRIER_2_one_gives_up_and_comes_again)
{
    parties = 2;
    check_each_way(&giving_up);
}

TEST(BARRIER_2_one_of_three_gives_up_and_comes_again)
{
    parties = 3;
    giving_up.body[3] = meet_as_thread;
    giving_up.preemptions = 1;
    check_each_way(&giving_up);
}

/* The last of those who were not last to come: whoever was has nothing to do with it any
 * more. */
static void go_and_destroy(int rc)
{
    if (rc == 1)
        return;
    model_assert(rc == 0, "BARRIER-1");
    model_fence(); /* counting is an exchange */
    if (++went_on == (int)parties - 1)
        model_forbid(&barrier, sizeof barrier); /* QUEUE-4 */
}

static void meet_and_destroy(void)
{
    plain[1] = parties == 3;
    go_and_destroy(wait_here());
}

static void meet_and_destroy_as_thread(void)
{
    plain[model_self()] = true;
    meet_and_destroy();
}

static void meet_at_last_and_destroy(void)
{
    begin_way();
    int rc = wait_here();
    go_and_destroy(end_way(rc) ? wait_here() : rc);
}

static struct model destroying = { .setup = reset, .body = { meet_and_destroy, meet_and_destroy } };

TEST(QUEUE_4_one_of_two_destroys_it)
{
    parties = 2;
    model_check(&destroying);
}

TEST(QUEUE_4_the_last_of_three_destroys_it)
{
    parties = 3;
    destroying.body[2] = meet_and_destroy;
    model_check(&destroying);
}

TEST(QUEUE_4_one_who_gives_up_at_that_moment_destroys_it)
{
    parties = 2;
    destroying.body[0] = meet_at_last_and_destroy;
    destroying.body[2] = cut_short;
    check_each_way(&destroying);
}

TEST(BARRIER_2_needs_who_gives_up_to_leave_the_count)
{
    parties = 2;
    mutation = STAYS_COUNTED;
    model_check_fails(&giving_up, "");
}

TEST(BARRIER_2_needs_who_gives_up_to_look_for_the_rounds_end)
{
    parties = 2;
    mutation = NO_LOOK;
    way = TASK_CANCELLED;
    model_check_fails(&giving_up, "deadlock");
}

TEST(QUEUE_2_needs_the_claim)
{
    parties = 2;
    queue_mutation = NO_QUEUE_2;
    way = TASK_CANCELLED;
    model_check_fails(&giving_up, "");
}

TEST(QUEUE_3_needs_the_wake)
{
    parties = 2;
    queue_mutation = NO_QUEUE_3;
    destroying.body[0] = meet_and_destroy_as_thread;
    model_check_fails(&destroying, "use after release: barrier");
}

TEST(QUEUE_4_needs_the_wakes_to_come_last)
{
    parties = 2;
    queue_mutation = NO_QUEUE_4;
    model_check_fails(&destroying, "use after release: barrier");
}
