#include "suite.h"

#include <pthread.h>
#include <sched.h>

#include "os/latch.h"

#define THREADS 4

static struct weft__latch latch;
static uint64_t counter, rounds;

static void *count_up(void *unused)
{
    for (uint64_t i = 0; i < rounds; i++) {
        weft__latch_acquire(&latch);
        counter++;
        weft__latch_release(&latch);
    }
    return unused;
}

TEST(a_latch_under_contention_loses_no_update)
{
    pthread_t threads[THREADS];
    rounds = test_work(200000);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_up, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(counter, THREADS * rounds);
    ck_assert_uint_eq(weft__load(&latch.state, relaxed), 0);
}

TEST(a_latch_that_is_held_cannot_be_tried)
{
    ck_assert(weft__latch_try(&latch));
    ck_assert(!weft__latch_try(&latch));
    weft__latch_release(&latch);
    ck_assert(weft__latch_try(&latch));
    weft__latch_release(&latch);
}

static _Atomic(bool) got;

static void *acquire_once(void *unused)
{
    weft__latch_acquire(&latch);
    weft__store(&got, true, seq_cst);
    weft__latch_release(&latch);
    return unused;
}

TEST(who_waits_long_sleeps_and_is_woken)
{
    pthread_t thread;
    weft__latch_acquire(&latch);
    ck_assert_int_eq(pthread_create(&thread, NULL, acquire_once, NULL), 0);
    while (weft__load(&weft__latch_sleepers, relaxed) == 0)
        sched_yield();
    ck_assert(!weft__load(&got, relaxed));
    weft__latch_release(&latch);
    pthread_join(thread, NULL);
    ck_assert(weft__load(&got, relaxed));
    ck_assert_uint_eq(weft__load(&weft__latch_sleepers, relaxed), 0);
}
