#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "reactor/poller.h"
#include "time/clock.h"

#define MS 1000000

static struct weft__poller poller;

static void set_up(void)
{
    ck_assert_int_eq(weft__poller_init(&poller), 0);
}

static void make_pair(int ends[2])
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
}

/* What is said about `key` now; 0: nothing. */
static unsigned look_for(uint64_t key)
{
    unsigned what = 0;
    int count = weft__poller_wait(&poller, 0);
    for (int i = 0; i < count; i++) {
        struct weft__event event = weft__poller_event(&poller, i);
        if (event.key == key)
            what |= event.what;
    }
    return what;
}

static void put_byte(int fd)
{
    ck_assert_int_eq(write(fd, "x", 1), 1);
}

TEST(a_socket_says_writable_then_readable_then_its_end)
{
    int ends[2];
    uint64_t key = 0x1234567800000000u + 5;
    set_up();
    make_pair(ends);
    ck_assert_int_eq(weft__poller_add(&poller, ends[0], key), 0);
    ck_assert_uint_eq(look_for(key), WEFT__EVENT_WRITE);
    ck_assert_uint_eq(look_for(key), 0); /* edges, not levels */
    put_byte(ends[1]);
    ck_assert_uint_eq(look_for(key) & (WEFT__EVENT_READ | WEFT__EVENT_HANGUP), WEFT__EVENT_READ);
    ck_assert_uint_eq(look_for(key), 0);
    shutdown(ends[1], SHUT_WR);
    unsigned what = look_for(key);
    ck_assert_uint_eq(what & (WEFT__EVENT_READ | WEFT__EVENT_HANGUP),
                      WEFT__EVENT_READ | WEFT__EVENT_HANGUP);
    weft__poller_finish(&poller);
}

TEST(an_error_is_an_event_in_both_directions)
{
    int ends[2];
    set_up();
    make_pair(ends);
    put_byte(ends[0]); /* unread data makes closing an error for the other side */
    ck_assert_int_eq(weft__poller_add(&poller, ends[0], 9), 0);
    look_for(9);
    close(ends[1]);
    ck_assert_uint_eq(look_for(9), WEFT__EVENT_READ | WEFT__EVENT_WRITE | WEFT__EVENT_HANGUP);
    weft__poller_finish(&poller);
}

TEST(pipes_and_eventfds_make_events)
{
    int ends[2], event = eventfd(0, EFD_NONBLOCK);
    set_up();
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    ck_assert_int_eq(weft__poller_add(&poller, ends[0], 1), 0);
    ck_assert_int_eq(weft__poller_add(&poller, ends[1], 2), 0);
    ck_assert_int_eq(weft__poller_add(&poller, event, 3), 0);
    ck_assert_uint_eq(look_for(1), 0);
    put_byte(ends[1]);
    ck_assert_uint_eq(look_for(1), WEFT__EVENT_READ);
    eventfd_write(event, 1);
    ck_assert(look_for(3) & WEFT__EVENT_READ);
    close(ends[0]);
    ck_assert(look_for(2) & WEFT__EVENT_WRITE);
    weft__poller_finish(&poller);
}

TEST(a_removed_descriptor_makes_no_events)
{
    int ends[2];
    set_up();
    make_pair(ends);
    ck_assert_int_eq(weft__poller_add(&poller, ends[0], 7), 0);
    weft__poller_remove(&poller, ends[0]);
    put_byte(ends[1]);
    ck_assert_uint_eq(look_for(7), 0);
    ck_assert_int_eq(weft__poller_add(&poller, ends[0], 8), 0);
    ck_assert(look_for(8) & WEFT__EVENT_READ);
    weft__poller_finish(&poller);
}

/* close() behind weft's back while a duplicate keeps the file registered. */
TEST(adding_again_replaces_the_key_and_reports_what_is_ready)
{
    int ends[2];
    set_up();
    make_pair(ends);
    ck_assert_int_eq(weft__poller_add(&poller, ends[0], 7), 0);
    put_byte(ends[1]);
    look_for(7);
    ck_assert_int_eq(weft__poller_add(&poller, ends[0], 8), 0);
    ck_assert(look_for(8) & WEFT__EVENT_READ);
    put_byte(ends[1]);
    ck_assert_uint_eq(look_for(7), 0);
    weft__poller_finish(&poller);
}

