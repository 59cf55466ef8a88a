#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "sync.h"

WEFT_CHANNEL(numbers, int);

struct parcel {
    int number;
    char text[21];
};
WEFT_CHANNEL(parcels, struct parcel);

static weft_channel *channel;
static atomic_int produced;
static atomic_llong consumed, sum;

static int fill_and_drain(void *unused)
{
    numbers *queue;
    int n;
    (void)unused;
    ck_assert_int_eq(numbers_create(3, &queue), 0);
    ck_assert_int_eq(numbers_try_receive(queue, &n), -EAGAIN);
    for (int round = 0; round < 5; round++) { /* the ring goes round */
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(numbers_send(queue, 10 * round + i), 0);
        ck_assert_int_eq(numbers_try_send(queue, 99), -EAGAIN);
        ck_assert_uint_eq(numbers_count(queue), 3);
        for (int i = 0; i < 3; i++) {
            ck_assert_int_eq(i ? numbers_receive(queue, &n) : numbers_try_receive(queue, &n), 0);
            ck_assert_int_eq(n, 10 * round + i);
        }
    }
    numbers_destroy(queue);
    numbers_destroy(NULL);
    return 0;
}

TEST(a_channel_holds_up_to_its_capacity_in_order)
{
    run_mixed(fill_and_drain);
}

static int closing(void *unused)
{
    parcels *queue;
    struct parcel parcel = { 7, "any size of element" };
    (void)unused;
    ck_assert_int_eq(parcels_create(2, &queue), 0);
    ck_assert_int_eq(parcels_send(queue, parcel), 0);
    ck_assert_int_eq(parcels_close(queue), 0);
    ck_assert_int_eq(parcels_close(queue), -EALREADY);
    ck_assert_int_eq(parcels_send(queue, parcel), -EPIPE);
    ck_assert_int_eq(parcels_try_send(queue, parcel), -EPIPE);
    memset(&parcel, 0, sizeof parcel);
    ck_assert_int_eq(parcels_receive(queue, &parcel), 0);
    ck_assert_str_eq(parcel.text, "any size of element");
    ck_assert_int_eq(parcels_receive(queue, &parcel), -EPIPE);
    ck_assert_int_eq(parcels_try_receive(queue, &parcel), -EPIPE);
    parcels_destroy(queue);
    return 0;
}

TEST(a_closed_channel_is_drained)
{
    run_mixed(closing);
}

static int send_refused(void *unused)
{
    int64_t n = 1;
    (void)unused;
    ck_assert_int_eq(weft_channel_send(channel, &n), -EPIPE);
    return 0;
}

static int receive_refused(void *unused)
{
    int64_t n;
    (void)unused;
    ck_assert_int_eq(weft_channel_receive(channel, &n), -EPIPE);
    return 0;
}

/* Closed at any moment, before they wait or while. */
static int close_on_waiters(void *unused)
{
    struct crowd crowd;
    (void)unused;
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(weft_channel_create(sizeof(int64_t), 0, &channel), 0);
        crowd_start(&crowd, i % 2 ? send_refused : receive_refused, NULL);
        for (int k = 0; k < i; k++)
            weft_yield();
        ck_assert_int_eq(weft_channel_close(channel), 0);
        crowd_join(&crowd);
        weft_channel_destroy(channel);
    }
    return 0;
}

TEST(closing_sends_all_who_wait_away)
{
    run_mixed(close_on_waiters);
}

static int without_bound(void *unused)
{
    int64_t n;
    (void)unused;
    ck_assert_int_eq(weft_channel_create(sizeof n, WEFT_UNBOUNDED, &channel), 0);
    for (int64_t in = 0, out = 0; out < 1000;) {
        for (int k = 0; k < 3 && in < 1000; k++, in++)
            ck_assert_int_eq(weft_channel_send(channel, &in), 0);
        ck_assert_int_eq(weft_channel_receive(channel, &n), 0);
        ck_assert_int_eq(n, out++);
    }
    weft_channel_destroy(channel);
    ck_assert_int_eq(weft_channel_create(SIZE_MAX / 2, 3, &channel), -ENOMEM);
    return 0;
}

TEST(a_channel_without_bound_grows)
{
    run_mixed(without_bound);
}

static int give_up(void *unused)
{
    weft_scope scope;
    int64_t n = 5;
    (void)unused;
    ck_assert_int_eq(weft_channel_create(sizeof n, 1, &channel), 0);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(2));
    ck_assert_int_eq(weft_channel_receive(channel, &n), -ETIMEDOUT);
    ck_assert(weft_scope_leave(&scope));
    ck_assert_int_eq(weft_channel_send(channel, &n), 0);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(2));
    ck_assert_int_eq(weft_channel_send(channel, &n), -ETIMEDOUT);
    ck_assert_int_eq(weft_channel_receive(channel, &n), -ETIMEDOUT); /* level: still */
    weft_scope_leave(&scope);
    ck_assert_uint_eq(weft_channel_count(channel), 1);
    weft_scope_enter(&scope, WEFT_NEVER);
    weft_scope_cancel(&scope);
    ck_assert_int_eq(weft_channel_receive(channel, &n), -ECANCELED);
    weft_scope_leave(&scope);
    ck_assert_int_eq(weft_channel_receive(channel, &n), 0);
    weft_channel_destroy(channel);
    return 0;
}

