#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sync.h"

static weft_signals *subscribe(int first, int second)
{
    weft_signals *signals;
    const int numbers[] = { first, second };
    ck_assert_int_eq(weft_signals_create(numbers, second ? 2 : 1, &signals), 0);
    return signals;
}

static void expect_signal(weft_signals *signals, int number, unsigned count)
{
    weft_signal_info info;
    ck_assert_int_eq(weft_signals_receive(signals, &info), 0);
    ck_assert_int_eq(info.number, number);
    ck_assert_uint_eq(info.count, count);
}

static void expect_none(weft_signals *signals)
{
    weft_signal_info info;
    ck_assert_int_eq(weft_signals_try_receive(signals, &info), -EAGAIN);
}

/* On a thread that takes it before raise() returns: what a task creates blocks all. */
static void *raise_there(void *arg)
{
    int number = (int)(intptr_t)arg;
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, number);
    pthread_sigmask(SIG_UNBLOCK, &one, NULL);
    ck_assert_int_eq(raise(number), 0);
    return NULL;
}

static void raise_signal(int number)
{
    pthread_t thread;
    if (test_is_under("qemu")) /* by an assertion of its own, in one of ten runs */
        test_skip("qemu-user 7.2 fails where threads raise signals");
    ck_assert_int_eq(pthread_create(&thread, NULL, raise_there, (void *)(intptr_t)number), 0);
    pthread_join(thread, NULL);
}

static void everywhere(int (*fn)(void *unused))
{
    int fds = entries_of("/proc/self/fd");
    run_mixed(fn);
    ck_assert_int_eq(run_tasks(8, fn, NULL), 0);
    ck_assert_int_eq(fn(NULL), 0); /* without a runtime */
    ck_assert_int_eq(entries_of("/proc/self/fd"), fds);
}

static int receive_some(void *unused)
{
    (void)unused;
    weft_signals *signals = subscribe(SIGUSR1, SIGUSR2);
    expect_none(signals);
    raise_signal(SIGUSR2);
    expect_signal(signals, SIGUSR2, 1);
    expect_none(signals);
    raise_signal(SIGUSR2);
    raise_signal(SIGUSR1);
    raise_signal(SIGUSR2);
    expect_signal(signals, SIGUSR1, 1); /* the lowest first */
    expect_signal(signals, SIGUSR2, 2);
    expect_none(signals);
    weft_signals_destroy(signals);
    weft_signals_destroy(NULL);
    return 0;
}

TEST(signals_are_received_instead_of_ending_the_process)
{
    everywhere(receive_some);
}

static void *raise_later(void *number)
{
    block_for(WEFT_MS(5));
    return raise_there(number);
}

static int wait_for_one(void *unused)
{
    pthread_t thread;
    (void)unused;
    weft_signals *signals = subscribe(SIGUSR1, 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, raise_later, (void *)(intptr_t)SIGUSR1), 0);
    expect_signal(signals, SIGUSR1, 1);
    pthread_join(thread, NULL);
    weft_signals_destroy(signals);
    return 0;
}

TEST(who_receives_waits)
{
    everywhere(wait_for_one);
}

static int subscribe_twice(void *unused)
{
    (void)unused;
    weft_signals *one = subscribe(SIGUSR1, 0), *two = subscribe(SIGUSR1, SIGUSR2);
    raise_signal(SIGUSR1);
    expect_signal(one, SIGUSR1, 1);
    expect_signal(two, SIGUSR1, 1);
    weft_signals_destroy(one);
    raise_signal(SIGUSR1);
    raise_signal(SIGUSR2);
    expect_signal(two, SIGUSR1, 1);
    expect_signal(two, SIGUSR2, 1);
    weft_signals_destroy(two);
    return 0;
}

TEST(each_subscription_gets_it)
{
    everywhere(subscribe_twice);
}

static weft_signals *shared;
static atomic_int received;

static int receive_one(void *unused)
{
    weft_signal_info info;
    (void)unused;
    ck_assert_int_eq(weft_signals_receive(shared, &info), 0);
    atomic_fetch_add(&received, info.number == SIGUSR1);
    return 0;
}

/* One at a time: they may not come together. */
static int share(void *unused)
{
    struct crowd crowd;
    (void)unused;
    shared = subscribe(SIGUSR1, SIGUSR2);
    atomic_store(&received, 0);
    crowd_start(&crowd, receive_one, NULL);
    for (int i = 1; i <= CROWD; i++) {
        raise_signal(SIGUSR1);
        while (atomic_load(&received) < i)
            weft_yield();
        ck_assert_int_eq(atomic_load(&received), i);
    }
    crowd_join(&crowd);
    expect_none(shared);
    weft_signals_destroy(shared);
    return 0;
}

