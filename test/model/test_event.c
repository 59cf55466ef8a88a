/* sync/event.c: setting and clearing against waiting; and the event is gone as soon as its
 * wait is over. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: who waits does not say so; setting under the lock leaves nothing
 * that says so; who has passed takes that away though it is not set any more; who clears it
 * believes that only another one who clears can be faster. */
static enum { NOTHING, NO_FLAG, NO_MARK, TAKES_BLINDLY, CLEARS_ONCE } mutation;

#include "world.h"

#include "suite.h"

#include "scopes.h"
#include "waiting.h"
#include "ways.h"

static bool cas(_Atomic(uint32_t) *p, uint32_t *expected, uint32_t v);
static bool cas_once(_Atomic(uint32_t) *p, uint32_t *expected, uint32_t v);

/* As base/atomic.h has them. */
#undef weft__cas
#define weft__cas(p, expected, v, success, failure) (weft__model_rmw(p), cas(p, expected, v))
#undef weft__cas_weak
#define weft__cas_weak(p, expected, v, success, failure) \
    (weft__model_rmw(p), cas_once(p, expected, v))
#undef weft__exchange
#define weft__exchange(p, v, order) \
    (weft__model_rmw(p), atomic_exchange(p, mutation == NO_MARK ? (v) & ~WAITERS : (v)))
#include "sync/event.c"

static bool cas(_Atomic(uint32_t) *p, uint32_t *expected, uint32_t v)
{
    if (mutation == NO_FLAG)
        v &= ~WAITERS;
    if (mutation == TAKES_BLINDLY && v == SET)
        return atomic_fetch_and(p, ~WAITERS) & WAITERS;
    return atomic_compare_exchange_strong(p, expected, v);
}

static bool cas_once(_Atomic(uint32_t) *p, uint32_t *expected, uint32_t v)
{
    bool done = atomic_compare_exchange_strong(p, expected, v);
    if (mutation == CLEARS_ONCE && !done && v == 0)
        *expected = 0;
    return done;
}

static weft_event event;
static int payload, out;
static bool cleared;

static void reset(void)
{
    world_reset(WORLD_THREADS);
    memset(&event, 0, sizeof event);
    payload = out = 0;
    cleared = false;
    model_name(event);
}

static void set(void)
{
    payload = 7;
    weft_event_set(&event);
}

static void wait_and_destroy(void)
{
    model_assert(weft_event_wait(&event) == 0, "EVENT-1");
    model_assert(payload == 7, "EVENT-1");
    model_forbid(&event, sizeof event); /* EVENT-2 */
}

static void wait_as_thread(void)
{
    plain[model_self()] = true;
    wait_and_destroy();
}

/* Comes first, gives up before the other one: so the setter may find its list empty. */
static void wait_for_a_while_and_for_ever(void)
{
    begin_way();
    if (end_way(weft_event_wait(&event)))
        wait_and_destroy();
    else
        model_forbid(&event, sizeof event);
}

static void nothing_left(void)
{
    model_assert(runnable[0] == 0 && runnable[1] == 0, "WAIT-2");
}

static struct model model = { .setup = reset,
                              .body = { wait_and_destroy, set },
                              .check = nothing_left };

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
                              .body = { wait_for_a_while_and_for_ever, set, cut_short },
                              .check = nothing_left };

TEST(EVENT_2_one_gives_up_and_comes_again)
{
    check_each_way(&again);
}

/* The last one out destroys it. */
static void wait_together(void)
{
    plain[2] = true;
    model_assert(weft_event_wait(&event) == 0 && payload == 7, "EVENT-1");
    model_fence(); /* counting is an exchange */
    if (++out == 2)
        model_forbid(&event, sizeof event);
}

TEST(EVENT_2_a_task_and_a_thread_wait)
{
    model.body[0] = model.body[2] = wait_together;
    model_check(&model);
}

/* As it is left by one who was waited for. */
static void reset_after_a_wait(void)
{
    reset();
    weft__event_of(&event)->state = SET | WAITERS;
}

