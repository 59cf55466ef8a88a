/* Parking: sched/idle.c, sched/share.c and the shelves of sched/queue.c, with two
 * workers and a plain thread that makes tasks runnable. */
#define WORLD_HAS_SCHEDULE
#define WORLD_HAS_TIMERS
#include "world.h"

#include "suite.h"

/* Broken on purpose: the producer notifies before it adds; the worker does not
 * look again after it has announced its sleep; it stops to search only after it
 * has looked again; a searcher that found something does not look for more. */
static enum { NOTHING, NOTIFIES_EARLY, NO_SECOND_LOOK, SEARCHES_TOO_LONG, NO_SUCCESSOR } mutation;

static bool announced[WORLD_THREADS], leaves_late[WORLD_THREADS];

#include "sched/queue.c"

/* The producer's steps: adding comes after the notice. */
static struct weft__shelf *late_shelf;
static struct weft__chain late_chain;

static void give(struct weft__shelf *shelf, struct weft__chain chain)
{
    if (mutation != NOTIFIES_EARLY) {
        weft__shelf_give(shelf, chain);
        return;
    }
    late_shelf = shelf;
    late_chain = chain;
}

static void give_late(void)
{
    if (late_shelf)
        weft__shelf_give(late_shelf, late_chain);
    late_shelf = NULL;
}

#define weft__shelf_give(shelf, ...) give(shelf, __VA_ARGS__)
#include "sched/share.c"
#undef weft__shelf_give

/* The worker's. */
static bool announce(struct weft__sleepers *all, struct weft__sleeper *me, bool searching,
                     unsigned count)
{
    unsigned self = model_self();
    announced[self] = true;
    leaves_late[self] = mutation == SEARCHES_TOO_LONG && searching;
    return weft__sleepers_announce(all, me, searching && !leaves_late[self], count);
}

static void leave_late(void)
{
    if (leaves_late[model_self()])
        weft__add(&weft__rt.sleepers.counts, -WEFT__SEARCHER, seq_cst);
    leaves_late[model_self()] = false;
}

static bool retract(struct weft__sleepers *all, struct weft__sleeper *me)
{
    leave_late();
    announced[model_self()] = false;
    return weft__sleepers_retract(all, me);
}

#define weft__sleepers_announce(all, me, searching, count) announce(all, me, searching, count)
#define weft__sleepers_retract(all, me) retract(all, me)
#define weft__shelf_empty(shelf) \
    ((mutation == NO_SECOND_LOOK && announced[model_self()]) || weft__shelf_empty(shelf))
#define weft__notify() (mutation == NO_SUCCESSOR ? (void)0 : weft__notify())
#include "sched/idle.c"
#undef weft__notify

void (*weft__on_deadlock)(void);

static struct weft_task work[2];
static bool poked[WORLD_THREADS], ran[2], forever;
static int idle_turns[WORLD_THREADS];

/* Every queue of a worker but the ready one is empty here. */
bool weft__has_work(struct weft__worker *worker)
{
    return worker->ready.head != NULL;
}

struct weft_task *weft__next(struct weft__worker *worker)
{
    return weft__queue_take(&worker->ready);
}

static bool is_poked(void *arg)
{
    return *(bool *)arg;
}

bool weft__poll(struct weft__worker *worker, struct weft__worker *owner, int64_t timeout)
{
    (void)owner;
    model_assert(timeout < 0, "no timers here");
    leave_late();
    model_note("sleeps");
    model_wait(is_poked, &poked[worker->index]);
    poked[worker->index] = false;
    return false;
}

void weft__poller_wake(struct weft__poller *poller)
{
    model_step();
    unsigned index = (unsigned)(weft__container_of(poller, struct weft__worker, poller) - workers);
    model_note("pokes T%u", index);
    poked[index] = true;
}

/* The search goes round: with nothing found, and no sleep. */
bool weft__expire_timers(struct weft__worker *worker, struct weft__worker *owner, int64_t now)
{
    (void)owner, (void)now;
    if (idle_turns[worker->index]++ > 1)
        model_spin();
    return false;
}