TEST(of_several_who_wait_one_gets_it)
{
    run_mixed(share);
}

/* Two have come, and two wait: neither is left behind. */
static int receive_either(void *seen)
{
    weft_signal_info info;
    ck_assert_int_eq(weft_signals_receive(shared, &info), 0);
    atomic_fetch_add((atomic_int *)seen, info.number == SIGUSR1 ? 1 : 100);
    return 0;
}

static int receive_both(void *unused)
{
    static atomic_int seen;
    weft_task *tasks[2];
    (void)unused;
    for (int i = 0; i < 50; i++) {
        shared = subscribe(SIGUSR1, SIGUSR2);
        atomic_store(&seen, 0);
        SPAWN(receive_either, &seen, &tasks[0]);
        SPAWN(receive_either, &seen, &tasks[1]);
        raise_signal(SIGUSR2);
        raise_signal(SIGUSR1);
        JOIN(tasks[0], 0);
        JOIN(tasks[1], 0);
        ck_assert_int_eq(atomic_load(&seen), 101);
        weft_signals_destroy(shared);
    }
    return 0;
}

TEST(who_takes_one_leaves_the_others)
{
    run_mixed(receive_both);
}

static int select_signal(void *unused)
{
    (void)unused;
    weft_signals *signals = subscribe(SIGUSR1, SIGUSR2);
    weft_case cases[] = { weft_case_readable(weft_signals_fd(signals)),
                          weft_case_timer(weft_after(WEFT_MS(1))) };
    ck_assert_int_eq(weft_select(cases, 2), 1);
    raise_signal(SIGUSR1);
    raise_signal(SIGUSR2);
    for (int number = SIGUSR1; number; number = number == SIGUSR1 ? SIGUSR2 : 0) {
        ck_assert_int_eq(weft_select(cases, 1), 0);
        expect_signal(signals, number, 1);
    }
    ck_assert_int_eq(weft_select(cases, 2), 1);
    weft_signals_destroy(signals);
    return 0;
}

TEST(signals_are_a_case_of_select)
{
    run_mixed(select_signal);
}

static int give_up(void *unused)
{
    weft_signals *signals = subscribe(SIGUSR1, 0);
    weft_signal_info info;
    weft_scope scope;
    (void)unused;
    weft_scope_enter(&scope, weft_after(WEFT_MS(1)));
    ck_assert_int_eq(weft_signals_receive(signals, &info), -ETIMEDOUT);
    raise_signal(SIGUSR1);
    ck_assert_int_eq(weft_signals_receive(signals, &info), -ETIMEDOUT);
    ck_assert(weft_scope_leave(&scope));
    expect_signal(signals, SIGUSR1, 1);
    weft_signals_destroy(signals);
    return 0;
}

TEST(who_gives_up_has_taken_nothing)
{
    everywhere(give_up);
}

/* What was there before, and what comes after. */

static atomic_int handled, handled_above;

static void on_plain(int number)
{
    atomic_fetch_add(&handled, number == SIGUSR1);
}

static void on_informed(int number, siginfo_t *info, void *context)
{
    atomic_fetch_add(&handled, info->si_signo == number && context != NULL);
}

static void expect_action(int number, const struct sigaction *expected)
{
    struct sigaction action;
    ck_assert_int_eq(sigaction(number, NULL, &action), 0);
    ck_assert(action.sa_handler == expected->sa_handler);
    ck_assert_int_eq(action.sa_flags & ~0x04000000, expected->sa_flags); /* SA_RESTORER */
}

static void keep_handler(const struct sigaction *before)
{
    atomic_store(&handled, 0);
    ck_assert_int_eq(sigaction(SIGUSR1, before, NULL), 0);
    weft_signals *signals = subscribe(SIGUSR1, SIGUSR2), *other = subscribe(SIGUSR1, 0);
    raise_signal(SIGUSR1);
    ck_assert_int_eq(atomic_load(&handled), 1);
    expect_signal(signals, SIGUSR1, 1);
    weft_signals_destroy(signals);
    raise_signal(SIGUSR1);
    expect_signal(other, SIGUSR1, 2);
    weft_signals_destroy(other);
    expect_action(SIGUSR1, before);
    raise_signal(SIGUSR1);
    ck_assert_int_eq(atomic_load(&handled), 3);
}

TEST(handlers_that_were_there_are_called_and_put_back)
{
    struct sigaction plain = { .sa_handler = on_plain };
    struct sigaction informed = { .sa_sigaction = on_informed,
                                  .sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER };
    keep_handler(&plain);
    keep_handler(&informed);
}

