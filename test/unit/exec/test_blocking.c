#include "suite.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blocking.h"
#include "sync.h"

struct who {
    long thread;
    char name[16];
    sigset_t mask;
    bool task;
};

static int look_who(void *arg)
{
    struct who *who = arg;
    who->thread = syscall(SYS_gettid);
    who->task = weft_self() != NULL;
    pthread_getname_np(pthread_self(), who->name, sizeof who->name);
    pthread_sigmask(SIG_SETMASK, NULL, &who->mask);
    return -ENOTTY;
}

static int call_one(void *unused)
{
    struct who who = { 0 };
    int result = 0;
    (void)unused;
    ck_assert_int_eq(weft_blocking(look_who, &who, &result), 0);
    ck_assert_int_eq(result, -ENOTTY);
    ck_assert_int_ne(who.thread, syscall(SYS_gettid));
    ck_assert(!who.task);
    ck_assert_str_eq(who.name, "weft-blocking");
    ck_assert(sigismember(&who.mask, SIGINT) && sigismember(&who.mask, SIGTERM));
    ck_assert(!sigismember(&who.mask, SIGSEGV));
    ck_assert_int_eq(weft_blocking(look_who, &who, NULL), 0);
    return 0;
}

TEST(a_call_runs_on_another_thread_and_gives_its_result)
{
    run_mixed(call_one);
    ck_assert_int_eq(call_one(NULL), 0); /* without a runtime */
}

static int crowd_calls(void *unused)
{
    struct crowd crowd;
    (void)unused;
    crowd_start(&crowd, call_one, NULL);
    crowd_join(&crowd);
    return 0;
}

TEST(tasks_and_threads_call_at_the_same_time)
{
    run_mixed(crowd_calls);
}

#define MANY 20

static int wait_in_gate(void *gate)
{
    int result = 0;
    ck_assert_int_eq(weft_blocking(pass_gate, gate, &result), 0);
    return result;
}

/* On one worker, and no other carrier helps. */
static int many_at_once(void *arg)
{
    struct gate *gate = arg;
    weft_task *tasks[MANY];
    for (int i = 0; i < MANY; i++)
        SPAWN(wait_in_gate, gate, &tasks[i]);
    await_count(&gate->begun, MANY);
    atomic_store(&gate->open, true);
    for (int i = 0; i < MANY; i++)
        JOIN(tasks[i], GATE_RESULT);
    return 0;
}

TEST(calls_block_nobody_else)
{
    struct gate gate = { 0 };
    ck_assert_int_eq(run_in_turn(many_at_once, &gate), 0);
    ck_assert_int_eq(atomic_load(&gate.ended), MANY);
}

TEST(a_virtual_thread_calls)
{
    weft_attr attr = { .flags = WEFT_VIRTUAL_THREAD };
    weft_task *task;
    if (weft_virtual_thread_refusal())
        test_skip("no virtual threads here");
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_int_eq(weft_spawn_with(&attr, call_one, NULL, &task), 0);
    JOIN(task, 0);
    ck_assert_int_eq(weft_stop(), 0);
}

/* Cancelling. */

static int count_up(void *count)
{
    atomic_fetch_add((atomic_int *)count, 1);
    return 0;
}

struct cut {
    weft_blocking_kind *kind; /* of one at a time */
    struct gate gate;
    weft_scope *scope;
    weft_blocking_attr attr;
    int rc, result;
};

static void open_cut(struct cut *cut)
{
    *cut = (struct cut){ 0 };
    ck_assert_int_eq(weft_blocking_kind_create(1, 0, &cut->kind), 0);
    cut->attr.kind = cut->kind;
}

static int occupy(void *arg)
{
    struct cut *cut = arg;
    weft_blocking_attr attr = { .kind = cut->kind };
    return weft_blocking_with(&attr, pass_gate, &cut->gate, NULL);
}

