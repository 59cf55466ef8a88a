/* sched/timer.c: a timer between its home worker, a remote disarmer, and a
 * rescuer who fires the home's timers under its seat. */
#define WORLD_HAS_TIMERS
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: nobody compares the state; a released timer keeps its
 * generation. */
static enum { NOTHING, BLIND, NO_GENERATION } mutation;

#include "world.h"

#include "suite.h"

#include "sched/wait.c"
#include "time/wheel.c"

#undef weft__cas
#define weft__cas(p, expected, v, success, failure) \
    (weft__model_rmw(p), mutation == BLIND ? (atomic_store(p, v), true) \
                                           : atomic_compare_exchange_strong(p, expected, v))
#include "sched/timer.c"

#define TIMERS 4
#define LATE ((int64_t)1 << 20)

static struct weft__timer timers[TIMERS];
static bool in_use[TIMERS];
static struct weft__timer *cached[WORLD_THREADS]; /* each worker's magazine holds one */
static unsigned made;
static struct weft__timer_handle first; /* the one that is disarmed */
static uint64_t tickets[WORLD_THREADS];
static bool disarmed;

static unsigned owner_of(struct weft__magazine *magazine)
{
    return (unsigned)(weft__container_of(magazine, struct weft__worker, timers) - workers);
}

void *weft__pool_take(struct weft__pool *pool, struct weft__magazine *magazine)
{
    (void)pool;
    struct weft__timer **own = &cached[owner_of(magazine)];
    struct weft__timer *timer = *own ? *own : &timers[made++];
    *own = NULL;
    model_assert(!in_use[timer - timers], "TIMER-2");
    in_use[timer - timers] = true;
    return timer;
}

void weft__pool_give(struct weft__pool *pool, struct weft__magazine *magazine, void *object)
{
    (void)pool;
    struct weft__timer *timer = object;
    model_assert(in_use[timer - timers], "TIMER-2");
    in_use[timer - timers] = false;
    cached[owner_of(magazine)] = timer;
    if (mutation == NO_GENERATION)
        weft__store(&timer->state, weft__load(&timer->state, relaxed) - GENERATION, relaxed);
}

static void reset(void)
{
    world_reset(3);
    for (unsigned i = 0; i < 3; i++)
        weft__wheel_init(&workers[i].wheel, 0);
    memset(timers, 0, sizeof timers);
    memset(in_use, 0, sizeof in_use);
    memset(cached, 0, sizeof cached);
    memset(tickets, 0, sizeof tickets);
    made = 0;
    first.timer = NULL;
    disarmed = false;
    model_name(timers);
}

static struct weft__timer_handle arm(unsigned worker, unsigned task)
{
    tickets[task] = weft__wait_start(&tasks[task].waiter);
    return weft__timer_arm(&workers[worker], &tasks[task].waiter, tickets[task], 1);
}

static void tick(unsigned worker)
{
    weft__expire_timers(&workers[worker], &workers[worker], LATE);
    weft__drop_disarmed(&workers[worker]);
}

/* Arms a timer for task 1, looks at its timers, arms another one for task 3. */
static void home(void)
{
    weft__seat_enter(workers[0].seat);
    struct weft__timer_handle handle = arm(0, 1);
    weft__seat_leave(workers[0].seat);
    model_fence(); /* the task moves to worker 1, by a shelf */
    first = handle;
    weft__seat_enter(workers[0].seat);
    tick(0);
    arm(0, 3);
    weft__seat_leave(workers[0].seat);
}

/* Disarms at home itself. */
static void home_alone(void)
{
    weft__seat_enter(workers[0].seat);
    first = arm(0, 1);
    weft__seat_leave(workers[0].seat);
    model_step();
    weft__seat_enter(workers[0].seat);
    weft__timer_disarm(&workers[0], first);
    disarmed = true;
    arm(0, 3);
    weft__seat_leave(workers[0].seat);
}

static bool first_armed(void *arg)
{
    (void)arg;
    return first.timer != NULL;
}

static void remote(void)
{
    model_wait(first_armed, NULL);
    weft__seat_enter(workers[1].seat);
    weft__timer_disarm(&workers[1], first);
    disarmed = true;
    weft__seat_leave(workers[1].seat);
}

/* What it releases it may arm again, for its own task. */
static void rescuer(void)
{
    if (!weft__seat_take(workers[0].seat))
        return;
    weft__expire_timers(&workers[2], &workers[0], LATE);
    weft__seat_give_back(workers[0].seat);
    weft__seat_enter(workers[2].seat);
    arm(2, 2);
    weft__seat_leave(workers[2].seat);
}

static enum weft__wait_state state_of(unsigned task)
{
    return weft__wait_state(&tasks[task].waiter);
}

static void each_was_released_once(void)
{
    tick(0);
    tick(2);
    for (unsigned i = 0; i < TIMERS; i++)
        model_assert(!in_use[i], "TIMER-2");
    for (unsigned i = 0; i < 3; i++)
        model_assert(workers[i].wheel.count == 0 && weft__wheel_valid(&workers[i].wheel),
                     "TIMER-2");
    model_assert(disarmed, "TIMER-1");
    model_assert(state_of(1) == (runnable[1] ? WEFT__DEADLINE : WEFT__WAITING), "TIMER-1");
    /* Those that nobody disarmed have fired. */
    model_assert(state_of(3) == WEFT__DEADLINE && runnable[3] == 1, "TIMER-1");
    model_assert(tickets[2] == 0 || (state_of(2) == WEFT__DEADLINE && runnable[2] == 1), "TIMER-1");
}

static struct model model = { .setup = reset, .check = each_was_released_once };

TEST(TIMER_1_and_2_fired_or_disarmed_by_another_worker)
{
    model.body[0] = home;
    model.body[1] = remote;
    model.preemptions = 4;
    model_check(&model);
}

TEST(TIMER_1_and_2_with_a_rescuer)
{
    model.body[0] = home;
    model.body[1] = remote;
    model.body[2] = rescuer;
    model.preemptions = 2;
    model.random = 10000;
    model_check(&model);
}

static void nobody(void)
{
}

TEST(TIMER_1_and_2_disarmed_at_home_with_a_rescuer)
{
    model.body[0] = home_alone;
    model.body[1] = nobody;
    model.body[2] = rescuer;
    model.preemptions = 2;
    model.random = 10000;
    model_check(&model);
}

TEST(TIMER_1_needs_the_exchange)
{
    mutation = BLIND;
    model.body[0] = home;
    model.body[1] = remote;
    model_check_fails(&model, "TIMER-");
}

TEST(TIMER_1_needs_the_generation)
{
    mutation = NO_GENERATION;
    model.body[0] = home;
    model.body[1] = remote;
    model_check_fails(&model, "TIMER-");
}