TEST(signals_that_were_ignored_are_received)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN }, usual = { .sa_handler = SIG_DFL };
    ck_assert_int_eq(sigaction(SIGUSR1, &ignore, NULL), 0);
    weft_signals *signals = subscribe(SIGUSR1, SIGUSR2);
    raise_signal(SIGUSR1);
    expect_signal(signals, SIGUSR1, 1);
    weft_signals_destroy(signals);
    expect_action(SIGUSR1, &ignore);
    expect_action(SIGUSR2, &usual);
}

static struct sigaction below;

static void on_above(int number, siginfo_t *info, void *context)
{
    atomic_fetch_add(&handled_above, 1);
    below.sa_sigaction(number, info, context);
}

/* It stays, and so does ours, which it calls; subscribing again does not make a circle. */
TEST(a_handler_that_was_put_over_ours_stays)
{
    struct sigaction above = { .sa_sigaction = on_above, .sa_flags = SA_SIGINFO };
    struct sigaction usual = { .sa_handler = SIG_DFL };
    weft_signals *signals = subscribe(SIGUSR1, 0);
    ck_assert_int_eq(sigaction(SIGUSR1, &above, &below), 0);
    for (int i = 1; i <= 3; i++) {
        raise_signal(SIGUSR1);
        ck_assert_int_eq(atomic_load(&handled_above), 2 * i - 1);
        expect_signal(signals, SIGUSR1, 1);
        weft_signals_destroy(signals);
        expect_action(SIGUSR1, &above);
        raise_signal(SIGUSR1);
        signals = subscribe(SIGUSR1, 0);
    }
    ck_assert_int_eq(sigaction(SIGUSR1, &usual, NULL), 0);
    weft_signals *other = subscribe(SIGUSR1, 0); /* ours again */
    raise_signal(SIGUSR1);
    expect_signal(signals, SIGUSR1, 1);
    expect_signal(other, SIGUSR1, 1);
    weft_signals_destroy(signals);
    weft_signals_destroy(other);
    expect_action(SIGUSR1, &usual);
}

TEST(children_that_nobody_waits_for_are_still_reaped)
{
    if (test_is_under("qemu"))
        test_skip("qemu-user 7.2 does not know SA_NOCLDWAIT");
    ck_assert(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    weft_signals *signals = subscribe(SIGCHLD, 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    expect_signal(signals, SIGCHLD, 1);
    ck_assert_int_eq(waitpid(pid, NULL, 0), -1);
    weft_signals_destroy(signals);
}

TEST(a_forked_child_s_signals_are_not_ours)
{
    int status;
    weft_signals *signals = subscribe(SIGUSR1, 0);
    pid_t pid = fork();
    if (pid == 0) {
        raise(SIGUSR1);
        _exit(3);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(WEXITSTATUS(status), 3);
    struct pollfd pfd = { .fd = weft_signals_fd(signals), .events = POLLIN };
    ck_assert_int_eq(poll(&pfd, 1, 0), 0);
    raise(SIGUSR1);
    expect_signal(signals, SIGUSR1, 1);
    weft_signals_destroy(signals);
}

TEST(numbers_that_make_no_sense)
{
    static const int refused[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,
                                   SIGSYS,  SIGABRT, 0,       -1,     65,     32 };
    struct sigaction usual = { .sa_handler = SIG_DFL };
    weft_signals *signals;
    ck_assert_int_eq(weft_signals_create(refused, 0, &signals), -EINVAL);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const int numbers[] = { SIGUSR1, refused[i] };
        ck_assert_int_eq(weft_signals_create(numbers, 2, &signals), -EINVAL);
        expect_action(SIGUSR1, &usual);
    }
}

/* The idiom: the server is told to stop. */

static weft_scope serving;

static int stop_on_signal(void *signals)
{
    weft_signal_info info;
    int rc = weft_signals_receive(signals, &info);
    if (rc == 0)
        weft_scope_cancel(&serving);
    return rc;
}

static int serve(void *unused)
{
    weft_signals *signals = subscribe(SIGHUP, SIGUSR1);
    weft_task *task;
    (void)unused;
    SPAWN(stop_on_signal, signals, &task);
    WEFT_WITH_SCOPE (&serving) {
        raise_signal(SIGHUP);
        ck_assert_int_eq(weft_sleep(WEFT_NEVER), -ECANCELED);
    }
    JOIN(task, 0);
    weft_signals_destroy(signals);
    return 0;
}

TEST(a_signal_cancels_a_scope)
{
    run_mixed(serve);
}
