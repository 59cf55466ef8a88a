#include "suite.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "sync.h"

WEFT_MAILBOX(downs, weft_down);

/* What a watcher that has other mail as well receives. */
struct mail {
    enum { TEXT, DOWN } kind;
    int value;
    int64_t other;
};
WEFT_MAILBOX(mails, struct mail);

static weft_event go;

static int end_when_told(void *result)
{
    int rc = weft_event_wait(&go);
    return rc ? rc : (int)(intptr_t)result;
}

static weft_actor *spawn(int result)
{
    weft_actor *actor;
    ck_assert_int_eq(weft_actor_spawn(end_when_told, (void *)(intptr_t)result, NULL, &actor), 0);
    return actor;
}

static void finish(weft_actor *actor, int wanted)
{
    int result;
    ck_assert_int_eq(weft_actor_wait(actor, &result), 0);
    ck_assert_int_eq(result, wanted);
    weft_actor_release(actor);
}

/* Monitors. */

static void expect_down(downs *box, const weft_actor *actor, uint64_t monitor, int result,
                        enum weft_end reason)
{
    weft_down down;
    ck_assert_int_eq(downs_receive(box, &down), 0);
    ck_assert_uint_eq(down.actor, weft_actor_id(actor));
    ck_assert_uint_eq(down.monitor, monitor);
    ck_assert_int_eq(down.result, result);
    ck_assert_int_eq(down.reason, reason);
    ck_assert_ptr_eq(down.arg, &go);
}

static void watch_one(int result, bool cancels, enum weft_end reason)
{
    downs *box;
    uint64_t monitor = 0;
    weft_event_clear(&go);
    ck_assert_int_eq(downs_create(1, &box), 0);
    weft_actor *actor = spawn(result);
    ck_assert_int_eq(weft_actor_monitor(actor, downs_untyped(box), NULL, &go, &monitor), 0);
    ck_assert_uint_ne(monitor, 0);
    if (cancels)
        weft_actor_cancel(actor);
    else
        weft_event_set(&go);
    expect_down(box, actor, monitor, cancels ? -ECANCELED : result, reason);
    ck_assert_int_eq(weft_actor_demonitor(actor, monitor), -ENOENT);
    /* Later ones hear it at once. */
    ck_assert_int_eq(weft_actor_wait(actor, NULL), 0);
    ck_assert_int_eq(weft_actor_monitor(actor, downs_untyped(box), NULL, &go, &monitor), 0);
    expect_down(box, actor, monitor, cancels ? -ECANCELED : result, reason);
    weft_actor_release(actor);
    ck_assert_uint_eq(downs_destroy(box), 0);
}

static int watch_each(void *unused)
{
    (void)unused;
    watch_one(7, false, WEFT_END_NORMAL);
    watch_one(-EIO, false, WEFT_END_FAILED);
    watch_one(-ECANCELED, false, WEFT_END_FAILED); /* nobody has cancelled it */
    watch_one(0, true, WEFT_END_CANCELLED);
    return 0;
}

TEST(a_monitor_tells_who_ended_and_why)
{
    run_mixed(watch_each);
}

static void make_mail(const weft_down *down, void *arg, void *ret_message)
{
    *(struct mail *)ret_message = (struct mail){ DOWN, down->result, (intptr_t)arg };
}

static int full_box(void *unused)
{
    mails *box;
    struct mail mail = { 0 };
    weft_actor *actors[3];
    (void)unused;
    weft_event_clear(&go);
    ck_assert_int_eq(mails_create(1, &box), 0);
    ck_assert_int_eq(mails_send(box, (struct mail){ TEXT, 1, 0 }), 0);
    for (int i = 0; i < 3; i++) {
        actors[i] = spawn(10 + i);
        ck_assert_int_eq(
            weft_actor_monitor(actors[i], mails_untyped(box), make_mail, (void *)(intptr_t)i, NULL),
            0);
    }
    weft_event_set(&go);
    for (int i = 0; i < 3; i++)
        finish(actors[i], 10 + i);
    ck_assert_int_eq(mails_try_send(box, mail), -EAGAIN); /* the bound is for others */
    ck_assert_int_eq(mails_receive(box, &mail), 0);
    ck_assert_int_eq(mail.kind, TEXT);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(mails_try_send(box, mail), -EAGAIN);
        ck_assert_int_eq(mails_receive(box, &mail), 0);
        ck_assert_int_eq(mail.kind, DOWN);
        ck_assert_int_eq(mail.value, 10 + mail.other);
    }
    ck_assert_int_eq(mails_try_send(box, mail), 0);
    ck_assert_uint_eq(mails_destroy(box), 1);
    return 0;
}

