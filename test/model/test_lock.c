/* os/lock.h: the lock inside the library, which sleeps. */
#include <stdbool.h>

#include "base/atomic.h"

/* Broken on purpose: a release does not see that somebody sleeps. */
static bool mutated;

#undef weft__spin_hint
#define weft__spin_hint() ((void)0) /* it goes to sleep before anything has changed */
#undef weft__exchange
#define weft__exchange(p, v, order) \
    (weft__model_rmw(p), mutated && (v) == 0 ? (atomic_store(p, v), 1u) : atomic_exchange(p, v))

#include "os/lock.c"
#include "suite.h"

bool weft__futex_wait(_Atomic(uint32_t) *word, uint32_t value, int64_t deadline)
{
    return model_futex_wait(word, value, deadline != INT64_MAX);
}

void weft__futex_wake(_Atomic(uint32_t) *word, int count)
{
    model_futex_wake(word, count);
}

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

static const struct model model = {
    .setup = reset, .body = { hold_twice, hold, hold }, .check = all_entered, .preemptions = 3
};

TEST(a_lock_excludes_and_wakes_whom_it_has_to)
{
    model_check(&model);
}

TEST(a_release_that_does_not_wake_is_found)
{
    mutated = true;
    model_check_fails(&model, "deadlock");
}
