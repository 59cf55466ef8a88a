#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "keys.h"
#include "tasks.h"
#include "vthreads.h"

/* Each test body runs as a task and on a plain thread. */
static void run_both(int (*fn)(void *))
{
    ck_assert_int_eq(weft_run(NULL, fn, NULL), 0);
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_int_eq(fn(NULL), 0);
    ck_assert_int_eq(weft_stop(), 0);
    ck_assert_int_eq(fn(NULL), 0); /* and without a runtime */
}

static int nest(void *unused)
{
    weft_scope outer, middle, inner;
    int64_t now = weft_now();
    (void)unused;
    ck_assert_int_eq(weft_deadline(), WEFT_NEVER);
    weft_scope_enter(&outer, now + WEFT_S(10));
    ck_assert_int_eq(weft_deadline(), now + WEFT_S(10));
    weft_scope_enter(&middle, now + WEFT_S(20)); /* later: the outer one stays */
    ck_assert_int_eq(weft_deadline(), now + WEFT_S(10));
    weft_scope_enter(&inner, now + WEFT_S(5));
    ck_assert_int_eq(weft_deadline(), now + WEFT_S(5));
    ck_assert(!weft_scope_leave(&inner));
    ck_assert_int_eq(weft_deadline(), now + WEFT_S(10));
    weft_scope_enter(&inner, WEFT_NEVER);
    ck_assert_int_eq(weft_deadline(), now + WEFT_S(10));
    ck_assert(!weft_scope_leave(&inner));
    ck_assert(!weft_scope_leave(&middle));
    ck_assert(!weft_scope_leave(&outer));
    ck_assert_int_eq(weft_deadline(), WEFT_NEVER);
    return 0;
}

TEST(the_nearest_deadline_is_in_force)
{
    run_both(nest);
}

static int cancel_inner(void *unused)
{
    weft_scope outer, inner, shield;
    int64_t now = weft_now();
    (void)unused;
    weft_scope_enter(&outer, now + WEFT_S(10));
    weft_scope_enter(&inner, now + WEFT_S(20));
    weft_scope_cancel(&inner);
    ck_assert_int_eq(weft_deadline(), now + WEFT_S(10));
    weft_scope_set_deadline(&inner, now + WEFT_S(5));
    ck_assert_int_eq(weft_deadline(), now + WEFT_S(5));
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    ck_assert_int_eq(weft_deadline(), WEFT_NEVER);
    weft_scope_cancel(&shield);
    weft_scope_set_deadline(&shield, now + WEFT_S(20));
    ck_assert_int_eq(weft_deadline(), now + WEFT_S(20));
    weft_scope_leave(&shield);
    weft_scope_leave(&inner);
    weft_scope_leave(&outer);
    return 0;
}

TEST(a_scope_that_is_cancelled_hides_no_deadline)
{
    run_both(cancel_inner);
}

static int expire_outer(void *unused)
{
    weft_scope outer, inner;
    (void)unused;
    weft_scope_enter(&outer, weft_now() + WEFT_MS(5));
    weft_scope_enter(&inner, weft_now() + WEFT_S(10));
    ck_assert_int_eq(weft_sleep(WEFT_S(5)), -ETIMEDOUT);
    ck_assert(!weft_scope_leave(&inner)); /* it was not its deadline */
    ck_assert(weft_scope_leave(&outer));
    return 0;
}

TEST(the_scope_whose_deadline_it_was_says_so)
{
    run_both(expire_outer);
}

static int expire_inner(void *unused)
{
    weft_scope outer, inner;
    (void)unused;
    weft_scope_enter(&outer, weft_now() + WEFT_S(10));
    weft_scope_enter(&inner, weft_now() + WEFT_MS(5));
    ck_assert_int_eq(weft_sleep(WEFT_S(5)), -ETIMEDOUT);
    ck_assert(weft_scope_leave(&inner));
    ck_assert_int_eq(weft_sleep(WEFT_MS(1)), 0);
    ck_assert(!weft_scope_leave(&outer));
    return 0;
}

TEST(after_an_inner_scope_the_outer_one_goes_on)
{
    run_both(expire_inner);
}

static int pass_unnoticed(void *unused)
{
    weft_scope scope;
    (void)unused;
    weft_scope_enter(&scope, weft_now() + WEFT_MS(1));
    spin_for(WEFT_MS(3));
    ck_assert(!weft_scope_leave(&scope)); /* nothing has been cut short */
    return 0;
}

TEST(a_deadline_that_cut_nothing_short_does_not_count)
{
    run_both(pass_unnoticed);
}

static int nothing(void *unused)
{
    (void)unused;
    return 0;
}

/* Every function that suspends, with its deadline passed: nothing happens,
 * although each could succeed at once. */
