#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "sync.h"

WEFT_MAILBOX(numbers, int64_t);

struct letter {
    int64_t number;
    char text[27];
};
WEFT_MAILBOX(letters, struct letter);

static numbers *box;
static atomic_int sent, came;

static void expect_info(size_t count, uint64_t taken, uint64_t received, uint64_t dropped)
{
    weft_mailbox_info info;
    weft_mailbox_look(numbers_untyped(box), &info);
    ck_assert_uint_eq(info.count, count);
    ck_assert_uint_eq(info.sent, taken);
    ck_assert_uint_eq(info.received, received);
    ck_assert_uint_eq(info.dropped, dropped);
    ck_assert_uint_eq(info.sent, info.received + info.dropped + info.count);
}

static void fill(int count)
{
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(numbers_try_send(box, i), 0);
}

static void expect(int64_t number)
{
    int64_t n = -1;
    ck_assert_int_eq(numbers_receive(box, &n), 0);
    ck_assert_int_eq(n, number);
}

static int fill_and_drain(void *unused)
{
    int64_t n;
    (void)unused;
    ck_assert_int_eq(numbers_create(3, &box), 0);
    ck_assert_int_eq(numbers_try_receive(box, &n), -EAGAIN);
    for (int round = 0; round < 4; round++) {
        fill(3);
        ck_assert_int_eq(numbers_try_send(box, 9), -EAGAIN);
        expect(0);
        ck_assert_int_eq(numbers_send(box, 3), 0);
        for (int i = 1; i <= 3; i++)
            expect(i);
    }
    expect_info(0, 16, 16, 0);
    ck_assert_uint_eq(numbers_destroy(box), 0);
    ck_assert_uint_eq(numbers_destroy(NULL), 0);
    numbers_release(NULL);
    return 0;
}

TEST(a_mailbox_holds_up_to_its_capacity_in_order)
{
    run_mixed(fill_and_drain);
}

static int any_size(void *unused)
{
    letters *mail;
    struct letter letter = { 7, "a message of any size" };
    weft_mailbox *nothing;
    (void)unused;
    ck_assert_int_eq(letters_create(0, &mail), 0);
    for (int i = 0; i < WEFT_MAILBOX_CAPACITY; i++)
        ck_assert_int_eq(letters_try_send(mail, letter), 0);
    ck_assert_int_eq(letters_try_send(mail, letter), -EAGAIN); /* bounded unless asked */
    memset(&letter, 0, sizeof letter);
    ck_assert_int_eq(letters_receive(mail, &letter), 0);
    ck_assert_str_eq(letter.text, "a message of any size");
    letters_destroy(mail);
    ck_assert_int_eq(weft_mailbox_create(0, WEFT_UNBOUNDED, &nothing), 0);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(weft_mailbox_send(nothing, NULL), 0);
    ck_assert_int_eq(weft_mailbox_receive(nothing, NULL), 0);
    ck_assert_uint_eq(weft_mailbox_destroy(nothing), 999);
    ck_assert_int_eq(weft_mailbox_create(SIZE_MAX, 1, &nothing), -ENOMEM);
    return 0;
}

TEST(messages_have_any_size_and_a_bound_unless_asked)
{
    run_mixed(any_size);
}

/* Selective receive. */

static bool is_odd(const int64_t *message, void *seen)
{
    if (seen)
        ++*(int *)seen;
    return *message % 2;
}

static bool is_that(const int64_t *message, void *wanted)
{
    return *message == *(int64_t *)wanted;
}

static int choose(void *unused)
{
    int64_t n, wanted = 4;
    int seen = 0;
    (void)unused;
    ck_assert_int_eq(numbers_create(8, &box), 0);
    fill(6);
    ck_assert_int_eq(numbers_receive_match(box, is_that, &wanted, &n), 0);
    ck_assert_int_eq(n, 4);
    ck_assert_int_eq(numbers_try_receive_match(box, is_odd, &seen, &n), 0);
    ck_assert_int_eq(n, 1);
    ck_assert_int_eq(seen, 2); /* the oldest first, and no further */
    ck_assert_int_eq(numbers_try_receive_match(box, is_that, &wanted, &n), -EAGAIN);
    ck_assert_int_eq(numbers_try_send(box, 6), 0);
    expect(0);
    expect(2);
    expect(3);
    expect(5);
    expect(6);
    numbers_destroy(box);
    return 0;
}

