#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>

#include "processes.h"
#include "sync.h"

/* How it ends. */

static void expect_status(const char *script, int code, int number)
{
    weft_process_spec spec = SHELL(script);
    weft_process *process = spawn_process(&spec);
    weft_process_status status;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(weft_process_wait(process, &status), 0);
        ck_assert_int_eq(status.code, code);
        ck_assert_int_eq(status.signal, number);
        ck_assert(!status.core_dumped);
        ck_assert(status.usage.ru_maxrss > 0 || test_is_under("qemu"));
    }
    ck_assert_int_eq(weft_process_signal(process, SIGTERM), -ESRCH);
    weft_process_destroy(process);
}

static int ends(void *unused)
{
    (void)unused;
    expect_status("exit 0", 0, 0);
    expect_status("exit 7", 7, 0);
    expect_status("kill -KILL $$", -1, SIGKILL);
    expect_status("kill -TERM $$", -1, SIGTERM);
    return 0;
}

TEST(the_status_says_how_it_has_ended)
{
    everywhere(ends);
}

/* It runs until its standard input ends. */
static weft_process *spawn_cat(unsigned flags)
{
    weft_process_spec spec = { .argv = (const char *[]){ "cat", NULL },
                               .in = PIPE_,
                               .flags = flags };
    return spawn_process(&spec);
}

static weft_process *cat;
static atomic_int waiting;

static int await_cat(void *unused)
{
    weft_process_status status;
    (void)unused;
    atomic_fetch_add(&waiting, 1);
    ck_assert_int_eq(weft_process_wait(cat, &status), 0);
    ck_assert_int_eq(status.code, 0);
    return 0;
}

static int wait_together(void *unused)
{
    struct crowd crowd;
    (void)unused;
    atomic_store(&waiting, 0);
    cat = spawn_cat(0);
    crowd_start(&crowd, await_cat, NULL);
    while (atomic_load(&waiting) < CROWD)
        weft_yield();
    ck_assert_int_eq(weft_process_close(cat, 0), 0);
    crowd_join(&crowd);
    weft_process_destroy(cat);
    return 0;
}

TEST(any_number_may_wait)
{
    run_mixed(wait_together);
    ck_assert(!has_children());
}

static int wait_in_vain(void *unused)
{
    weft_scope scope;
    (void)unused;
    cat = spawn_cat(0);
    weft_scope_enter(&scope, weft_after(WEFT_MS(2)));
    ck_assert_int_eq(weft_process_wait(cat, NULL), -ETIMEDOUT);
    ck_assert(weft_scope_leave(&scope));
    weft_scope_enter(&scope, WEFT_NEVER);
    weft_scope_cancel(&scope);
    ck_assert_int_eq(weft_process_wait(cat, NULL), -ECANCELED);
    weft_scope_leave(&scope);
    ck_assert_int_eq(weft_process_signal(cat, 0), 0); /* it runs */
    weft_process_close(cat, 0);
    await_cat(NULL);
    weft_process_destroy(cat);
    return 0;
}

TEST(who_gives_up_waiting_leaves_it_running)
{
    everywhere(wait_in_vain);
}

static int select_end(void *unused)
{
    (void)unused;
    cat = spawn_cat(0);
    weft_case cases[] = { weft_case_readable(weft_process_pidfd(cat)),
                          weft_case_timer(weft_after(WEFT_MS(1))) };
    ck_assert_int_eq(weft_select(cases, 2), 1);
    weft_process_close(cat, 0);
    ck_assert_int_eq(weft_select(cases, 1), 0);
    ck_assert_int_eq(cases[0].result, 0);
    await_cat(NULL);
    weft_process_destroy(cat);
    return 0;
}

TEST(its_end_is_a_case_of_select)
{
    run_mixed(select_end);
}

/* Handles that go. */

static int destroy_running(void *unused)
{
    (void)unused;
    cat = spawn_cat(0);
    pid_t pid = weft_process_pid(cat);
    weft_process_destroy(cat);
    while (kill(pid, 0) == 0) /* where the kernel reaps, its number goes a moment later */
        weft_yield();
    weft_process_destroy(NULL);
    return 0;
}

TEST(what_is_destroyed_has_ended)
{
    everywhere(destroy_running);
}

static int detach(void *unused)
{
    int pair[2];
    (void)unused;
    weft_process_detach(NULL);
    ck_assert_int_eq(pipe2(pair, 0), 0);
    weft_process_spec spec = SHELL("read line", .in = PIPE_, .fds = &pair[1], .fd_count = 1);
    weft_process *process = spawn_process(&spec);
    siginfo_t info;
    pid_t pid = weft_process_pid(process);
    close(pair[1]);
    weft_process_detach(process);                                /* its input ends */
    expect_end(pair[0]);                                         /* it has gone */
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0) /* not at once */
        weft_process_detach(NULL);                               /* the next call reaps */
    ck_assert_int_eq(kill(pid, 0), -1);
    return weft_close(pair[0]);
}

TEST(what_is_detached_is_reaped_later)
{
    everywhere(detach);
}

