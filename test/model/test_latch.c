/* os/latch.h: the lock whose release is a store. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: who is about to sleep does not make others pass a fence. */
static bool mutated;

#include "os/barrier.h"

#undef weft__barrier_heavy
#define weft__barrier_heavy() (mutated ? (void)0 : model_heavy_barrier())
#undef weft__spin_hint
#define weft__spin_hint() ((void)0) /* it goes to sleep before anything has changed */

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

static void reset(void)
{
    latch.state = 0;
    weft__latch_sleepers = 0;
    owner = -1;
    entered = 0;
    model_name(latch);
    model_name(weft__latch_sleepers);
}

static void hold(void)
{
    int self = (int)model_self();
    weft__latch_acquire(&latch);
    model_assert(owner == -1, "LATCH: exclusion");
    owner = self;
    model_step();
    model_assert(owner == self, "LATCH: exclusion");
    owner = -1;
    entered++;
    weft__latch_release(&latch);
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
    mutated = true;
    model_check_fails(&model, "");
}
