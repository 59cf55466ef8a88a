#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tasks.h"

/* Each test body runs as a task and on a plain thread. */
static void run_both(int (*fn)(void *))
{
    ck_assert_int_eq(run_tasks(0, fn, NULL), 0);
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_int_eq(fn(NULL), 0);
    ck_assert_int_eq(weft_stop(), 0);
}

/* Another thread, in a moment. */

static void *cancel_scope(void *scope)
{
    block_for(WEFT_MS(1) + (int64_t)(test_random() % 1000) * 1000);
    weft_scope_cancel(scope);
    return NULL;
}

static pthread_t in_a_moment(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, fn, arg), 0);
    return thread;
}

static int sleep_ended(void *unused)
{
    weft_scope scope;
    (void)unused;
    weft_scope_enter(&scope, WEFT_NEVER);
    pthread_t thread = in_a_moment(cancel_scope, &scope);
    ck_assert_int_eq(weft_sleep(WEFT_S(100)), -ECANCELED);
    for (int again = 0; again < 2; again++) { /* a level, not an edge */
        ck_assert_int_eq(weft_sleep(WEFT_S(100)), -ECANCELED);
        ck_assert_int_eq(weft_checkpoint(), -ECANCELED);
    }
    ck_assert(weft_scope_cancelled(&scope));
    ck_assert(!weft_scope_leave(&scope));
    ck_assert_int_eq(weft_checkpoint(), 0);
    pthread_join(thread, NULL);
    return 0;
}

TEST(a_thread_cancels_what_sleeps_in_a_scope)
{
    run_both(sleep_ended);
    ck_assert_int_eq(sleep_ended(NULL), 0); /* and without a runtime */
}

static int read_ended(void *unused)
{
    int pair[2];
    char byte;
    weft_scope scope;
    (void)unused;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    weft_scope_enter(&scope, WEFT_NEVER);
    pthread_t thread = in_a_moment(cancel_scope, &scope);
    ck_assert_int_eq(weft_read(pair[0], &byte, 1), -ECANCELED);
    weft_scope_leave(&scope);
    pthread_join(thread, NULL);
    ck_assert_int_eq(write(pair[1], "x", 1), 1);
    ck_assert_int_eq(weft_read(pair[0], &byte, 1), 1);
    weft_close(pair[0]);
    weft_close(pair[1]);
    return 0;
}

TEST(a_thread_cancels_what_reads_in_a_scope)
{
    run_both(read_ended);
    ck_assert_int_eq(read_ended(NULL), 0);
}

