/* os/lock.h: the lock inside the library, which sleeps. */
#define WORLD_HAS_LOCK
#include "world.h"

#include "suite.h"

/* Broken on purpose: whoever has to sleep does not say so. */
static bool mutated;

#undef weft__spin_hint
#define weft__spin_hint() ((void)0) /* it goes to sleep before anything has changed */
#undef weft__exchange
#define weft__exchange(p, v, order) \
    (weft__model_rmw(p), atomic_exchange(p, mutated && (v) == 2 ? 1 : (v)))

#include "os/lock.c"

static struct weft__lock lock;
static int owner, entered;

static void reset(void)
{
    lock.state = 0;
    owner = -1;
    entered = 0;
    model_name(lock);
}

static void hold(void)
{
    int self = (int)model_self();
    weft__lock_acquire(&lock);
    model_assert(owner == -1, "LOCK: exclusion");
    owner = self;
    model_step();
    model_assert(owner == self, "LOCK: exclusion");
    owner = -1;
    entered++;
    weft__lock_release(&lock);
}

static void hold_twice(void)
{
    hold();
    hold();
}

static void all_entered(void)
{
    model_assert(entered == 4, "LOCK: progress");
    model_assert(lock.state == 0, "LOCK: free in the end");
}

static const struct model model = { .setup = reset, .body = { hold_twice, hold, hold },
                                    .check = all_entered, .preemptions = 3 };

TEST(a_lock_excludes_and_wakes_whom_it_has_to)
{
    model_check(&model);
}

TEST(a_lock_whose_sleepers_are_not_announced_loses_wakes)
{
    mutated = true;
    model_check_fails(&model, "deadlock");
}