TEST(the_oldest_that_matches_is_taken_and_the_others_stay_in_order)
{
    run_mixed(choose);
}

static int send_even_then_odd(void *unused)
{
    (void)unused;
    for (int64_t i = 0; i < 4; i++)
        ck_assert_int_eq(numbers_send(box, 2 * i), 0);
    ck_assert_int_eq(numbers_send(box, 9), 0);
    return 0;
}

static int choose_what_comes(void *unused)
{
    weft_task *task;
    int64_t n;
    int seen = 0;
    (void)unused;
    ck_assert_int_eq(numbers_create(8, &box), 0);
    SPAWN(send_even_then_odd, NULL, &task);
    ck_assert_int_eq(numbers_receive_match(box, is_odd, &seen, &n), 0);
    ck_assert_int_eq(n, 9);
    ck_assert_int_eq(seen, 5); /* each is shown once, however often it had to wait */
    for (int i = 0; i < 4; i++)
        expect(2 * i);
    JOIN(task, 0);
    numbers_destroy(box);
    return 0;
}

TEST(a_choosing_receiver_waits_for_what_matches)
{
    run_mixed(choose_what_comes);
}

/* Full of others, it would wait for ever. */
static int choose_in_vain(void *unused)
{
    int64_t n;
    (void)unused;
    ck_assert_int_eq(numbers_create(2, &box), 0);
    ck_assert_int_eq(numbers_send(box, 2), 0);
    ck_assert_int_eq(numbers_send(box, 4), 0);
    ck_assert_int_eq(numbers_receive_match(box, is_odd, NULL, &n), -ENOBUFS);
    ck_assert_int_eq(numbers_try_receive_match(box, is_odd, NULL, &n), -ENOBUFS);
    expect(2);
    ck_assert_int_eq(numbers_send(box, 5), 0);
    ck_assert_int_eq(numbers_receive_match(box, is_odd, NULL, &n), 0);
    ck_assert_int_eq(numbers_close(box), 0);
    ck_assert_int_eq(numbers_receive_match(box, is_odd, NULL, &n), -EPIPE);
    expect(4);
    numbers_destroy(box);
    return 0;
}

TEST(a_full_box_in_which_nothing_matches_says_so)
{
    run_mixed(choose_in_vain);
}

/* Waiting. */

static int give_up(void *unused)
{
    weft_scope scope;
    int64_t n;
    (void)unused;
    ck_assert_int_eq(numbers_create(1, &box), 0);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(2));
    ck_assert_int_eq(numbers_receive(box, &n), -ETIMEDOUT);
    ck_assert_int_eq(numbers_receive_match(box, is_odd, NULL, &n), -ETIMEDOUT);
    ck_assert_int_eq(numbers_send(box, 1), -ETIMEDOUT);
    weft_scope_leave(&scope);
    expect_info(0, 0, 0, 0);
    fill(1);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(2));
    ck_assert_int_eq(numbers_send(box, 1), -ETIMEDOUT);
    weft_scope_leave(&scope);
    expect_info(1, 1, 0, 0);
    expect(0);
    ck_assert_int_eq(numbers_try_receive(box, &n), -EAGAIN);
    numbers_destroy(box);
    return 0;
}

TEST(who_gives_up_has_sent_and_taken_nothing)
{
    run_mixed(give_up);
}

static int send_one(void *unused)
{
    (void)unused;
    ck_assert_int_eq(numbers_send(box, 7), 0);
    atomic_fetch_add(&sent, 1);
    return 0;
}

/* Each that takes one makes room for one. */
static int many_senders(void *unused)
{
    struct crowd crowd;
    (void)unused;
    atomic_store(&sent, 0);
    ck_assert_int_eq(numbers_create(1, &box), 0);
    fill(1);
    crowd_start(&crowd, send_one, NULL);
    weft_mailbox_info info;
    do {
        weft_yield();
        weft_mailbox_look(numbers_untyped(box), &info);
    } while (info.senders < CROWD);
    ck_assert_int_eq(atomic_load(&sent), 0);
    expect(0);
    for (int i = 1; i <= CROWD; i++) {
        while (atomic_load(&sent) < i)
            weft_yield();
        ck_assert_int_eq(atomic_load(&sent), i);
        expect(7);
    }
    crowd_join(&crowd);
    expect_info(0, CROWD + 1, CROWD + 1, 0);
    numbers_destroy(box);
    return 0;
}