static int steal_status(void *unused)
{
    int status;
    (void)unused;
    cat = spawn_cat(WEFT_PROCESS_GROUP);
    weft_process_close(cat, 0);
    ck_assert_int_eq(waitpid(weft_process_pid(cat), &status, 0), weft_process_pid(cat));
    ck_assert_int_eq(weft_process_wait(cat, NULL), -ECHILD);
    ck_assert_int_eq(weft_process_signal(cat, SIGTERM), -ESRCH);
    ck_assert_int_eq(weft_process_terminate(cat, WEFT_S(1000)), 0);
    weft_process_destroy(cat);
    return 0;
}

TEST(somebody_else_has_taken_the_status)
{
    everywhere(steal_status);
}

static int wait_for_ignored(void *unused)
{
    (void)unused;
    cat = spawn_cat(0);
    weft_process_close(cat, 0);
    ck_assert_int_eq(weft_process_wait(cat, NULL), -ECHILD);
    weft_process_destroy(cat);
    return destroy_running(NULL);
}

/* The kernel reaps then. */
TEST(sigchld_may_be_ignored)
{
    signal(SIGCHLD, SIG_IGN);
    everywhere(wait_for_ignored);
}

/* Signals. */

static weft_process *spawn_ready(const char *script, unsigned flags)
{
    weft_process_spec spec = SHELL(script, .in = PIPE_, .out = PIPE_, .flags = flags);
    weft_process *process = spawn_process(&spec);
    expect_line(weft_process_fd(process, 1), "ready\n");
    return process;
}

static void expect_end_of(weft_process *process, int code, int number)
{
    weft_process_status status;
    ck_assert_int_eq(weft_process_wait(process, &status), 0);
    ck_assert_int_eq(status.code, code);
    ck_assert_int_eq(status.signal, number);
    weft_process_destroy(process);
}

static int signals(void *unused)
{
    (void)unused;
    weft_process *process = spawn_ready("trap 'exit 5' USR1; echo ready; while :; do :; done", 0);
    ck_assert_int_eq(weft_process_signal(process, 1000), -EINVAL);
    ck_assert_int_eq(weft_process_signal(process, SIGUSR1), 0);
    expect_end_of(process, 5, 0);
    return 0;
}

TEST(a_signal_reaches_it)
{
    everywhere(signals);
}

static int terminate_gently(void *unused)
{
    (void)unused;
    weft_process *process = spawn_ready("trap 'exit 3' TERM; echo ready; while :; do :; done", 0);
    ck_assert_int_eq(weft_process_terminate(process, WEFT_S(1000)), 0);
    expect_end_of(process, 3, 0);
    return 0;
}

TEST(who_heeds_sigterm_ends_by_itself)
{
    everywhere(terminate_gently);
}

static int terminate_firmly(void *unused)
{
    (void)unused;
    weft_process *process = spawn_ready("trap '' TERM; echo ready; read line", 0);
    ck_assert_int_eq(weft_process_terminate(process, WEFT_MS(2)), 0);
    expect_end_of(process, -1, SIGKILL);
    return 0;
}

TEST(who_does_not_is_killed)
{
    everywhere(terminate_firmly);
}

static int terminate_at_once(void *unused)
{
    weft_scope scope;
    (void)unused;
    weft_process *process = spawn_ready("trap '' TERM; echo ready; read line", 0);
    weft_scope_enter(&scope, weft_after(WEFT_MS(2)));
    ck_assert_int_eq(weft_process_terminate(process, WEFT_S(1000)), -ETIMEDOUT);
    ck_assert(weft_scope_leave(&scope));
    expect_end_of(process, -1, SIGKILL);
    return 0;
}

TEST(the_scope_cuts_the_grace_short)
{
    everywhere(terminate_at_once);
}

/* Who is in the background heeds nothing, and has the pipe until it ends. */
static const char family[] = "(trap '' TERM; echo ready; exec sleep 1000) & wait";

static int terminate_group(void *unused)
{
    (void)unused;
    weft_process *process = spawn_ready(family, WEFT_PROCESS_GROUP);
    ck_assert_int_eq(weft_process_terminate(process, WEFT_S(1000)), 0);
    expect_end(weft_process_fd(process, 1));
    expect_end_of(process, -1, SIGTERM);
    return 0;
}

TEST(the_whole_group_ends)
{
    everywhere(terminate_group);
}

static int destroy_group(void *unused)
{
    (void)unused;
    weft_process *process = spawn_ready(family, WEFT_PROCESS_GROUP);
    int fd = dup(weft_process_fd(process, 1));
    weft_process_destroy(process);
    expect_end(fd);
    return weft_close(fd);
}

TEST(a_group_is_destroyed)
{
    everywhere(destroy_group);
}

static int signal_group_without_leader(void *unused)
{
    (void)unused;
    weft_process *process =
        spawn_ready("(echo ready; exec sleep 1000) & exit 4", WEFT_PROCESS_GROUP);
    ck_assert_int_eq(weft_process_wait(process, NULL), 0);
    ck_assert_int_eq(weft_process_signal(process, SIGKILL), 0);
    expect_end(weft_process_fd(process, 1));
    expect_end_of(process, 4, 0);
    return 0;
}

TEST(a_group_outlives_its_leader)
{
    everywhere(signal_group_without_leader);
}
