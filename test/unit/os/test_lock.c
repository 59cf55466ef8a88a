#include "suite.h"

#include <pthread.h>
#include <time.h>

#include "os/lock.h"

#define THREADS 4

static struct weft__lock lock;
static uint64_t counter, rounds;

static void *count_up(void *unused)
{
    for (uint64_t i = 0; i < rounds; i++) {
        weft__lock_acquire(&lock);
        counter++;
        weft__lock_release(&lock);
    }
    return unused;
}

TEST(a_lock_under_contention_loses_no_update)
{
    pthread_t threads[THREADS];
    rounds = test_work(200000);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_up, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(counter, THREADS * rounds);
    ck_assert_uint_eq(weft__load(&lock.state, relaxed), 0);
}

TEST(a_lock_that_is_held_cannot_be_tried)
{
    ck_assert(weft__lock_try(&lock));
    ck_assert(!weft__lock_try(&lock));
    weft__lock_release(&lock);
    ck_assert(weft__lock_try(&lock));
    weft__lock_release(&lock);
}

static clockid_t waiter_clock;
static _Atomic(bool) got;

static void *acquire_once(void *unused)
{
    weft__lock_acquire(&lock);
    weft__store(&got, true, seq_cst);
    weft__lock_release(&lock);
    return unused;
}

TEST(who_waits_long_sleeps_and_is_woken)
{
    pthread_t thread;
    struct timespec pause = { 0, 100 * 1000 * 1000 }, used;
    weft__lock_acquire(&lock);
    ck_assert_int_eq(pthread_create(&thread, NULL, acquire_once, NULL), 0);
    ck_assert_int_eq(pthread_getcpuclockid(thread, &waiter_clock), 0);
    nanosleep(&pause, NULL);
    ck_assert(!weft__load(&got, seq_cst));
    ck_assert_uint_eq(weft__load(&lock.state, relaxed), 2);
    clock_gettime(waiter_clock, &used);
    if (!test_is_slowed())
        ck_assert(used.tv_sec == 0 && used.tv_nsec < 50 * 1000 * 1000);
    weft__lock_release(&lock);
    pthread_join(thread, NULL);
    ck_assert(weft__load(&got, seq_cst));
}
