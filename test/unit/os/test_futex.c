#include "suite.h"

#include <pthread.h>
#include <time.h>

#include "os/futex.h"
#include "time/clock.h"

#define MS 1000000

static _Atomic(uint32_t) word;

TEST(a_wait_ends_at_its_deadline_and_not_before)
{
    int64_t deadline = weft__clock_real() + 30 * MS;
    while (weft__futex_wait(&word, 0, deadline))
        ;
    int64_t now = weft__clock_real();
    ck_assert_int_ge(now, deadline);
    ck_assert_int_lt(now - deadline, (int64_t)(test_seconds(2) * 1e9));
}

TEST(a_deadline_that_has_passed_ends_the_wait_at_once)
{
    ck_assert(!weft__futex_wait(&word, 0, weft__clock_real() - MS));
    ck_assert(!weft__futex_wait(&word, 0, 0));
    ck_assert(!weft__futex_wait(&word, 0, -1));
    ck_assert(!weft__futex_wait(&word, 0, INT64_MIN));
}

TEST(a_word_that_has_changed_is_not_waited_for)
{
    weft__store(&word, 1, seq_cst);
    ck_assert(weft__futex_wait(&word, 0, INT64_MAX));
}

static void *change_and_wake(void *unused)
{
    struct timespec pause = { 0, 20 * MS };
    nanosleep(&pause, NULL);
    weft__store(&word, 1, seq_cst);
    weft__futex_wake(&word, 1);
    return unused;
}

TEST(a_wake_ends_a_wait_without_a_deadline)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, change_and_wake, NULL), 0);
    while (weft__load(&word, seq_cst) == 0)
        ck_assert(weft__futex_wait(&word, 0, INT64_MAX));
    pthread_join(thread, NULL);
}