static int shielded(void *unused)
{
    weft_scope outer, shield;
    (void)unused;
    weft_scope_enter(&outer, WEFT_NEVER);
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    pthread_t thread = in_a_moment(cancel_scope, &outer);
    ck_assert_int_eq(weft_sleep(WEFT_MS(5)), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(weft_sleep(WEFT_MS(1)), 0);
    weft_scope_set_deadline(&shield, weft_now() + WEFT_MS(1));
    ck_assert_int_eq(weft_sleep(WEFT_S(100)), -ETIMEDOUT); /* its own */
    ck_assert(weft_scope_leave(&shield));
    ck_assert_int_eq(weft_sleep(0), -ECANCELED);
    weft_scope_leave(&outer);
    return 0;
}

TEST(a_shield_keeps_cancellation_out)
{
    run_both(shielded);
}

static int shielded_from_deadline(void *unused)
{
    weft_scope outer, shield;
    (void)unused;
    weft_scope_enter(&outer, weft_after(WEFT_MS(1)));
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    ck_assert_int_eq(weft_deadline(), WEFT_NEVER);
    ck_assert_int_eq(weft_sleep(WEFT_MS(3)), 0);
    ck_assert(!weft_scope_leave(&shield));
    ck_assert_int_eq(weft_sleep(0), -ETIMEDOUT);
    ck_assert(weft_scope_leave(&outer));
    return 0;
}

TEST(a_shield_keeps_deadlines_out)
{
    run_both(shielded_from_deadline);
}

static void *move_closer(void *scope)
{
    block_for(WEFT_MS(2));
    weft_scope_set_deadline(scope, weft_now() + WEFT_MS(1));
    return NULL;
}

static int moved_closer(void *unused)
{
    weft_scope scope;
    (void)unused;
    weft_scope_enter(&scope, weft_after(WEFT_S(100)));
    pthread_t thread = in_a_moment(move_closer, &scope);
    ck_assert_int_eq(weft_sleep(WEFT_S(50)), -ETIMEDOUT);
    pthread_join(thread, NULL);
    ck_assert(weft_scope_leave(&scope));
    return 0;
}

TEST(a_deadline_is_moved_closer_while_somebody_waits)
{
    run_both(moved_closer);
}

static void *move_away(void *scope)
{
    weft_scope_set_deadline(scope, WEFT_NEVER);
    return NULL;
}

static int moved_away(void *unused)
{
    weft_scope scope;
    (void)unused;
    int64_t moment = (int64_t)(WEFT_MS(100) * test_seconds(1));
    int64_t end = weft_after(2 * moment);
    weft_scope_enter(&scope, weft_after(moment));
    pthread_t thread = in_a_moment(move_away, &scope);
    ck_assert_int_eq(weft_sleep_until(end), 0);
    ck_assert_int_ge(weft_now(), end);
    pthread_join(thread, NULL);
    ck_assert(!weft_scope_leave(&scope));
    return 0;
}

TEST(a_deadline_is_moved_away_while_somebody_waits)
{
    run_both(moved_away);
}

static atomic_int asleep;

static int sleeper(void *unused)
{
    (void)unused;
    asleep++;
    return weft_sleep(WEFT_S(100));
}

static int cancel_tasks(void *unused)
{
    weft_task *parked, *fresh;
    (void)unused;
    SPAWN(sleeper, NULL, &parked);
    weft_sleep(WEFT_MS(1));
    weft_cancel(parked);
    weft_cancel(parked);
    JOIN(parked, -ECANCELED);
    SPAWN(sleeper, NULL, &fresh);
    weft_cancel(fresh);
    JOIN(fresh, -ECANCELED);
    return 0;
}

TEST(a_task_is_cancelled_by_its_handle)
{
    run_both(cancel_tasks);
}

static int join_sleeper(void *arg)
{
    weft_task *other;
    SPAWN(sleeper, NULL, &other);
    *(weft_task * _Atomic *)arg = other;
    int rc = weft_join(other, NULL);
    ck_assert_int_eq(rc, -ECANCELED);
    return rc;
}

static int cancel_joiner(void *unused)
{
    weft_task *joiner, *_Atomic other = NULL;
    (void)unused;
    SPAWN(join_sleeper, (void *)&other, &joiner);
    while (!other)
        weft_sleep(WEFT_US(100));
    weft_sleep(WEFT_MS(1));
    weft_cancel(joiner);
    JOIN(joiner, -ECANCELED);
    weft_cancel(other); /* whose handle is still good */
    JOIN(other, -ECANCELED);
    return 0;
}

TEST(a_task_that_joins_is_cancelled)
{
    run_both(cancel_joiner);
}

static int own_group(void *unused)
{
    weft_group group;
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    ck_assert_int_eq(weft_group_spawn(&group, sleeper, NULL), 0);
    ck_assert_int_eq(weft_group_start(&group, sleeper, NULL, NULL), -ECANCELED);
    return weft_group_leave(&group);
}

static int cancel_owner(void *unused)
{
    weft_task *task;
    (void)unused;
    asleep = 0;
    SPAWN(own_group, NULL, &task);
    while (asleep < 2)
        weft_sleep(WEFT_MS(1));
    weft_cancel(task);
    JOIN(task, -ECANCELED);
    return 0;
}

TEST(a_tasks_groups_are_cancelled_with_it)
{
    run_both(cancel_owner);
}

static weft_scope *_Atomic handlers;

static void handler(int number)
{
    (void)number;
    weft_scope_cancel_from_signal(handlers);
}

static int cancel_by_signal(void *unused)
{
    weft_scope scope;
    (void)unused;
    signal(SIGALRM, handler);
    weft_scope_enter(&scope, WEFT_NEVER);
    handlers = &scope;
    alarm(1);
    ck_assert_int_eq(weft_sleep(WEFT_S(100)), -ECANCELED);
    weft_scope_leave(&scope);
    signal(SIGALRM, SIG_DFL);
    return 0;
}

TEST(a_signal_handler_cancels_a_scope)
{
    run_both(cancel_by_signal);
    weft_scope scope;
    weft_scope_enter(&scope, WEFT_NEVER);
    ck_assert_int_eq(weft_scope_cancel_from_signal(&scope), -EPERM);
    weft_scope_leave(&scope);
}

static _Atomic(bool) over;

static void linger(int turns)
{
    for (volatile int i = 0; i < turns; i++)
        ;
}

/* Its scopes are left while handlers cancel them, and while runtimes come and go. */
static void *enter_and_leave(void *unused)
{
    weft_scope scope;
    for (int i = 0; !over; i++) {
        weft_scope_enter(&scope, WEFT_NEVER);
        handlers = &scope;
        linger(i % 50);
        weft_scope_leave(&scope);
        linger(i % 50); /* the memory is there, and the handlers know it */
        handlers = NULL;
    }
    return unused;
}

static void cancel_if_there(int number)
{
    weft_scope *scope = handlers;
    (void)number;
    if (scope)
        weft_scope_cancel_from_signal(scope);
}

TEST(a_scope_is_left_while_a_signal_handler_cancels_it)
{
    pthread_t thread;
    over = false;
    handlers = NULL;
    signal(SIGUSR1, cancel_if_there);
    ck_assert_int_eq(pthread_create(&thread, NULL, enter_and_leave, NULL), 0);
    for (int round = 0; round < 20; round++) {
        ck_assert_int_eq(weft_start(NULL), 0);
        for (int i = 0; i < 500; i++)
            pthread_kill(thread, SIGUSR1);
        ck_assert_int_eq(weft_stop(), 0);
        pthread_kill(thread, SIGUSR1);
    }
    over = true;
    pthread_join(thread, NULL);
    signal(SIGUSR1, SIG_DFL);
}

static int leave_by(int how)
{
    weft_scope scope, inner;
    for (int i = 0; i < 2; i++) {
        WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_S(100))) {
            ck_assert_int_lt(weft_deadline(), WEFT_NEVER);
            WEFT_WITH_SHIELD (&inner, WEFT_NEVER) {
                ck_assert_int_eq(weft_deadline(), WEFT_NEVER);
                if (how == 0)
                    break;
                if (how == 1)
                    continue;
                if (how == 2)
                    return how;
                if (how == 3)
                    goto out;
            }
            ck_assert_int_lt(weft_deadline(), WEFT_NEVER);
        }
        ck_assert_int_eq(weft_deadline(), WEFT_NEVER);
    }
out:
    ck_assert_int_eq(weft_deadline(), WEFT_NEVER);
    return how;
}

TEST(a_block_with_a_scope_is_left_in_any_way)
{
    for (int how = 0; how < 5; how++) {
        ck_assert_int_eq(leave_by(how), how);
        ck_assert_int_eq(weft_deadline(), WEFT_NEVER);
    }
}

static int expire_in_block(void *unused)
{
    weft_scope scope;
    (void)unused;
    WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_MS(1)))
        ck_assert_int_eq(weft_sleep(WEFT_S(100)), -ETIMEDOUT);
    ck_assert(weft_scope_timed_out(&scope));
    ck_assert(!weft_scope_cancelled(&scope));
    return 0;
}

TEST(a_scope_says_what_has_become_of_it)
{
    run_both(expire_in_block);
}