static void wait_for_ever(void)
{
    model_assert(weft_event_wait(&event) == 0, "EVENT-1");
}

static void clear(void)
{
    weft_event_clear(&event);
    cleared = true;
}

static bool has_been_cleared(void *unused)
{
    (void)unused;
    return cleared;
}

static void clear_and_set(void)
{
    weft_event_clear(&event);
    model_wait(has_been_cleared, NULL);
    set();
}

static struct model clearing = { .setup = reset_after_a_wait,
                                 .body = { wait_for_ever, clear_and_set, clear },
                                 .check = nothing_left };

TEST(EVENT_1_who_clears_it_last_forgets_nobody)
{
    model_check(&clearing);
}

/* Who was waiting goes on, though it is not set any more. */
static void set_and_clear(void)
{
    set();
    weft_event_clear(&event);
}

static bool somebody_waits(void *unused)
{
    (void)unused;
    return !weft__wait_list_empty(&weft__event_of(&event)->waiters);
}

static void set_and_clear_late(void)
{
    model_wait(somebody_waits, NULL);
    set_and_clear();
}

TEST(EVENT_1_who_waits_when_it_is_set_goes_on)
{
    clearing.setup = reset;
    clearing.body[1] = set_and_clear_late;
    clearing.body[2] = NULL;
    model_check(&clearing);
}

/* As it is left by one who has given up. */
static void reset_after_giving_up(void)
{
    reset();
    weft__event_of(&event)->state = WAITERS;
}

/* Who finds it set while the setter may be inside; the last one out destroys it. */
static void pass_together(void)
{
    if (!weft__event_passed(weft__event_of(&event)))
        return;
    model_assert(payload == 7, "EVENT-1");
    model_fence();
    if (++out == 2)
        model_forbid(&event, sizeof event);
}

static struct model passing = { .setup = reset_after_giving_up,
                                .body = { pass_together, set, pass_together } };

TEST(EVENT_3_one_passes_after_the_other)
{
    model_check(&passing);
}

/* Nobody sets it any more: who passes takes nothing from who clears. */
static void clear_for_good(void)
{
    clear();
    model_assert(!weft_event_is_set(&event), "EVENT-3");
}

static void pass_if_set(void)
{
    weft__event_passed(weft__event_of(&event));
}

static struct model cleared_for_good = { .setup = reset_after_a_wait,
                                         .body = { pass_if_set, clear_for_good, pass_if_set } };

TEST(EVENT_3_what_is_cleared_while_others_pass_stays_so)
{
    model_check(&cleared_for_good);
}

/* Who passes late, after it was cleared and others wait again, lets them be seen. */
static void clear_and_set_again(void)
{
    weft_event_clear(&event);
    set();
}

static struct model passing_late = { .setup = reset_after_a_wait,
                                     .body = { wait_for_ever, clear_and_set_again, pass_if_set },
                                     .check = nothing_left };

TEST(EVENT_3_who_passes_late_forgets_nobody)
{
    model_check(&passing_late);
}

TEST(EVENT_1_needs_the_flag)
{
    mutation = NO_FLAG;
    model_check_fails(&model, "deadlock");
}

TEST(EVENT_2_needs_the_mark)
{
    mutation = NO_MARK;
    model_check_fails(&again, "use after release: event");
}

TEST(EVENT_3_needs_both_marks_when_one_is_taken_away)
{
    mutation = TAKES_BLINDLY;
    model_check_fails(&passing_late, "deadlock");
}

TEST(EVENT_3_needs_who_clears_to_look_again)
{
    mutation = CLEARS_ONCE;
    model_check_fails(&cleared_for_good, "EVENT-3");
}

TEST(QUEUE_3_needs_the_wake)
{
    queue_mutation = NO_QUEUE_3;
    model.body[0] = wait_as_thread;
    model_check_fails(&model, "use after release: event");
}

TEST(QUEUE_4_needs_the_wakes_to_come_last)
{
    queue_mutation = NO_QUEUE_4;
    model_check_fails(&model, "use after release: event");
}