TEST(a_monitors_message_comes_even_if_the_box_is_full)
{
    run_mixed(full_box);
}

static bool is_down(const struct mail *mail, void *unused)
{
    (void)unused;
    return mail->kind == DOWN;
}

static int set_go(void *unused)
{
    (void)unused;
    weft_event_set(&go);
    return 0;
}

/* A box that is full of others is no reason to give up while a monitor may send. */
static int wait_in_full_box(void *unused)
{
    mails *box;
    struct mail mail;
    uint64_t monitor;
    weft_task *task;
    (void)unused;
    weft_event_clear(&go);
    ck_assert_int_eq(mails_create(1, &box), 0);
    ck_assert_int_eq(mails_send(box, (struct mail){ TEXT, 1, 0 }), 0);
    weft_actor *actor = spawn(3);
    ck_assert_int_eq(weft_actor_monitor(actor, mails_untyped(box), make_mail, NULL, &monitor), 0);
    SPAWN(set_go, NULL, &task);
    ck_assert_int_eq(mails_receive_match(box, is_down, NULL, &mail), 0);
    ck_assert_int_eq(mail.value, 3);
    JOIN(task, 0);
    ck_assert_int_eq(mails_receive_match(box, is_down, NULL, &mail), -ENOBUFS);
    weft_actor_release(actor);
    mails_destroy(box);
    return 0;
}

TEST(a_full_box_with_a_monitor_is_waited_at)
{
    run_mixed(wait_in_full_box);
}

static atomic_int calls;

static void count_call(const weft_down *down)
{
    ck_assert_ptr_eq(down->arg, &calls);
    atomic_fetch_add(&calls, down->result);
}

static int demonitor(void *unused)
{
    mails *box;
    uint64_t first, second, third;
    (void)unused;
    weft_event_clear(&go);
    atomic_store(&calls, 0);
    ck_assert_int_eq(mails_create(1, &box), 0);
    weft_actor *actor = spawn(5);
    ck_assert_int_eq(weft_actor_monitor_call(actor, count_call, &calls, &first), 0);
    ck_assert_int_eq(weft_actor_monitor_call(actor, count_call, &calls, &second), 0);
    ck_assert_int_eq(weft_actor_monitor(actor, mails_untyped(box), make_mail, NULL, &third), 0);
    ck_assert_int_eq(weft_actor_monitor(actor, mails_untyped(box), NULL, NULL, NULL), -EINVAL);
    ck_assert_int_eq(weft_actor_demonitor(actor, first), 0);
    ck_assert_int_eq(weft_actor_demonitor(actor, first), -ENOENT);
    ck_assert_int_eq(weft_actor_demonitor(actor, third), 0);
    weft_event_set(&go);
    ck_assert_int_eq(weft_actor_wait(actor, NULL), 0);
    ck_assert_int_eq(atomic_load(&calls), 5);
    ck_assert_int_eq(weft_actor_demonitor(actor, second), -ENOENT);
    ck_assert_int_eq(weft_actor_monitor_call(actor, count_call, &calls, NULL), 0); /* at once */
    ck_assert_int_eq(atomic_load(&calls), 10);
    weft_actor_release(actor);
    ck_assert_uint_eq(mails_destroy(box), 0);
    return 0;
}

TEST(a_monitor_that_was_ended_tells_nothing)
{
    run_mixed(demonitor);
}

static int watcher_gone(void *unused)
{
    downs *box;
    (void)unused;
    weft_event_clear(&go);
    ck_assert_int_eq(downs_create(1, &box), 0);
    weft_actor *actor = spawn(5);
    ck_assert_int_eq(weft_actor_monitor(actor, downs_untyped(box), NULL, NULL, NULL), 0);
    ck_assert_uint_eq(downs_destroy(box), 0);
    weft_event_set(&go);
    finish(actor, 5);
    return 0;
}

TEST(a_watcher_may_go_first)
{
    run_mixed(watcher_gone);
}