static int time_out_in_line(void *unused)
{
    struct cut cut;
    struct gate other = { 0 };
    weft_task *task;
    weft_scope scope;
    atomic_int ran = 0;
    (void)unused;
    open_cut(&cut);
    SPAWN(occupy, &cut, &task);
    await_count(&cut.gate.begun, 1);
    weft_scope_enter(&scope, weft_after(WEFT_MS(2)));
    ck_assert_int_eq(weft_blocking_with(&cut.attr, count_up, &ran, NULL), -ETIMEDOUT);
    ck_assert_int_eq(weft_blocking_with(&cut.attr, count_up, &ran, NULL), -ETIMEDOUT);
    cut.attr.flags = WEFT_BLOCKING_ABANDON;
    cut.attr.abandoned = note_abandoned;
    ck_assert_int_eq(weft_blocking_with(&cut.attr, pass_gate, &other, NULL), -ETIMEDOUT);
    weft_scope_leave(&scope);
    ck_assert_int_eq(atomic_load(&other.abandoned), 1);
    ck_assert_int_eq(atomic_load(&other.result), -ETIMEDOUT);
    atomic_store(&cut.gate.open, true);
    JOIN(task, 0);
    cut.attr.flags = 0; /* it is over, so what waited behind it would have run */
    ck_assert_int_eq(weft_blocking_with(&cut.attr, pass_gate, &cut.gate, NULL), 0);
    ck_assert_int_eq(atomic_load(&ran), 0);
    ck_assert_int_eq(atomic_load(&other.begun), 0);
    weft_blocking_kind_destroy(cut.kind);
    return 0;
}

TEST(a_call_that_was_cancelled_before_it_began_never_runs)
{
    run_mixed(time_out_in_line);
}

static int call_in_scope(void *arg)
{
    struct cut *cut = arg;
    weft_scope scope;
    weft_scope_enter(&scope, WEFT_NEVER);
    cut->scope = &scope;
    cut->rc = weft_blocking_with(&cut->attr, pass_gate, &cut->gate, &cut->result);
    ck_assert_int_eq(weft_checkpoint(), -ECANCELED);
    weft_scope_leave(&scope);
    return 0;
}

static int cancel_what_runs(void *unused)
{
    struct cut cut;
    weft_task *task;
    (void)unused;
    open_cut(&cut);
    SPAWN(call_in_scope, &cut, &task);
    await_count(&cut.gate.begun, 1);
    weft_scope_cancel(cut.scope);
    weft_sleep(WEFT_MS(1)); /* whatever it does now, it has not ended */
    ck_assert_int_eq(atomic_load(&cut.gate.ended), 0);
    atomic_store(&cut.gate.open, true);
    JOIN(task, 0);
    ck_assert_int_eq(cut.rc, 0);
    ck_assert_int_eq(cut.result, GATE_RESULT);
    weft_blocking_kind_destroy(cut.kind);
    return 0;
}

TEST(a_call_that_has_begun_is_waited_for)
{
    run_mixed(cancel_what_runs);
}

static int abandon_what_runs(void *unused)
{
    struct cut cut;
    weft_task *task;
    (void)unused;
    open_cut(&cut);
    cut.attr.flags = WEFT_BLOCKING_ABANDON;
    cut.attr.abandoned = note_abandoned;
    SPAWN(call_in_scope, &cut, &task);
    await_count(&cut.gate.begun, 1);
    weft_scope_cancel(cut.scope);
    JOIN(task, 0);
    ck_assert_int_eq(cut.rc, -ECANCELED);
    ck_assert_int_eq(atomic_load(&cut.gate.abandoned), 0);
    atomic_store(&cut.gate.open, true);
    await_count(&cut.gate.abandoned, 1);
    ck_assert_int_eq(atomic_load(&cut.gate.result), GATE_RESULT);
    weft_blocking_kind_destroy(cut.kind);
    return 0;
}

TEST(a_call_that_was_abandoned_says_when_it_has_ended)
{
    int threads = threads_of_nobody();
    run_mixed(abandon_what_runs);
    expect_threads(threads);
}