static int try_everything(void *unused)
{
    int pair[2], listener;
    char buf[4] = "abc", name[128];
    weft_scope scope;
    struct iovec iov = { buf, 1 };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
    (void)unused;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_int_eq(write(pair[1], "hello", 5), 5);
    listener = weft_listen("127.0.0.1:0", 0, 0);
    ck_assert_int_ge(listener, 0);
    ck_assert_int_gt(weft_local_address(listener, name, sizeof name), 0);
    int client = weft_dial(name);
    ck_assert_int_ge(client, 0);
    struct pollfd pfd = { pair[0], POLLIN, 0 };
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    weft_task *task = NULL;
    if (weft_workers()) {
        SPAWN(nothing, NULL, &task);
        weft_sleep(WEFT_MS(2));
    }

    weft_scope_enter(&scope, weft_now() - 1);
    for (int again = 0; again < 2; again++) { /* a level, not an edge */
        ck_assert_int_eq(weft_read(pair[0], buf, 1), -ETIMEDOUT);
        ck_assert_int_eq(weft_readv(pair[0], &iov, 1), -ETIMEDOUT);
        ck_assert_int_eq(weft_recv(pair[0], buf, 1, 0), -ETIMEDOUT);
        ck_assert_int_eq(weft_recvfrom(pair[0], buf, 1, 0, NULL, NULL), -ETIMEDOUT);
        ck_assert_int_eq(weft_recvmsg(pair[0], &message, 0), -ETIMEDOUT);
        ck_assert_int_eq(weft_read_all(pair[0], buf, 1, NULL), -ETIMEDOUT);
        ck_assert_int_eq(weft_write(pair[0], buf, 1), -ETIMEDOUT);
        ck_assert_int_eq(weft_writev(pair[0], &iov, 1), -ETIMEDOUT);
        ck_assert_int_eq(weft_send(pair[0], buf, 1, 0), -ETIMEDOUT);
        ck_assert_int_eq(weft_sendto(pair[0], buf, 1, 0, NULL, 0), -ETIMEDOUT);
        ck_assert_int_eq(weft_sendmsg(pair[0], &message, 0), -ETIMEDOUT);
        ck_assert_int_eq(weft_write_all(pair[0], buf, 1, NULL), -ETIMEDOUT);
        ck_assert_int_eq(weft_writev_all(pair[0], &iov, 1, NULL), -ETIMEDOUT);
        ck_assert_int_eq(weft_poll(&pfd, 1), -ETIMEDOUT);
        ck_assert_int_eq(weft_accept(listener, NULL, NULL), -ETIMEDOUT);
        ck_assert_int_eq(weft_connect(client, (struct sockaddr *)&un, sizeof un), -ETIMEDOUT);
        ck_assert_int_eq(weft_dial(name), -ETIMEDOUT);
        ck_assert_int_eq(weft_listen("127.0.0.1:0", 0, 0), -ETIMEDOUT);
        ck_assert_int_eq(weft_yield(), -ETIMEDOUT);
        ck_assert_int_eq(weft_sleep(WEFT_MS(1)), -ETIMEDOUT);
        ck_assert_int_eq(weft_sleep(0), -ETIMEDOUT);
        ck_assert_int_eq(weft_sleep_until(0), -ETIMEDOUT);
        if (task)
            ck_assert_int_eq(weft_join(task, NULL), -ETIMEDOUT);
    }
    ck_assert(weft_scope_leave(&scope));

    int connection = weft_accept(listener, NULL, NULL); /* it was not taken */
    ck_assert_int_ge(connection, 0);
    ck_assert_int_eq(weft_read(pair[0], buf, 4), 4);
    ck_assert_int_eq(memcmp(buf, "hell", 4), 0);
    ck_assert_int_eq(recv(pair[1], buf, 1, MSG_DONTWAIT), -1); /* and nothing was sent */
    if (task)
        ck_assert_int_eq(weft_join(task, NULL), 0);
    int open[] = { pair[0], pair[1], listener, client, connection };
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(weft_close(open[i]), 0);
    return 0;
}

TEST(once_a_deadline_has_passed_every_call_says_so)
{
    run_both(try_everything);
}

static int leave_outer_first(void *unused)
{
    weft_scope outer, inner;
    weft_scope_enter(&outer, WEFT_NEVER);
    weft_scope_enter(&inner, WEFT_NEVER);
    weft_scope_leave(&outer);
    (void)unused;
    return 0;
}

static void run_wrong(void *unused)
{
    weft_run(NULL, leave_outer_first, unused);
}

static void leave_wrong(void *unused)
{
    leave_outer_first(unused);
}

TEST(scopes_are_left_in_order)
{
    expect_death(run_wrong, NULL, SIGABRT, "weft_scope_leave: not the innermost scope");
    expect_death(leave_wrong, NULL, SIGABRT, "not the innermost");
}

static int return_inside(void *unused)
{
    static weft_scope scope;
    weft_scope_enter(&scope, WEFT_NEVER);
    (void)unused;
    return 0;
}

