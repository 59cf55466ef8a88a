/* When work is shared, and that it is shared once. */
#include "suite.h"

#include <stdatomic.h>

#include "sched/share.h"
#include "sched/task.h"
#include "tasks.h"
#include "weft/channel.h"

static uint64_t steals(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < weft__rt.workers; i++)
        sum += weft__load(&weft__rt.worker[i].steals, relaxed);
    return sum;
}

#define BURST 40
#define BURSTS 2000
#define TRIES 5 /* the kernel stops us at times: then a burst is not over soon */

struct sleeper {
    struct weft__waiter *waiter;
    uint64_t ticket;
};

static atomic_int asleep;
static atomic_bool over;

static void sleep_once(struct sleeper *me)
{
    me->waiter = weft__waiter_self();
    me->ticket = weft__wait_begin(me->waiter, "test", 0);
    atomic_fetch_add(&asleep, 1); /* publishes both */
    weft__wait_park(me->waiter, INT64_MAX);
}

static int sleep_again_and_again(void *arg)
{
    struct sleeper *me = arg;
    while (!atomic_load(&over))
        sleep_once(me);
    return 0;
}

static void wake_all(struct sleeper *sleepers, bool last)
{
    while (atomic_load(&asleep) < BURST)
        weft_yield();
    atomic_store(&asleep, 0);
    atomic_store(&over, last);
    for (int i = 0; i < BURST; i++)
        weft__wait_fire(sleepers[i].waiter, sleepers[i].ticket, WEFT__EVENT);
}

static uint64_t steals_in_bursts(struct sleeper *sleepers)
{
    uint64_t before = steals();
    for (int i = 0; i < BURSTS; i++)
        wake_all(sleepers, false);
    return steals() - before;
}

static int wake_in_bursts(void *unused)
{
    (void)unused;
    struct sleeper sleepers[BURST];
    weft_task *tasks[BURST];
    for (int i = 0; i < BURST; i++)
        SPAWN(sleep_again_and_again, &sleepers[i], &tasks[i]);
    for (int i = 0; i < BURSTS; i++)
        wake_all(sleepers, false);
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < TRIES && least >= BURSTS / 20; i++) {
        uint64_t stolen = steals_in_bursts(sleepers);
        least = stolen < least ? stolen : least;
    }
    ck_assert_uint_lt(least, BURSTS / 20);
    wake_all(sleepers, true);
    for (int i = 0; i < BURST; i++)
        JOIN(tasks[i], 0);
    return 0;
}

TEST(bursts_that_are_over_soon_are_not_shared)
{
    if (test_is_slowed())
        test_skip("no burst is over soon");
    ck_assert_int_eq(run_tasks(2, wake_in_bursts, NULL), 0);
}

#define CAPACITY 4096

static int send_for_ever(void *arg)
{
    long sent = CAPACITY / 2;
    while (weft_channel_send(arg, &sent) == 0)
        sent++;
    return 0;
}

static int receive_for_ever(void *arg)
{
    long got, next = 0;
    while (weft_channel_receive(arg, &got) == 0) {
        if (got != next++)
            return -EPROTO;
    }
    return 0;
}

WEFT_RACY static bool somebody_has_more_patience(void)
{
    for (unsigned i = 0; i < weft__rt.workers; i++) {
        if (*(volatile int32_t *)&weft__rt.worker[i].patience > 4 * WEFT__PATIENCE)
            return true;
    }
    return false;
}

static int work_for_each_other(void *unused)
{
    (void)unused;
    weft_channel *channel;
    weft_task *tasks[2];
    long sent = 0; /* half full, so that nearly always both can run */
    ck_assert_int_eq(weft_channel_create(sizeof sent, CAPACITY, &channel), 0);
    for (; sent < CAPACITY / 2; sent++)
        ck_assert_int_eq(weft_channel_send(channel, &sent), 0);
    SPAWN(send_for_ever, channel, &tasks[0]);
    SPAWN(receive_for_ever, channel, &tasks[1]);
    while (!somebody_has_more_patience())
        weft_sleep(1000000);
    weft_channel_close(channel);
    JOIN(tasks[0], 0);
    JOIN(tasks[1], 0);
    weft_channel_destroy(channel);
    return 0;
}