TEST(what_cannot_be_waited_for_is_refused)
{
    char path[] = "/tmp/weft-test-XXXXXX";
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    unlink(path);
    set_up();
    ck_assert_int_eq(weft__poller_add(&poller, file, 1), -EPERM);
    close(file);
    ck_assert_int_eq(weft__poller_add(&poller, file, 1), -EBADF);
    weft__poller_finish(&poller);
}

TEST(a_timeout_is_precise_and_never_early)
{
    const int64_t timeouts[] = { 0, 50000, 300000, 1 * MS, 7 * MS + 1 };
    set_up();
    for (int i = 0; i < 5; i++) {
        int64_t best = INT64_MAX;
        for (int n = 0; n < 10; n++) {
            int64_t start = weft__clock_real();
            ck_assert_int_eq(weft__poller_wait(&poller, timeouts[i]), 0);
            int64_t late = weft__clock_real() - start - timeouts[i];
            ck_assert_int_ge(late, 0);
            best = late < best ? late : best;
        }
        if (!test_is_slowed() && !poller.coarse)
            ck_assert_int_lt(best, MS / 2);
    }
    weft__poller_finish(&poller);
}

static void *wake_soon(void *unused)
{
    struct timespec pause = { 0, 20 * MS };
    nanosleep(&pause, NULL);
    weft__poller_wake(&poller);
    return unused;
}

TEST(a_wake_ends_the_present_wait_and_says_nothing)
{
    pthread_t thread;
    set_up();
    for (int round = 0; round < 3; round++) {
        pthread_create(&thread, NULL, wake_soon, NULL);
        int count = weft__poller_wait(&poller, -1);
        ck_assert_int_eq(count, 1);
        ck_assert_uint_eq(weft__poller_event(&poller, 0).what, 0);
        pthread_join(thread, NULL);
    }
    weft__poller_finish(&poller);
}

TEST(a_wake_ends_the_next_wait_and_only_that)
{
    set_up();
    for (int round = 0; round < 3; round++) {
        weft__poller_wake(&poller);
        weft__poller_wake(&poller);
        ck_assert_int_eq(weft__poller_wait(&poller, -1), 1);
        ck_assert_int_eq(weft__poller_wait(&poller, MS), 0);
    }
    weft__poller_finish(&poller);
}

static void on_alarm(int number)
{
    (void)number;
    weft__poller_wake(&poller);
}

TEST(a_signal_handler_may_wake)
{
    struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
    struct itimerval soon = { .it_value = { 0, 20000 } };
    set_up();
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    int count = 0;
    while (count == 0) /* the signal itself ends a wait as well, with nothing */
        count = weft__poller_wait(&poller, -1);
    ck_assert_int_eq(count, 1);
    ck_assert_uint_eq(weft__poller_event(&poller, 0).what, 0);
    weft__poller_finish(&poller);
}

TEST(more_events_than_fit_come_with_the_next_wait)
{
    enum { MANY = WEFT__POLLER_EVENTS + 50 };
    static bool seen[MANY];
    set_up();
    for (uint64_t i = 0; i < MANY; i++) {
        int event = eventfd(1, EFD_NONBLOCK);
        ck_assert_int_eq(weft__poller_add(&poller, event, i), 0);
    }
    int total = 0;
    for (int count; (count = weft__poller_wait(&poller, 0)) > 0; total += count) {
        ck_assert_int_le(count, WEFT__POLLER_EVENTS);
        for (int i = 0; i < count; i++)
            seen[weft__poller_event(&poller, i).key] = true;
    }
    ck_assert_int_eq(total, MANY);
    for (int i = 0; i < MANY; i++)
        ck_assert(seen[i]);
    weft__poller_finish(&poller);
}
