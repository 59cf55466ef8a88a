/* hook/lot.h and lot.c: waiting and waking, with a deadline that takes a waiter away
 * from under the waker. */
#include <errno.h>

#include "base/atomic.h"
#include "os/barrier.h"

/* Broken on purpose: the waker looks for waiters before its change is to be seen;
 * a waker that came too late for a waiter is content; a thread that may be cancelled does
 * not look again; who recalls a waiter leaves its node in the list. */
static enum { NOTHING, NO_FENCE, NO_NEXT, NO_LOOK, NO_DELISTING } mutation;

#undef weft__barrier_full
#define weft__barrier_full() (mutation == NO_FENCE ? (void)0 : model_fence())

#include "world.h"

#include "suite.h"

#include "sched/wait.c"

#include "hook/lot.h"

static bool claim(struct weft__waiter *waiter, uint64_t ticket, enum weft__wait_state reason)
{
    return weft__wait_claim(waiter, ticket, reason) || mutation == NO_NEXT;
}

#define BUCKETS 2
#define weft__wait_claim claim
#include "hook/lot.c"
#undef weft__wait_claim

static _Atomic(uint32_t) word, other, cancelled;

static void reset(void)
{
    world_reset(3);
    word = cancelled = disturbances = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        weft__list_init(&buckets[i].nodes);
        buckets[i].waiting = buckets[i].outside = 0;
        buckets[i].lock.state = 0;
    }
    model_name(word);
}

static void wait_for_it(void)
{
    while (weft__load(&word, relaxed) == 0)
        weft__lot_wait(&word, 0, WEFT__LOT_ANY, INT64_MAX, "test");
}

static void wait_as_thread(void)
{
    plain[model_self()] = true;
    wait_for_it();
}

/* Passes a wake that it got on, since it may have been meant for two. */
static void wait_a_while(void)
{
    plain[model_self()] = true;
    if (weft__lot_wait(&word, 0, WEFT__LOT_ANY, 1, "test") == 0)
        weft__lot_wake(&word, 1, WEFT__LOT_ANY);
}

static void wake_one(void)
{
    weft__store(&word, 1, relaxed);
    weft__lot_wake(&word, 1, WEFT__LOT_ANY);
}

#define THREAD 17 /* a pthread_t */

/* As hook/cond.c does. */
static void wait_until_cancelled(void)
{
    struct weft__bucket *bucket = weft__lot_bucket((void *)&word);
    struct weft__lot_node node;
    plain[model_self()] = true;
    uint32_t before = weft__lot_disturbances();
    if (weft__load(&cancelled, relaxed))
        return;
    weft__lot_begin(&node, weft__waiter_self(), (void *)&word, "test");
    node.plain = THREAD;
    weft__lot_enter(bucket);
    weft__lot_enlist(bucket, &node);
    if (mutation != NO_LOOK && weft__lot_disturbances() != before)
        weft__wait_fire(node.waiter, node.ticket, WEFT__CANCELLED);
    weft__lot_park(bucket, &node, INT64_MAX);
    model_assert(weft__load(&cancelled, relaxed), "LOT-6");
}

static void cancel(void)
{
    plain[model_self()] = true;
    weft__store(&cancelled, 1, relaxed);
    weft__lot_disturb(THREAD);
}

static void nobody_is_left(void)
{
    model_assert(weft__lot_bucket((void *)&word)->waiting == 0, "LOT-3");
}

static struct model model = { .setup = reset,
                              .body = { wait_for_it, wake_one },
                              .check = nobody_is_left };

TEST(LOT_1_and_2_no_wake_is_lost)
{
    model_check(&model);
}

TEST(LOT_1_and_2_nor_a_plain_threads)
{
    model.body[0] = wait_as_thread;
    model_check(&model);
}

TEST(LOT_3_a_deadline_takes_no_wake_with_it)
{
    model.body[2] = wait_a_while;
    model.preemptions = 2;
    model_check(&model);
}

TEST(LOT_6_no_cancellation_is_lost)
{
    model.body[0] = wait_until_cancelled;
    model.body[1] = cancel;
    model_check(&model);
}

static bool is_in_line(void *bucket)
{
    return !weft__list_empty(&((struct weft__bucket *)bucket)->nodes);
}

/* As who signals a condition does, and then who unlocks the mutex. */
static void move_and_wake(void)
{
    struct weft__bucket *from = weft__lot_bucket((void *)&word);
    struct weft__bucket *to = weft__lot_bucket((void *)&other);
    struct weft__lot_node *node;
    model_wait(is_in_line, from);
    weft__lock_acquire(&from->lock);
    model_assert(weft__lot_take(from, (void *)&word, WEFT__LOT_ANY, false, &node), "LOT-3");
    weft__lock_release(&from->lock);
    weft__lot_enter(to);
    weft__lot_append_claimed(to, node, (void *)&other, "other");
    weft__lock_release(&to->lock);
    weft__lot_wake(&other, 1, WEFT__LOT_ANY);
}

static void recall(void)
{
    struct weft__bucket *bucket = weft__lot_bucket((void *)&other);
    if (mutation != NO_DELISTING) {
        weft__lot_recall(&tasks[0].waiter);
        return;
    }
    weft__lock_acquire(&bucket->lock);
    bool found = find_claimed(bucket, &tasks[0].waiter);
    weft__lock_release(&bucket->lock);
    if (found)
        weft__wait_wake(&tasks[0].waiter);
}

/* Not on the stack: the broken recall leaves it in the list. */
static struct weft__lot_node waiting;

static void wait_once(void)
{
    struct weft__bucket *bucket = weft__lot_line_up(&waiting, &word, 0, WEFT__LOT_ANY, "test");
    weft__lot_park(bucket, &waiting, INT64_MAX);
}

static void both_are_empty(void)
{
    nobody_is_left();
    model_assert(weft__lot_bucket((void *)&other)->waiting == 0, "LOT-4");
}

static struct model moved = { .setup = reset,
                              .body = { wait_once, move_and_wake, recall },
                              .check = both_are_empty,
                              .preemptions = 3 };

TEST(LOT_4_who_is_recalled_is_woken_once)
{
    model_check(&moved);
}

TEST(LOT_4_a_recall_takes_the_node)
{
    mutation = NO_DELISTING;
    model_check_fails(&moved, "");
}

TEST(LOT_2_needs_the_fence)
{
    mutation = NO_FENCE;
    model_check_fails(&model, "");
}

TEST(LOT_6_needs_the_second_look)
{
    mutation = NO_LOOK;
    model.body[0] = wait_until_cancelled;
    model.body[1] = cancel;
    model_check_fails(&model, "");
}

TEST(LOT_3_needs_the_next_waiter)
{
    mutation = NO_NEXT;
    model.body[2] = wait_a_while;
    model.preemptions = 2;
    model_check_fails(&model, "");
}
