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

/* A number of its own for each thread, which enters whenever it may. */
static void *lean(void *number_of)
{
    uint32_t number = *(uint32_t *)number_of;
    for (uint64_t i = 0; i < rounds; i++) {
        if (weft__latch_enter(&latch, number)) {
            counter++;
            weft__latch_leave(number);
        } else {
            weft__latch_acquire(&latch);
            counter++;
            if (i % 50 == 0)
                weft__latch_release_leaning(&latch, number);
            else
                weft__latch_release(&latch);
        }
    }
    return NULL;
}

TEST(a_latch_that_leans_to_and_fro_loses_no_update)
{
    pthread_t threads[THREADS];
    uint32_t numbers[THREADS];
    weft__barrier_setup();
    rounds = test_work(100000);
    for (uint32_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        ck_assert_int_eq(i % 2 ? pthread_create(&threads[i], NULL, lean, &numbers[i])
                               : pthread_create(&threads[i], NULL, count_up, NULL),
                         0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(counter, THREADS * rounds);
    ck_assert_uint_ne(weft__load(&latch.state, relaxed), WEFT__LATCH_HELD);
}

TEST(a_latch_leans_towards_one_number_until_somebody_else_has_it)
{
    weft__latch_acquire(&latch);
    weft__latch_release_leaning(&latch, 5);
    ck_assert(!weft__latch_enter(&latch, 4));
    for (int i = 0; i < 2; i++) {
        ck_assert(weft__latch_enter(&latch, 5));
        weft__latch_leave(5);
    }
    ck_assert(!weft__latch_try(&latch));
    weft__latch_acquire(&latch);
    ck_assert(!weft__latch_enter(&latch, 5));
    weft__latch_release(&latch);
    ck_assert(!weft__latch_enter(&latch, 5));
    ck_assert(weft__latch_try(&latch));
    weft__latch_release(&latch);
}

TEST(who_is_in_one_latch_does_not_enter_another_by_the_same_number)
{
    static struct weft__latch other;
    weft__latch_acquire(&latch);
    weft__latch_release_leaning(&latch, 5);
    weft__latch_acquire(&other);
    weft__latch_release_leaning(&other, 5);
    ck_assert(weft__latch_enter(&latch, 5));
    ck_assert(!weft__latch_enter(&other, 5));
    weft__latch_leave(5);
    ck_assert(weft__latch_enter(&other, 5));
    weft__latch_leave(5);
}

TEST(each_time_it_takes_twice_as_many_turns_to_lean)
{
    struct weft__latch_habit habit = { 0 };
    for (unsigned time = 0; time < 20; time++) {
        unsigned turns = 1;
        while (!weft__latch_shall_lean(&habit, 7))
            turns++;
        ck_assert_uint_eq(turns,
                          WEFT__LATCH_LEANS_AFTER
                              << (time < WEFT__LATCH_LEANS_MOST ? time : WEFT__LATCH_LEANS_MOST));
    }
    habit = (struct weft__latch_habit){ 0 };
    for (unsigned i = 0; i < 10 * WEFT__LATCH_LEANS_AFTER; i++)
        ck_assert(!weft__latch_shall_lean(&habit, i / (WEFT__LATCH_LEANS_AFTER - 1) % 2));
}