TEST(a_full_box_makes_senders_wait)
{
    run_mixed(many_senders);
}

static int be_in_order(void *number)
{
    while (atomic_load(&came) != (int)(intptr_t)number)
        weft_yield();
    atomic_fetch_add(&came, 1); /* one worker: nobody comes before it waits */
    ck_assert_int_eq(numbers_send(box, (intptr_t)number), 0);
    return 0;
}

static int in_order(void *unused)
{
    weft_task *tasks[5];
    (void)unused;
    atomic_store(&came, 0);
    ck_assert_int_eq(numbers_create(1, &box), 0);
    for (intptr_t i = 0; i < 5; i++)
        SPAWN(be_in_order, (void *)i, &tasks[i]);
    while (atomic_load(&came) < 5)
        weft_yield();
    for (int i = 0; i < 5; i++)
        expect(i);
    for (int i = 0; i < 5; i++)
        JOIN(tasks[i], 0);
    numbers_destroy(box);
    return 0;
}

TEST(senders_are_served_in_order)
{
    ck_assert_int_eq(run_in_turn(in_order, NULL), 0);
}

static int receive_first(void *unused)
{
    (void)unused;
    atomic_store(&came, 1);
    expect(1);
    return 0;
}

static int two_receivers(void *unused)
{
    weft_task *task;
    int64_t n;
    (void)unused;
    atomic_store(&came, 0);
    ck_assert_int_eq(numbers_create(1, &box), 0);
    SPAWN(receive_first, NULL, &task);
    while (numbers_try_receive(box, &n) != -EBUSY) /* until it waits */
        weft_yield();
    ck_assert_int_eq(numbers_receive(box, &n), -EBUSY);
    ck_assert_int_eq(numbers_receive_match(box, is_odd, NULL, &n), -EBUSY);
    ck_assert_int_eq(numbers_send(box, 1), 0);
    JOIN(task, 0);
    ck_assert_int_eq(numbers_try_receive(box, &n), -EAGAIN);
    numbers_destroy(box);
    return 0;
}

TEST(a_mailbox_has_one_receiver_at_a_time)
{
    run_mixed(two_receivers);
}

/* Ends. */

static int send_refused(void *unused)
{
    (void)unused;
    ck_assert_int_eq(numbers_send(box, 1), -EPIPE);
    atomic_fetch_add(&sent, 1);
    numbers_release(box);
    return 0;
}

/* Before they wait or while; the box goes with the last of them. */
static int destroy_on_senders(void *unused)
{
    struct crowd crowd;
    (void)unused;
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(numbers_create(2, &box), 0);
        fill(2);
        for (int k = 0; k < CROWD; k++)
            ck_assert_ptr_eq(numbers_retain(box), box);
        crowd_start(&crowd, send_refused, NULL);
        for (int k = 0; k < i; k++)
            weft_yield();
        ck_assert_uint_eq(numbers_destroy(box), 2);
        crowd_join(&crowd);
    }
    return 0;
}

TEST(senders_outlive_the_owner)
{
    run_mixed(destroy_on_senders);
}

static int receive_refused(void *unused)
{
    int64_t n;
    (void)unused;
    ck_assert_int_eq(numbers_receive(box, &n), -EPIPE);
    return 0;
}

static int close_it(void *unused)
{
    weft_task *task;
    int64_t n;
    (void)unused;
    ck_assert_int_eq(numbers_create(2, &box), 0);
    fill(1);
    ck_assert_int_eq(numbers_close(box), 0);
    ck_assert_int_eq(numbers_close(box), -EALREADY);
    ck_assert_int_eq(numbers_send(box, 1), -EPIPE);
    ck_assert_int_eq(numbers_try_send(box, 1), -EPIPE);
    expect(0);
    ck_assert_int_eq(numbers_receive(box, &n), -EPIPE);
    ck_assert_int_eq(numbers_try_receive(box, &n), -EPIPE);
    numbers_destroy(box);
    ck_assert_int_eq(numbers_create(2, &box), 0);
    SPAWN(receive_refused, NULL, &task);
    while (numbers_try_receive(box, &n) != -EBUSY)
        weft_yield();
    numbers_close(box);
    JOIN(task, 0);
    numbers_destroy(box);
    return 0;
}