static int call_abandonable(void *gate)
{
    weft_blocking_attr attr = { .flags = WEFT_BLOCKING_ABANDON, .abandoned = note_abandoned };
    int result = 0;
    ck_assert_int_eq(weft_blocking_with(&attr, pass_gate, gate, &result), 0);
    return result;
}

TEST(a_call_that_may_be_abandoned_need_not_be)
{
    struct gate gate = { .open = true };
    ck_assert_int_eq(run_tasks(2, call_abandonable, &gate), GATE_RESULT);
    ck_assert_int_eq(atomic_load(&gate.abandoned), 0);
}

static int leave_behind(void *arg)
{
    struct cut *cut = arg;
    weft_task *task;
    cut->attr.flags = WEFT_BLOCKING_ABANDON;
    cut->attr.abandoned = note_abandoned;
    SPAWN(call_in_scope, cut, &task);
    await_count(&cut->gate.begun, 1);
    weft_scope_cancel(cut->scope);
    JOIN(task, 0);
    ck_assert_int_eq(cut->rc, -ECANCELED);
    return 0;
}

/* Runtimes come and go, and what was abandoned goes on. */
TEST(the_runtime_stops_without_what_was_abandoned)
{
    struct cut cut = { 0 };
    int threads = threads_of_nobody();
    ck_assert_int_eq(run_tasks(2, leave_behind, &cut), 0);
    expect_threads(threads + 1);
    run_mixed(call_one);
    ck_assert_int_eq(atomic_load(&cut.gate.abandoned), 0);
    atomic_store(&cut.gate.open, true);
    await_count(&cut.gate.abandoned, 1);
    ck_assert_int_eq(atomic_load(&cut.gate.result), GATE_RESULT);
    expect_threads(threads);
}

TEST(attributes_out_of_range_are_refused)
{
    weft_blocking_attr flags = { .flags = 2, .abandoned = note_abandoned };
    weft_blocking_attr reserved = { .reserved = { [4] = 1 } };
    weft_blocking_kind *kind;
    struct gate gate = { .open = true };
    ck_assert_int_eq(weft_blocking_with(&flags, pass_gate, &gate, NULL), -EINVAL);
    ck_assert_int_eq(weft_blocking_with(&reserved, pass_gate, &gate, NULL), -EINVAL);
    ck_assert_int_eq(weft_blocking_submit_with(&flags, pass_gate, &gate, NULL), -EINVAL);
    ck_assert_int_eq(weft_blocking_kind_create(0, 0, &kind), -EINVAL);
    ck_assert_int_eq(atomic_load(&gate.begun) + atomic_load(&gate.abandoned), 0);
}

/* A call may run a runtime of its own: to the pool it is one more that runs. */
static int run_runtime(void *unused)
{
    return run_tasks(1, call_one, unused);
}

TEST(a_call_may_run_a_runtime)
{
    int result = 1;
    ck_assert_int_eq(weft_blocking(run_runtime, NULL, &result), 0);
    ck_assert_int_eq(result, 0);
}

TEST(a_forked_child_has_threads_of_its_own)
{
    int status;
    if (test_is_slowed())
        test_skip("sanitizers make no threads after a fork");
    ck_assert_int_eq(call_one(NULL), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(call_one(NULL));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

/* The child is a copy of the pool's thread alone. */
static int run_a_child(void *program)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0 && program)
        execl((const char *)program, (const char *)program, "-c", "exit 7", (char *)NULL);
    if (child == 0)
        _exit(7);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int fork_in_calls(void *unused)
{
    int result;
    (void)unused;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(weft_blocking(run_a_child, "/bin/sh", &result), 0);
        ck_assert_int_eq(result, 7);
        if (test_is_slowed()) /* Valgrind has its say at the end of such a child */
            continue;
        ck_assert_int_eq(weft_blocking(run_a_child, NULL, &result), 0);
        ck_assert_int_eq(result, 7);
    }
    return 0;
}

TEST(a_call_may_fork)
{
    ck_assert_int_eq(run_tasks(2, fork_in_calls, NULL), 0);
}