/* Links. */

static int fail_one(void *unused)
{
    (void)unused;
    for (int k = 0; k < 2; k++) { /* both ways */
        weft_event_clear(&go);
        weft_actor *one = spawn(0), *other = spawn(0), *bad;
        weft_actor **ends[] = { &one, &other };
        ck_assert_int_eq(weft_actor_spawn(end_when_told, NULL, NULL, &bad), 0);
        ck_assert_int_eq(weft_actor_link(one, other), 0);
        ck_assert_int_eq(weft_actor_link(other, one), 0); /* twice is once */
        ck_assert_int_eq(weft_actor_link(one, one), -EINVAL);
        ck_assert_int_eq(weft_actor_link(*ends[k], bad), 0);
        weft_actor_cancel(bad); /* is no failure */
        ck_assert_int_eq(weft_actor_wait(bad, NULL), 0);
        ck_assert_int_eq(weft_actor_unlink(*ends[k], bad), -ENOENT); /* its half has gone, too */
        finish(bad, -ECANCELED);
        ck_assert_int_eq(weft_actor_unlink(one, other), 0);
        ck_assert_int_eq(weft_actor_unlink(one, other), -ENOENT);
        ck_assert_int_eq(weft_actor_unlink(other, one), -ENOENT);
        weft_event_set(&go);
        finish(one, 0);
        finish(other, 0);
    }
    return 0;
}

TEST(only_a_failure_goes_over_a_link)
{
    run_mixed(fail_one);
}

static int sleep_long(void *unused)
{
    (void)unused;
    return weft_sleep(WEFT_S(1000));
}

static weft_actor *spawn_sleeper(void)
{
    weft_actor *actor;
    ck_assert_int_eq(weft_actor_spawn(sleep_long, NULL, NULL, &actor), 0);
    return actor;
}

static int fail_either(void *unused)
{
    (void)unused;
    for (int k = 0; k < 2; k++) {
        weft_event_clear(&go);
        weft_actor *bad = spawn(-EIO), *other = spawn_sleeper();
        ck_assert_int_eq(k ? weft_actor_link(bad, other) : weft_actor_link(other, bad), 0);
        weft_event_set(&go);
        finish(other, -ECANCELED);
        ck_assert_int_eq(weft_actor_unlink(bad, other), -ENOENT); /* both have ended */
        finish(bad, -EIO);
    }
    return 0;
}

TEST(a_failure_cancels_the_other_both_ways)
{
    run_mixed(fail_either);
}

#define CHAIN 5

static int fail_chain(void *unused)
{
    weft_actor *chain[CHAIN];
    (void)unused;
    weft_event_clear(&go);
    for (int i = 0; i < CHAIN; i++)
        chain[i] = i == 2 ? spawn(-EIO) : spawn_sleeper();
    for (int i = 1; i < CHAIN; i++)
        ck_assert_int_eq(weft_actor_link(chain[i - 1], chain[i]), 0);
    weft_event_set(&go);
    for (int i = 0; i < CHAIN; i++)
        finish(chain[i], i == 2 ? -EIO : -ECANCELED);
    return 0;
}

TEST(a_chain_falls_together)
{
    run_mixed(fail_chain);
}

static int end_well(void *unused)
{
    (void)unused;
    weft_sleep(WEFT_S(1000));
    return 0; /* it takes the cancellation as a reason to finish */
}

static int stop_the_fall(void *unused)
{
    weft_actor *middle;
    (void)unused;
    weft_event_clear(&go);
    weft_actor *bad = spawn(-EIO), *last = spawn_sleeper();
    ck_assert_int_eq(weft_actor_spawn(end_well, NULL, NULL, &middle), 0);
    ck_assert_int_eq(weft_actor_link(bad, middle), 0);
    ck_assert_int_eq(weft_actor_link(middle, last), 0);
    weft_event_set(&go);
    finish(bad, -EIO);
    int result;
    ck_assert_int_eq(weft_actor_wait(middle, &result), 0);
    if (result == 0) { /* else it had not begun */
        weft_scope scope;
        WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_MS(5)))
            ck_assert_int_eq(weft_actor_wait(last, NULL), -ETIMEDOUT);
    }
    weft_actor_release(middle);
    weft_actor_cancel(last);
    finish(last, -ECANCELED);
    return 0;
}

