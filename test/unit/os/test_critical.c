#include "suite.h"

#include <pthread.h>
#include <sched.h>

#include "os/critical.h"
#include "os/latch.h"
#include "os/lock.h"

static struct weft__lock lock, other;
static struct weft__latch latch;

TEST(what_is_held_is_counted)
{
    ck_assert(!weft__critical_inside());
    weft__lock_acquire(&lock);
    ck_assert(weft__critical_inside());
    weft__latch_acquire(&latch);
    weft__lock_acquire(&other);
    weft__lock_release(&lock);
    weft__lock_release(&other);
    ck_assert(weft__critical_inside());
    weft__latch_release(&latch);
    ck_assert(!weft__critical_inside());
}

TEST(what_was_not_got_is_not_counted)
{
    weft__lock_acquire(&lock);
    weft__latch_acquire(&latch);
    ck_assert(!weft__lock_try(&lock));
    ck_assert(!weft__latch_try(&latch));
    weft__latch_release(&latch);
    weft__lock_release(&lock);
    ck_assert(!weft__critical_inside());
}

/* What a thread that had to wait has seen of itself. */
static bool during_lock, during_latch, after;

static void *wait_for_both(void *unused)
{
    weft__lock_acquire(&lock);
    during_lock = weft__critical_inside();
    weft__lock_release(&lock);
    weft__latch_acquire(&latch);
    during_latch = weft__critical_inside();
    weft__latch_release(&latch);
    after = weft__critical_inside();
    return unused;
}

TEST(who_has_slept_for_it_is_counted_by_himself)
{
    pthread_t thread;
    weft__lock_acquire(&lock);
    weft__latch_acquire(&latch);
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_both, NULL), 0);
    while (weft__load(&lock.state, relaxed) != 2)
        sched_yield();
    weft__lock_release(&lock);
    while (weft__load(&weft__latch_sleepers, relaxed) == 0)
        sched_yield();
    weft__latch_release(&latch);
    ck_assert(!weft__critical_inside());
    pthread_join(thread, NULL);
    ck_assert(during_lock);
    ck_assert(during_latch);
    ck_assert(!after);
    ck_assert(!weft__critical_inside());
}
