/* sched/wait.h and wait.c: an event, a cancelling and a deadline for one waiter,
 * which waits twice, so that each of them may also come too late. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: the claim does not compare; a late party asks the waiter for
 * its ticket. */
static enum { NOTHING, BLIND_CLAIM, TICKET_FROM_WAITER } mutation;

#undef weft__cas
#define weft__cas(p, expected, v, success, failure) \
    (weft__model_rmw(p), mutation == BLIND_CLAIM && sizeof *(p) == 8 \
                             ? (atomic_store(p, v), true) \
                             : atomic_compare_exchange_strong(p, expected, v))

#include "world.h"

#include "suite.h"

#include "sched/wait.c"

#define ROUNDS 2

static struct weft__waiter *waiter;
static struct weft__lock list_lock; /* of the event's list: */
static uint64_t listed;             /* the ticket in it; 0: empty */
static uint64_t known;              /* the ticket that a canceller or a timer knows */
static bool over, abandons, timed;
static struct {
    int fired;
    enum weft__wait_state by, reason;
    bool abandoned;
} waits[ROUNDS + 2]; /* by ticket */

static void reset(void)
{
    world_reset(3);
    waiter = &tasks[0].waiter;
    list_lock.state = 0;
    listed = known = 0;
    over = abandons = timed = false;
    memset(waits, 0, sizeof waits);
    model_name(list_lock);
    model_name(tasks[0].waiter.word);
}

static void wait_once(void)
{
    uint64_t ticket = weft__wait_begin(waiter, "test", 0);
    known = ticket;
    weft__lock_acquire(&list_lock);
    listed = ticket;
    weft__lock_release(&list_lock);
    if (abandons && model_choose(2) && weft__wait_abandon(waiter, ticket)) {
        waits[ticket].abandoned = true;
    } else {
        waits[ticket].reason = weft__wait_park(waiter, timed ? 1 : INT64_MAX); /* WAIT-5 */
    }
    weft__lock_acquire(&list_lock);
    listed = 0;
    weft__lock_release(&list_lock);
}

static void waiting(void)
{
    for (int i = 0; i < ROUNDS; i++)
        wait_once();
    over = true;
}

static void waiting_or_not(void)
{
    abandons = true;
    waiting();
}

static void waiting_thread(void)
{
    plain[0] = true;
    waiter = &thread_waiters[0].waiter;
    waiting();
}

static void waiting_thread_with_deadline(void)
{
    timed = abandons = true;
    waiting_thread();
}

static void fire(uint64_t ticket, enum weft__wait_state reason)
{
    uint64_t asked = ticket;
    if (mutation == TICKET_FROM_WAITER && reason != WEFT__EVENT)
        asked = weft__load(&waiter->word, relaxed) >> WEFT__WAIT_SHIFT;
    if (weft__wait_fire(waiter, asked, reason)) {
        waits[ticket].fired++;
        waits[ticket].by = reason;
    }
}

static bool listed_or_over(void *arg)
{
    (void)arg;
    return listed || over;
}

/* The event looks into its list whenever there is somebody. */
static void event(void)
{
    while (!over) {
        model_wait(listed_or_over, NULL);
        weft__lock_acquire(&list_lock);
        uint64_t ticket = listed;
        listed = 0;
        if (ticket)
            fire(ticket, WEFT__EVENT);
        weft__lock_release(&list_lock);
    }
}

static bool known_or_over(void *arg)
{
    (void)arg;
    return known || over;
}

static void fire_late(enum weft__wait_state reason)
{
    model_wait(known_or_over, NULL);
    uint64_t ticket = known;
    model_step(); /* as long as it likes: WAIT-3 */
    if (ticket)
        fire(ticket, reason);
}

static void canceller(void)
{
    fire_late(WEFT__CANCELLED);
}

static void timer(void)
{
    fire_late(WEFT__DEADLINE);
}

static void one_reason_won(void)
{
    for (uint64_t ticket = 1; ticket <= ROUNDS; ticket++) {
        int fired = waits[ticket].fired;
        if (timed && waits[ticket].reason == WEFT__DEADLINE && fired == 0)
            continue; /* its own doing */
        model_assert(fired == (waits[ticket].abandoned ? 0 : 1), "WAIT-1");
        model_assert(waits[ticket].abandoned || waits[ticket].by == waits[ticket].reason,
                     "WAIT-1 and WAIT-3");
    }
    model_assert(runnable[0] == 0, "WAIT-2");
}

static struct model model = { .setup = reset,
                              .body = { waiting, event, canceller },
                              .check = one_reason_won };

TEST(WAIT_1_to_3_event_against_cancelling)
{
    model_check(&model);
}

TEST(WAIT_1_to_3_event_against_cancelling_and_deadline)
{
    model.body[3] = timer;
    model.preemptions = 1;
    model.random = 20000;
    model_check(&model);
}

TEST(WAIT_5_a_wait_is_abandoned_or_parked)
{
    model.body[0] = waiting_or_not;
    model_check(&model);
}

TEST(WAIT_1_to_3_a_plain_thread)
{
    model.body[0] = waiting_thread;
    model_check(&model);
}

TEST(WAIT_1_to_5_a_plain_thread_with_a_deadline)
{
    model.body[0] = waiting_thread_with_deadline;
    model_check(&model);
}

TEST(WAIT_1_needs_the_exchange)
{
    mutation = BLIND_CLAIM;
    model_check_fails(&model, "WAIT-");
}

TEST(WAIT_3_needs_the_ticket)
{
    mutation = TICKET_FROM_WAITER;
    model_check_fails(&model, "WAIT-");
}