TEST(tasks_that_work_for_each_other_are_shared_less_often)
{
    if (test_is_slowed())
        test_skip("nobody comes back soon");
    ck_assert_int_eq(run_tasks(2, work_for_each_other, NULL), 0);
}

static void exchange(struct weft__worker *worker, int64_t since, bool came_back)
{
    worker->exchanged = worker->backlog_since - since;
    worker->judged = false;
    worker->came_back = came_back;
    weft__learn_patience(worker);
}

TEST(patience_grows_with_what_is_shared_in_vain)
{
    struct weft__worker worker = { .patience = WEFT__PATIENCE, .backlog_since = 1000000000 };
    exchange(&worker, 1000, true);
    ck_assert_int_eq(worker.patience, 2 * WEFT__PATIENCE);
    weft__learn_patience(&worker); /* the same again: judged already */
    ck_assert_int_eq(worker.patience, 2 * WEFT__PATIENCE);
    for (int i = 0; i < 10; i++)
        exchange(&worker, 1000, true);
    ck_assert_int_eq(worker.patience, WEFT__PATIENCE_MOST);
    exchange(&worker, 1000, false); /* they are gone, and there are more */
    ck_assert_int_eq(worker.patience, WEFT__PATIENCE);
    exchange(&worker, 1000, true);
    exchange(&worker, WEFT__WAKE_UP, true); /* they were away for long */
    ck_assert_int_eq(worker.patience, WEFT__PATIENCE);
    exchange(&worker, 1000, true);
    worker.backlog_since = worker.exchanged + WEFT__FORGET - 1;
    weft__learn_patience(&worker);
    ck_assert_int_eq(worker.patience, 2 * WEFT__PATIENCE);
    worker.backlog_since++; /* nothing has been shared for long */
    weft__learn_patience(&worker);
    ck_assert_int_eq(worker.patience, WEFT__PATIENCE);
}

static size_t taken_back(struct weft__worker *worker)
{
    weft__take_oldest(worker);
    size_t count = weft__queue_count(&worker->ready);
    if (count)
        weft__queue_split(&worker->ready, count);
    return count;
}

static int lend(void *unused)
{
    (void)unused;
    struct weft__worker *worker = weft__self()->worker;
    struct weft_task tasks[4] = { 0 };
    weft__seat_enter(worker->seat);
    for (int i = 0; i < 4; i++)
        weft__queue_append(&worker->ready, &tasks[i]);
    weft__share(worker);
    ck_assert_uint_eq(weft__queue_count(&worker->ready), 2);
    weft__queue_split(&worker->ready, 2);

    ck_assert(weft__sleepers_search(&weft__rt.sleepers, 2)); /* as if somebody were coming */
    ck_assert_uint_eq(taken_back(worker), 0);
    worker->ticked += WEFT__LOAN; /* too late */
    ck_assert_uint_eq(taken_back(worker), 2);

    tasks[0].next = NULL;
    weft__shelf_give(&worker->shelf, (struct weft__chain){ &tasks[0], &tasks[0], 1 });
    worker->loan_ends = worker->ticked + WEFT__LOAN;
    ck_assert_uint_eq(taken_back(worker), 0);
    weft__sleepers_found(&weft__rt.sleepers); /* and has got something else */
    ck_assert_uint_eq(taken_back(worker), 1);
    weft__seat_leave(worker->seat);
    return 0;
}

TEST(what_was_given_away_is_left_for_those_who_were_woken)
{
    ck_assert_int_eq(run_in_turn(lend, NULL), 0);
}