TEST(a_closed_mailbox_is_drained)
{
    run_mixed(close_it);
}

static int64_t dropped[4];
static int drops;

static void drop(void *message, void *arg)
{
    ck_assert_ptr_eq(arg, &drops);
    ck_assert_int_lt(drops, 4);
    dropped[drops++] = *(int64_t *)message;
}

static int drop_the_rest(void *unused)
{
    int64_t n;
    (void)unused;
    drops = 0;
    ck_assert_int_eq(numbers_create(8, &box), 0);
    weft_mailbox_on_drop(numbers_untyped(box), drop, &drops);
    fill(4);
    ck_assert_int_eq(numbers_receive_match(box, is_odd, NULL, &n), 0);
    numbers_try_send(box, 4);
    numbers *sender = numbers_retain(box);
    ck_assert_uint_eq(numbers_destroy(box), 4);
    expect_info(0, 5, 1, 4); /* a sender may still ask */
    numbers_release(sender);
    ck_assert_int_eq(drops, 4);
    static const int64_t left[] = { 0, 2, 3, 4 };
    ck_assert_int_eq(memcmp(dropped, left, sizeof left), 0);
    return 0;
}

TEST(what_is_left_is_counted_and_handed_over_in_order)
{
    run_mixed(drop_the_rest);
}

/* Acknowledged is not lost, whenever the box goes. */
static atomic_llong given, taken;

static int send_until_refused(void *unused)
{
    int rc;
    (void)unused;
    while ((rc = numbers_send(box, 1)) == 0)
        atomic_fetch_add(&given, 1);
    ck_assert_int_eq(rc, -EPIPE);
    numbers_release(box);
    return 0;
}

static void take(void *message, void *unused)
{
    (void)unused;
    atomic_fetch_add(&taken, *(int64_t *)message);
}

static int destroy_in_traffic(void *unused)
{
    struct crowd crowd;
    (void)unused;
    for (int i = 0; i < 20; i++) {
        atomic_store(&given, 0);
        atomic_store(&taken, 0);
        ck_assert_int_eq(numbers_create(4, &box), 0);
        weft_mailbox_on_drop(numbers_untyped(box), take, NULL);
        for (int k = 0; k < CROWD; k++)
            numbers_retain(box);
        crowd_start(&crowd, send_until_refused, NULL);
        for (int64_t k = 0, n; k < 50 * i; k++) {
            int rc =
                k % 3 ? numbers_receive(box, &n) : numbers_receive_match(box, is_odd, NULL, &n);
            ck_assert_int_eq(rc, 0);
            atomic_fetch_add(&taken, n);
        }
        numbers_destroy(box);
        crowd_join(&crowd);
        ck_assert_int_eq(atomic_load(&given), atomic_load(&taken));
    }
    return 0;
}

TEST(acknowledged_is_not_lost)
{
    run_mixed(destroy_in_traffic);
}

/* Leaving by weft_exit() in the middle of choosing. */

static bool exits(const int64_t *message, void *unused)
{
    (void)message, (void)unused;
    weft_exit(5);
}

static int choose_and_exit(void *of_its_own)
{
    int64_t n;
    return numbers_receive_match(of_its_own ? numbers_inbox() : box, exits, NULL, &n);
}

static int exit_while_choosing(void *unused)
{
    weft_task *task;
    weft_actor *actor;
    int result = 0;
    (void)unused;
    ck_assert_int_eq(numbers_create(4, &box), 0);
    fill(2);
    SPAWN(choose_and_exit, NULL, &task);
    JOIN(task, 5);
    expect(0); /* it has taken nothing, and does not receive any more */
    ck_assert_int_eq(
        weft_actor_spawn(choose_and_exit, box, numbers_untyped(numbers_retain(box)), &actor), 0);
    ck_assert_int_eq(weft_actor_wait(actor, &result), 0);
    ck_assert_int_eq(result, 5);
    weft_actor_release(actor);
    expect_info(0, 2, 1, 1);
    numbers_release(box);
    return 0;
}

TEST(who_exits_while_choosing_has_received_nothing)
{
    run_mixed(exit_while_choosing);
}