TEST(what_was_cut_short_moved_nothing)
{
    run_mixed(give_up);
}

/* A crowd of producers and a crowd of consumers. */
#define EACH 300

static int produce(void *unused)
{
    (void)unused;
    for (int i = 0; i < EACH; i++) {
        int64_t n = atomic_fetch_add(&produced, 1);
        ck_assert_int_eq(weft_channel_send(channel, &n), 0);
    }
    return 0;
}

static int consume(void *unused)
{
    int64_t n;
    int rc;
    (void)unused;
    while ((rc = weft_channel_receive(channel, &n)) == 0) {
        atomic_fetch_add(&consumed, 1);
        atomic_fetch_add(&sum, n);
    }
    ck_assert_int_eq(rc, -EPIPE);
    return 0;
}

static void pass_through(size_t capacity)
{
    struct crowd producers, consumers;
    long long total = CROWD * EACH;
    atomic_store(&produced, 0);
    atomic_store(&consumed, 0);
    atomic_store(&sum, 0);
    ck_assert_int_eq(weft_channel_create(sizeof(int64_t), capacity, &channel), 0);
    crowd_start(&consumers, consume, NULL);
    crowd_start(&producers, produce, NULL);
    crowd_join(&producers);
    weft_channel_close(channel);
    crowd_join(&consumers);
    ck_assert_int_eq(atomic_load(&consumed), total);
    ck_assert_int_eq(atomic_load(&sum), total * (total - 1) / 2);
    weft_channel_destroy(channel);
}

static int all_capacities(void *unused)
{
    (void)unused;
    pass_through(0);
    pass_through(1);
    pass_through(7);
    pass_through(WEFT_UNBOUNDED);
    return 0;
}

TEST(many_send_and_many_receive_and_nothing_is_lost)
{
    run_mixed(all_capacities);
}

/* One sender's elements come in order, and the receiver of the last one may destroy; so may the
 * sender of one that was received while he waited. */
static int send_in_order(void *queue)
{
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(numbers_send(queue, i), 0);
    return 0;
}

static int select_to_send_in_order(void *queue)
{
    for (int i = 0; i < 100; i++) {
        weft_case cases[] = { weft_case_send((weft_channel *)queue, &i) };
        ck_assert_int_eq(weft_select(cases, 1), 0);
        ck_assert_int_eq(cases[0].result, 0);
    }
    return 0;
}

static int receive_in_order(void *queue)
{
    int n;
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(numbers_receive(queue, &n), 0);
        ck_assert_int_eq(n, i);
    }
    return 0;
}

static int select_to_receive_in_order(void *queue)
{
    int n;
    for (int i = 0; i < 100; i++) {
        weft_case cases[] = { weft_case_receive((weft_channel *)queue, &n) };
        ck_assert_int_eq(weft_select(cases, 1), 0);
        ck_assert_int_eq(n, i);
    }
    return 0;
}

/* The other side is a task or a plain thread. */
static void destroy_after(size_t capacity, int (*here)(void *), int (*there)(void *), bool thread)
{
    numbers *queue;
    weft_task *task;
    pthread_t plain;
    ck_assert_int_eq(numbers_create(capacity, &queue), 0);
    if (thread)
        ck_assert_int_eq(pthread_create(&plain, NULL, (void *(*)(void *))(uintptr_t)there, queue),
                         0);
    else
        SPAWN(there, queue, &task);
    here(queue);
    numbers_destroy(queue);
    if (thread)
        pthread_join(plain, NULL);
    else
        JOIN(task, 0);
}

static int destroy_after_last(void *unused)
{
    (void)unused;
    for (size_t round = 0; round < 80; round++) {
        destroy_after(round % 4, receive_in_order,
                      round % 3 ? send_in_order : select_to_send_in_order, round & 4);
        destroy_after(0, send_in_order, round % 3 ? receive_in_order : select_to_receive_in_order,
                      round & 4);
    }
    return 0;
}

TEST(a_sender_keeps_its_order_and_lets_go_of_the_channel)
{
    run_mixed(destroy_after_last);
}

#ifndef NDEBUG
static int receive_for_ever(void *abandoned)
{
    int n;
    return numbers_receive(abandoned, &n);
}

static int destroy_under_receiver(void *unused)
{
    numbers *abandoned;
    (void)unused;
    ck_assert_int_eq(numbers_create(0, &abandoned), 0);
    SPAWN(receive_for_ever, abandoned, NULL);
    weft_yield();
    numbers_destroy(abandoned);
    return 0;
}

static void run_destroyer(void *unused)
{
    run_tasks(1, destroy_under_receiver, unused);
}

TEST(destroying_one_at_which_somebody_waits_is_told)
{
    expect_death(run_destroyer, NULL, SIGABRT, "weft_channel_destroy: somebody waits at it");
}
#endif