static void run_returner(void *unused)
{
    weft_run(NULL, return_inside, unused);
}

TEST(a_task_that_ends_inside_a_scope_is_told)
{
    expect_death(run_returner, NULL, SIGABRT, "has ended inside a scope or group that it has not");
    expect_death(run_returner, NULL, SIGABRT, "in task 1 'main'");
}

static int exit_inside(void *exits)
{
    weft_scope outer, inner;
    weft_scope_enter(&outer, WEFT_NEVER);
    weft_scope_enter_shielded(&inner, WEFT_NEVER);
    ((void (*)(void))exits)();
    return 0;
}

static void weft_ends_it(void)
{
    weft_exit(0);
}

static void libc_ends_it(void)
{
    pthread_exit(NULL);
}

static pthread_key_t key;
static int destroyed_in;

/* Of a scope that was on a frame there is nothing left. */
static void sleep_in_destructor(void *unused)
{
    char frame[4096];
    (void)unused;
    memset(frame, 0x5a, sizeof frame);
    __asm__ volatile("" : : "r"(frame) : "memory");
    destroyed_in = weft_sleep(1000);
}

static int exit_with_key(void *unused)
{
    ck_assert_int_eq(pthread_setspecific(key, "value"), 0);
    return exit_inside(unused);
}

static int end_in_other_ways(void *unused)
{
    weft_task *task;
    (void)unused;
    SPAWN(exit_inside, (void *)weft_ends_it, &task);
    JOIN(task, 0);
    if (weft_virtual_thread_refusal())
        return 0;
    ck_assert_int_eq(on_virtual_thread(exit_inside, (void *)weft_ends_it), 0);
    ck_assert_int_eq(on_virtual_thread(exit_inside, (void *)libc_ends_it), 0);
    ck_assert_int_eq(pthread_key_create(&key, sleep_in_destructor), 0);
    destroyed_in = -EPROTO;
    ck_assert_int_eq(on_virtual_thread(exit_with_key, (void *)libc_ends_it), 0);
    ck_assert_int_eq(destroyed_in, 0);
    pthread_key_delete(key);
    return 0;
}

TEST(a_task_that_does_not_return_may_end_inside_scopes)
{
    ck_assert_int_eq(weft_run(NULL, end_in_other_ways, NULL), 0);
}

static int enter_twice(void *unused)
{
    weft_scope scope;
    weft_scope_enter(&scope, WEFT_NEVER);
    weft_scope_enter(&scope, WEFT_NEVER);
    (void)unused;
    return 0;
}

static void run_twice(void *unused)
{
    weft_run(NULL, enter_twice, unused);
}

static void enter_twice_plainly(void *unused)
{
    enter_twice(unused);
}

TEST(a_scope_is_entered_once_at_a_time)
{
    expect_death(run_twice, NULL, SIGABRT, "has been entered already and not left");
    expect_death(run_twice, NULL, SIGABRT, "in task 1 'main'");
    expect_death(enter_twice_plainly, NULL, SIGABRT, "has been entered already and not left");
}

static int child(void *unused)
{
    (void)unused;
    ck_assert_int_eq(weft_deadline(), WEFT_NEVER);
    return weft_sleep(WEFT_MS(10));
}

static int spawn_in_scope(void *unused)
{
    weft_task *task;
    weft_scope scope;
    (void)unused;
    weft_scope_enter(&scope, weft_now() + WEFT_MS(1));
    SPAWN(child, NULL, &task);
    weft_sleep(WEFT_S(1));
    weft_scope_leave(&scope);
    JOIN(task, 0);
    return 0;
}

TEST(a_scope_belongs_to_the_task_that_entered_it)
{
    ck_assert_int_eq(weft_run(NULL, spawn_in_scope, NULL), 0);
}

static void *enter_and_end(void *unused)
{
    static weft_scope scope;
    weft_scope_enter(&scope, weft_now() - 1);
    ck_assert_int_eq(weft_sleep(1), -ETIMEDOUT);
    return unused;
}

TEST(a_new_thread_does_not_inherit_an_ended_threads_scope)
{
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, enter_and_end, NULL);
        pthread_join(thread, NULL);
        ck_assert_int_eq(weft_deadline(), WEFT_NEVER);
    }
}

static void enter_without_state(void *enters)
{
    weft_scope scope;
    weft_group group;
    take_all_keys();
    ck_assert_int_eq(weft_checkpoint(), -ENOMEM);
    if (enters)
        weft_scope_enter(&scope, WEFT_NEVER);
    else
        weft_group_enter(&group, WEFT_NEVER);
}

TEST(a_thread_that_cannot_enter_says_why)
{
    expect_death(enter_without_state, "scope", SIGABRT, "weft_scope_enter: no memory, or no");
    expect_death(enter_without_state, NULL, SIGABRT, "weft_group_enter: no memory, or no");
}
