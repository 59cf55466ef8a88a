/* SIG-3 (src/hook/signals.h), with sched/wait.c: a signal becomes due in a thread that
 * goes to sleep, while an event wakes it, too. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"
#include "os/barrier.h"

/* Broken on purpose: the sender's heavy barrier is missing, the waiter does not look
 * before it parks, the sender does not look whether it waits, or who gives a wait up
 * does not ask whether it has been interrupted. */
static enum { NOTHING, NO_BARRIER, NO_LOOK, NO_FIRE, NO_ANSWER } mutation;

#undef weft__barrier_heavy
#define weft__barrier_heavy() (mutation == NO_BARRIER ? (void)0 : model_heavy_barrier())

#include "world.h"

#include "suite.h"

#include "sched/wait.c"

#define SIGNALS 2

static struct weft__waiter *waiter;
static _Atomic(uint32_t) due; /* sent and not handled */
static unsigned handled, interruptions;
static bool gives_up; /* a first wait: what it was for is there already */

static bool look(void)
{
    return mutation != NO_LOOK && weft__load(&due, relaxed) != 0;
}

static void reset(void)
{
    world_reset(2);
    waiter = &tasks[0].waiter;
    tasks[0].context.thread_pointer = &tasks[0];
    weft__wait_interrupted = look;
    due = 0;
    handled = interruptions = 0;
    model_name(due);
    model_name(tasks[0].waiter.word);
}

static void give_up(void)
{
    uint64_t ticket = weft__wait_begin(waiter, "gives up", 0);
    if (mutation == NO_ANSWER)
        weft__wait_abandon(waiter, ticket);
    else
        weft__wait_drop(waiter, ticket);
}

/* As pause() in a loop. A sender that is late interrupts a wait that has nothing to do
 * with its signal: callers go on when no handler has run. */
static void waiting(void)
{
    while (handled < SIGNALS) {
        if (gives_up)
            give_up();
        weft__wait_begin(waiter, "signal", 0);
        if (weft__wait_park(waiter, INT64_MAX) == WEFT__INTERRUPTED)
            interruptions++;
        handled += weft__exchange(&due, 0, acq_rel); /* the end of the call: SIG-4 */
    }
}

static bool due_is_taken(void *unused)
{
    (void)unused;
    return due == 0;
}

/* weft__signals_nudge() */
static void sending(void)
{
    for (int i = 0; i < SIGNALS; i++) {
        weft__store(&due, 1, relaxed);
        uint64_t word = world_find_wait(waiter);
        if (word && mutation != NO_FIRE)
            weft__wait_fire(waiter, word >> WEFT__WAIT_SHIFT, WEFT__INTERRUPTED);
        if (i + 1 < SIGNALS)
            model_wait(due_is_taken, NULL);
    }
}

static void all_handled(void)
{
    model_assert(handled == SIGNALS && due == 0, "SIG-3");
    model_assert(interruptions >= SIGNALS, "SIG-3");
    model_assert(runnable[0] == 0, "WAIT-2");
}

static struct model model = { .setup = reset, .body = { waiting, sending }, .check = all_handled };

TEST(SIG_3_no_interruption_is_lost)
{
    model_check(&model);
}

TEST(SIG_3_needs_the_barrier)
{
    mutation = NO_BARRIER;
    model_check_fails(&model, "deadlock");
}

TEST(SIG_3_needs_the_look)
{
    mutation = NO_LOOK;
    model_check_fails(&model, "deadlock");
}

TEST(SIG_3_needs_the_fire)
{
    mutation = NO_FIRE;
    model_check_fails(&model, "deadlock");
}

TEST(WAIT_5_nor_one_of_a_wait_that_is_given_up)
{
    gives_up = true;
    model_check(&model);
}

TEST(WAIT_5_needs_the_answer)
{
    gives_up = true;
    mutation = NO_ANSWER;
    model_check_fails(&model, "");
}
