/* os/latch.h: the lock whose release is a store. */
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: who is about to sleep, or has straightened the latch, does not make others
 * pass a fence; or does not wait for who is inside; who enters does not look again. */
static enum { NOTHING, NO_BARRIER, NO_WAITING, NO_SECOND_LOOK } mutation;

#include "os/barrier.h"

#undef weft__barrier_heavy
#define weft__barrier_heavy() (mutation == NO_BARRIER ? (void)0 : model_heavy_barrier())
#undef weft__spin_hint
#define weft__spin_hint() ((void)0) /* it goes to sleep before anything has changed */

#define sched_yield() model_spin()

#include "os/latch.h"

#define weft__latch_is_inside(number, latch) \
    (mutation != NO_WAITING && weft__latch_is_inside(number, latch))
#include "os/latch.c"
#include "suite.h"

/* No moment is ever over: a wake that is lost is lost for good. */
bool weft__futex_wait(_Atomic(uint32_t) *word, uint32_t value, int64_t deadline)
{
    (void)deadline;
    return model_futex_wait(word, value, false);
}

void weft__futex_wake(_Atomic(uint32_t) *word, int count)
{
    model_futex_wake(word, count);
}

static struct weft__latch latch;
static int owner, entered;
static bool leans_at_first; /* towards number 0 */

static void reset(void)
{
    latch.state = leans_at_first ? WEFT__LATCH_LEANS : 0;
    weft__latch_sleepers = 0;
    for (int i = 0; i < 3; i++)
        weft__latch_section[i].latch = NULL;
    owner = -1;
    entered = 0;
    model_name(latch);
    model_name(weft__latch_sleepers);
    model_name(weft__latch_section[0]);
    model_name(weft__latch_section[1]);
}

static void work(void)
{
    int self = (int)model_self(), before = entered;
    model_assert(owner == -1, "LATCH: exclusion");
    owner = self;
    model_step();
    model_assert(owner == self, "LATCH: exclusion");
    owner = -1;
    entered = before + 1;
}

static void hold(void)
{
    weft__latch_acquire(&latch);
    work();
    weft__latch_release(&latch);
}

static bool enter(uint32_t number)
{
    if (mutation != NO_SECOND_LOOK)
        return weft__latch_enter(&latch, number);
    if (weft__load(&latch.state, relaxed) != WEFT__LATCH_LEANS + number)
        return false;
    model_step();
    weft__store(&weft__latch_section[number].latch, &latch, relaxed);
    return true;
}

/* As this thread's worker does: it is alone with the number. */
static void lean(void)
{
    uint32_t number = model_self();
    if (enter(number)) {
        work();
        weft__latch_leave(number);
    } else {
        weft__latch_acquire(&latch);
        work();
        weft__latch_release_leaning(&latch, number);
    }
}

/* By who is not, or not any more, on that worker. */
static void hold_and_let_lean(void)
{
    weft__latch_acquire(&latch);
    work();
    weft__latch_release_leaning(&latch, 0);
}

static void lean_twice(void)
{
    lean();
    lean();
}

static void hold_twice(void)
{
    hold();
    hold();
}

static void all_entered(void)
{
    model_assert(entered == 4, "LATCH: progress");
    model_assert(weft__latch_sleepers == 0, "LATCH-1");
    for (uint32_t i = 0; i < 3; i++)
        model_assert(!weft__latch_is_inside(i, &latch), "LATCH-5");
}

static struct model model = { .setup = reset,
                              .body = { hold_twice, hold, hold },
                              .check = all_entered };

TEST(LATCH_1_one_at_a_time_and_all_in_the_end)
{
    model_check(&model);
}

TEST(LATCH_1_needs_the_heavy_barrier)
{
    mutation = NO_BARRIER;
    model_check_fails(&model, "");
}

static const struct model leaning = { .setup = reset,
                                      .body = { lean_twice, hold, hold },
                                      .check = all_entered };

TEST(LATCH_3_who_enters_is_alone)
{
    model_check(&leaning);
    leans_at_first = true;
    model_check(&leaning);
    struct model two = leaning;
    two.body[1] = lean_twice;
    two.body[2] = NULL;
    two.preemptions = 3;
    model_check(&two);
    two.body[1] = two.body[2] = hold_and_let_lean;
    model_check(&two);
}

static const struct model entering = { .setup = reset, .body = { lean, hold }, .preemptions = 3 };

TEST(LATCH_3_needs_the_heavy_barrier)
{
    leans_at_first = true;
    mutation = NO_BARRIER;
    model_check_fails(&entering, "LATCH: exclusion");
}

TEST(LATCH_3_needs_the_waiting)
{
    leans_at_first = true;
    mutation = NO_WAITING;
    model_check_fails(&entering, "LATCH: exclusion");
}

TEST(LATCH_3_needs_the_second_look)
{
    leans_at_first = true;
    mutation = NO_SECOND_LOOK;
    model_check_fails(&entering, "LATCH: exclusion");
}