TEST(who_ends_well_stops_the_fall)
{
    run_mixed(stop_the_fall);
}

static int link_too_late(void *unused)
{
    (void)unused;
    weft_event_clear(&go);
    weft_event_set(&go);
    weft_actor *bad = spawn(-EIO), *good = spawn(1), *other = spawn_sleeper();
    ck_assert_int_eq(weft_actor_wait(bad, NULL), 0);
    ck_assert_int_eq(weft_actor_wait(good, NULL), 0);
    ck_assert_int_eq(weft_actor_link(other, good), 0); /* nothing happens */
    weft_scope scope;
    WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_MS(2)))
        ck_assert_int_eq(weft_actor_wait(other, NULL), -ETIMEDOUT);
    ck_assert_int_eq(weft_actor_link(other, bad), 0);
    finish(other, -ECANCELED);
    other = spawn_sleeper();
    ck_assert_int_eq(weft_actor_link(bad, other), 0);
    finish(other, -ECANCELED);
    finish(bad, -EIO);
    finish(good, 1);
    return 0;
}

TEST(a_link_to_one_that_has_failed_cancels_at_once)
{
    run_mixed(link_too_late);
}

static weft_actor *pair[2];

/* Those who link them at the same moment make one link. */
static _Atomic(uint32_t) round_of_links, ready, linked;

#define ROUNDS_ARE_OVER UINT32_MAX

static void *link_in_each_round(void *unused)
{
    for (uint32_t i = 1;; i++) {
        atomic_store(&ready, i);
        for (int spins = 0; atomic_load(&round_of_links) < i; spins++) {
            if (spins > 100000)
                sched_yield();
        }
        if (atomic_load(&round_of_links) == ROUNDS_ARE_OVER)
            return unused;
        ck_assert_int_eq(weft_actor_link(pair[0], pair[1]), 0);
        atomic_store(&linked, i);
    }
}

TEST(links_made_at_the_same_moment_are_one)
{
    weft_config config = { .workers = 1 };
    pthread_t other;
    int64_t end = weft_after(WEFT_S(1));
    ck_assert_int_eq(weft_start(&config), 0);
    weft_event_clear(&go);
    pair[0] = spawn(0);
    pair[1] = spawn(0);
    pthread_create(&other, NULL, link_in_each_round, NULL);
    for (uint32_t i = 1; i == 1 || (i <= 5000 && weft_now() < end); i++) {
        while (atomic_load(&ready) != i)
            sched_yield();
        atomic_store(&round_of_links, i);
        ck_assert_int_eq(weft_actor_link(pair[1], pair[0]), 0);
        while (atomic_load(&linked) != i)
            sched_yield();
        ck_assert_int_eq(weft_actor_unlink(pair[0], pair[1]), 0);
        ck_assert_int_eq(weft_actor_unlink(pair[0], pair[1]), -ENOENT);
    }
    atomic_store(&round_of_links, ROUNDS_ARE_OVER);
    pthread_join(other, NULL);
    weft_event_set(&go);
    finish(pair[0], 0);
    finish(pair[1], 0);
    ck_assert_int_eq(weft_stop(), 0);
}

/* Linking, unlinking and ending at any moment: nobody is left, and no memory (ASan). */
static int link_and_unlink(void *unused)
{
    (void)unused;
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(weft_actor_link(pair[i % 2], pair[1 - i % 2]), 0);
        weft_actor_unlink(pair[0], pair[1]);
    }
    ck_assert_int_eq(weft_actor_link(pair[0], pair[1]), 0);
    return 0;
}

static int at_any_moment(void *unused)
{
    struct crowd crowd;
    (void)unused;
    for (int i = 0; i < 10; i++) {
        weft_event_clear(&go);
        pair[i % 2] = spawn(-EIO);
        pair[1 - i % 2] = spawn_sleeper();
        crowd_start(&crowd, link_and_unlink, NULL);
        for (int k = 0; k < i; k++)
            weft_yield();
        weft_event_set(&go);
        crowd_join(&crowd);
        finish(pair[i % 2], -EIO);
        finish(pair[1 - i % 2], -ECANCELED);
    }
    return 0;
}

TEST(links_change_at_any_moment)
{
    run_mixed(at_any_moment);
}