void weft__drop_disarmed(struct weft__worker *worker)
{
    (void)worker;
}

int64_t weft__wheel_next(const struct weft__wheel *wheel)
{
    (void)wheel;
    return INT64_MAX;
}

void weft_event_set(weft_event *event)
{
    (void)event;
}

void weft__clock_advance(int64_t when)
{
    (void)when;
}

uint64_t weft__tasks_alive(void)
{
    return 2;
}

static unsigned carrier_count = 2;

static void reset(void)
{
    world_reset(carrier_count);
    memset(work, 0, sizeof work);
    late_shelf = NULL;
    memset(poked, 0, sizeof poked);
    memset(ran, 0, sizeof ran);
    memset(announced, 0, sizeof announced);
    memset(leaves_late, 0, sizeof leaves_late);
    memset(idle_turns, 0, sizeof idle_turns);
    model_name(work);
    model_name(weft__rt.sleepers.counts);
    model_name(weft__rt.closing);
    model_name(weft__rt.next_shelf);
    model_name(workers[0].shelf);
    model_name(workers[1].shelf);
    model_name(workers[0].sleeper);
    model_name(workers[1].sleeper);
}

static void close_all(void)
{
    weft__store(&weft__rt.closing, true, seq_cst);
    for (unsigned i = 0; i < weft__rt.workers; i++)
        weft__poller_wake(&workers[i].poller);
}

static bool has_run(void *arg)
{
    return *(bool *)arg;
}

/* A carrier. The first task keeps its worker until the second one has run, if it
 * is `forever`: then the other worker must not sleep. */
static void carrier(void)
{
    struct weft__worker *worker = &workers[model_self()];
    struct weft_task *task;
    while ((task = weft__find(worker))) {
        idle_turns[model_self()] = 0;
        unsigned which = (unsigned)(task - work);
        model_assert(!ran[which], "PARK: a task runs once");
        ran[which] = true;
        model_note("runs task %u", which);
        if (forever)
            model_wait(has_run, &ran[!which]);
        if (ran[0] && ran[1])
            close_all();
    }
}

static void producer(void)
{
    weft__ready_outside(&work[0]);
    weft__ready_outside(&work[1]);
}

static void producer_of_one(void)
{
    ran[1] = true;
    weft__ready_outside(&work[0]);
    give_late();
}

static void nobody_is_counted(void)
{
    model_assert(ran[0] && ran[1], "PARK-2");
    model_assert(weft__rt.sleepers.counts == 0, "PARK-1");
}

static struct model model = { .setup = reset,
                              .body = { carrier, carrier, producer },
                              .check = nobody_is_counted };

/* Work on a shelf while all workers sleep is a deadlock of the model. */
TEST(PARK_1_and_2_no_work_is_left)
{
    model_check(&model);
}

TEST(PARK_1_and_2_with_three_workers)
{
    carrier_count = 3;
    forever = true;
    model.body[2] = carrier;
    model.body[3] = producer;
    model.preemptions = 1;
    model.random = 10000;
    model_check(&model);
}

TEST(PARK_2_a_worker_that_is_busy_for_long_has_woken_another)
{
    forever = true;
    model_check(&model);
}

TEST(PARK_2_needs_the_work_before_the_notice)
{
    mutation = NOTIFIES_EARLY;
    model.body[2] = producer_of_one;
    model_check_fails(&model, "deadlock");
}

TEST(PARK_2_needs_the_second_look)
{
    mutation = NO_SECOND_LOOK;
    model.body[2] = producer_of_one;
    model_check_fails(&model, "deadlock");
}

TEST(PARK_2_needs_a_searcher_to_leave_before_its_second_look)
{
    mutation = SEARCHES_TOO_LONG;
    model.body[2] = producer_of_one;
    model_check_fails(&model, "deadlock");
}

TEST(PARK_2_needs_a_searcher_to_wake_its_successor)
{
    mutation = NO_SUCCESSOR;
    forever = true;
    model_check_fails(&model, "deadlock");
}
