/* Jobs that do not return: their worker ends, or is ended. */
#include "process_pool.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "process/template.h"
#include "sched/task.h"

/* By themselves. */

static int end_by(weft_process_job *job)
{
    const int *number = job->arg;
    if (*number < 0)
        _exit(-*number);
    raise(*number);
    return 0;
}

static int end_in_all_ways(void *unused)
{
    static const int ways[] = { SIGSEGV, SIGKILL, SIGTERM, -3, SIGUSR1, -77 };
    (void)unused;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        weft_process_outcome outcome;
        weft_process_call call = { .fn = end_by, .arg = &ways[i], .arg_size = sizeof *ways };
        ck_assert_int_eq(weft_process_pool_call(pool, &call, &outcome), -EOWNERDEAD);
        ck_assert(outcome.begun);
        ck_assert_int_eq(outcome.signal, ways[i] > 0 ? ways[i] : 0);
        ck_assert_int_eq(outcome.code, ways[i] > 0 ? -1 : -ways[i]);
        ck_assert_int_eq(kill(outcome.worker, 0), -1); /* nor is it a zombie */
        ck_assert_int_eq(call_job(say_hello, &outcome), 0);
        ck_assert_int_eq(outcome.value, 42);
    }
    return 0;
}

TEST(a_worker_that_ends_fails_its_job)
{
    open_pool(1);
    by_everybody(end_in_all_ways);
    ck_assert_uint_eq(look().crashed, 30);
    ck_assert_uint_eq(look().completed, 30);
    ck_assert(!look().broken);
    close_pool();
}

static int keep_at_it(void *ret_outcome)
{
    return call_job(wait_for_go, ret_outcome);
}

static int end_beside_others(void *unused)
{
    weft_task *others[2];
    (void)unused;
    for (int i = 0; i < 2; i++)
        SPAWN(keep_at_it, NULL, &others[i]);
    await_count(&board->begun, 2);
    end_in_all_ways(NULL);
    atomic_store(&board->go, 1);
    for (int i = 0; i < 2; i++)
        JOIN(others[i], 0);
    return 0;
}

TEST(a_worker_that_ends_harms_no_other)
{
    open_pool(3);
    ck_assert_int_eq(run_tasks(0, end_beside_others, NULL), 0);
    ck_assert_int_eq(atomic_load(&board->ended), 2);
    close_pool();
}

/* Killed while they have nothing to do: no job notices. */
static int kill_idle_ones(void *unused)
{
    weft_process_outcome outcome;
    (void)unused;
    ck_assert_int_eq(call_job(say_hello, &outcome), 0);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(kill(outcome.worker, SIGKILL), 0);
        if (i % 3 == 0)
            block_for(WEFT_MS(1));
        ck_assert_int_eq(call_job(say_hello, &outcome), 0);
        ck_assert_int_eq(outcome.value, 42);
    }
    return 0;
}

TEST(a_worker_that_ends_between_jobs_harms_none)
{
    open_pool(1);
    by_everybody(kill_idle_ones);
    ck_assert_uint_eq(look().completed, 105);
    ck_assert_uint_eq(look().crashed, 0);
    ck_assert_uint_eq(look().started, 101);
    close_pool();
}

/* It cannot begin, having been stopped; a large argument does not even fit in. */
static int size_up(weft_process_job *job)
{
    return (int)job->arg_size;
}

static struct weft__waiter *caller;

static int kill_stopped_one(void *worker)
{
    while (weft__wait_state(caller) != WEFT__WAITING)
        weft_sleep(WEFT_US(100));
    ck_assert_int_eq(kill(*(pid_t *)worker, SIGKILL), 0);
    return 0;
}

static int send_to_stopped_one(void *unused)
{
    static char arg[1000000];
    weft_process_outcome outcome;
    weft_task *killer;
    (void)unused;
    weft_process_call call = { .fn = size_up, .arg = arg };
    caller = weft__waiter_self();
    for (int i = 0; i < 4; i++) {
        call.arg_size = i % 2 ? sizeof arg : 100;
        ck_assert_int_eq(call_job(say_hello, &outcome), 0);
        pid_t stopped = outcome.worker;
        ck_assert_int_eq(kill(stopped, SIGSTOP), 0);
        SPAWN(kill_stopped_one, &stopped, &killer);
        ck_assert_int_eq(weft_process_pool_call(pool, &call, &outcome), 0);
        ck_assert_int_eq(outcome.value, (int)call.arg_size);
        ck_assert_int_ne(outcome.worker, stopped);
        JOIN(killer, 0);
    }
    return 0;
}

TEST(a_job_that_was_not_begun_moves_to_another_worker)
{
    open_pool(1);
    ck_assert_int_eq(run_tasks(0, send_to_stopped_one, NULL), 0);
    ck_assert_uint_eq(look().moved, 4);
    ck_assert_uint_eq(look().crashed, 0);
    close_pool();
}

/* By the caller's scope. */

static weft_scope *to_cancel;
static bool to_expire;

static int cut_short(void *unused)
{
    int begun = *(int *)unused;
    await_count(&board->begun, begun);
    if (to_expire)
        weft_scope_set_deadline(to_cancel, weft_now() - 1);
    else
        weft_scope_cancel(to_cancel);
    return 0;
}

static void expect_killed(int begun, int error)
{
    weft_task *other;
    weft_scope scope;
    weft_process_outcome outcome;
    to_cancel = &scope;
    to_expire = error == -ETIMEDOUT;
    weft_scope_enter(&scope, WEFT_NEVER);
    SPAWN(cut_short, &begun, &other);
    ck_assert_int_eq(call_job(wait_for_ever, &outcome), error);
    weft_scope_leave(&scope);
    JOIN(other, 0);
    ck_assert(outcome.begun);
    ck_assert_int_eq(outcome.worker, atomic_load(&board->pid));
    ck_assert_int_eq(kill(outcome.worker, 0), -1);
}

static int kill_some(void *unused)
{
    (void)unused;
    for (int i = 0; i < 6; i++)
        expect_killed(i + 1, i % 2 ? -ECANCELED : -ETIMEDOUT);
    ck_assert_int_eq(call_job(say_hello, NULL), 0);
    return 0;
}

TEST(a_job_that_is_cut_short_is_killed)
{
    open_pool(1);
    ck_assert_int_eq(run_tasks(0, kill_some, NULL), 0);
    ck_assert_uint_eq(look().killed, 6);
    close_pool();
}

static int pass_deadline(void *unused)
{
    weft_scope scope;
    (void)unused;
    weft_scope_enter(&scope, weft_after(WEFT_MS(20)));
    ck_assert_int_eq(call_job(wait_for_ever, NULL), -ETIMEDOUT);
    weft_scope_leave(&scope);
    ck_assert_int_eq(call_job(say_hello, NULL), 0);
    return 0;
}

TEST(a_deadline_kills_for_everybody)
{
    open_pool(1);
    by_everybody(pass_deadline);
    close_pool();
}

static int give_up_waiting(void *unused)
{
    weft_task *first;
    weft_scope scope;
    weft_process_outcome outcome;
    (void)unused;
    SPAWN(keep_at_it, NULL, &first);
    await_count(&board->begun, 1);
    weft_scope_enter(&scope, weft_after(WEFT_MS(20)));
    ck_assert_int_eq(call_job(wait_for_ever, &outcome), -ETIMEDOUT);
    weft_scope_leave(&scope);
    ck_assert(!outcome.begun && outcome.worker == 0);
    atomic_store(&board->go, 1);
    JOIN(first, 0);
    ck_assert_int_eq(call_job(say_hello, NULL), 0);
    ck_assert_int_eq(atomic_load(&board->begun), 1);
    ck_assert_uint_eq(look().killed, 0);
    return 0;
}

TEST(a_job_that_waits_for_a_worker_is_given_up)
{
    open_pool(1);
    ck_assert_int_eq(run_tasks(0, give_up_waiting, NULL), 0);
    close_pool();
}

/* With the socket that they should know nothing of. */

static int data_socket(void)
{
    int fd = 3;
    while (send(fd, "", 0, 0) < 0 && fd < 100)
        fd++;
    return fd;
}

static int write_nonsense(weft_process_job *job)
{
    char nonsense[200];
    (void)job;
    memset(nonsense, 'x', sizeof nonsense);
    return (int)send(data_socket(), nonsense, sizeof nonsense, 0);
}

/* As if it had returned, and something more. */
static int forge_reply(weft_process_job *job)
{
    const uint64_t *number = job->arg;
    struct weft__reply forged[2] = { { .number = *number, .value = 99 },
                                     { .number = *number + 1, .value = 100 } };
    send(data_socket(), forged, sizeof forged, 0);
    return 0;
}

TEST(what_a_job_has_sent_reaches_no_other)
{
    uint64_t number = 1;
    weft_process_outcome outcome;
    weft_process_call call = { .fn = forge_reply, .arg = &number, .arg_size = sizeof number };
    open_pool(1);
    ck_assert_int_eq(weft_process_pool_call(pool, &call, &outcome), 0);
    ck_assert_int_eq(outcome.value, 99);
    ck_assert_int_eq(call_job(say_hello, &outcome), 0);
    ck_assert_int_eq(outcome.value, 42);
    ck_assert_uint_eq(look().started, 2);
    close_pool();
}

static int shut_down(weft_process_job *job)
{
    (void)job;
    shutdown(data_socket(), SHUT_RDWR);
    return 0;
}

static int close_all(weft_process_job *job)
{
    (void)job;
    for (int fd = 0; fd < 100; fd++)
        close(fd);
    return 0;
}

static int meddle(void *unused)
{
    weft_process_outcome outcome;
    (void)unused;
    ck_assert_int_eq(call_job(write_nonsense, NULL), -EPROTO);
    ck_assert_int_eq(call_job(shut_down, NULL), -EOWNERDEAD);
    ck_assert_int_eq(call_job(close_all, &outcome), -EOWNERDEAD);
    ck_assert_int_eq(outcome.code, 1);
    ck_assert_int_eq(call_job(say_hello, NULL), 0);
    return 0;
}

TEST(jobs_that_meddle_with_their_socket)
{
    open_pool(1);
    by_everybody(meddle);
    close_pool();
}

/* A worker that ends each time before it begins. */

static int forbid_prctl(void *unused)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
    (void)unused;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -errno;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ? -errno : 0;
}

static int ask_in_vain(void *unused)
{
    weft_process_outcome outcome;
    (void)unused;
    ck_assert_int_eq(call_job(say_hello, &outcome), -EOWNERDEAD);
    ck_assert(!outcome.begun);
    ck_assert_int_eq(outcome.signal, SIGSYS);
    return 0;
}

TEST(workers_that_never_begin_are_not_replaced_for_ever)
{
    if (test_is_under("qemu"))
        test_skip("an emulator has no filters");
    open_pool_with(&(weft_process_pool_attr){ .max = 1, .init = forbid_prctl });
    by_everybody(ask_in_vain);
    close_pool();
}

/* What a job's children open. */

static int open_in_grandchild(weft_process_job *job)
{
    int fds[12], status;
    (void)job;
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 12; i++)
            fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC); /* one has the socket's number */
        pid_t grandchild = fork();
        for (int i = 0; grandchild == 0 && i < 12; i++) {
            if (fcntl(fds[i], F_GETFD) < 0)
                _exit(1);
        }
        if (grandchild == 0)
            _exit(0);
        waitpid(grandchild, &status, 0);
        _exit(WEXITSTATUS(status));
    }
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

static int have_a_pool(weft_process_job *job)
{
    weft_process_pool_attr attr = { .max = 1 };
    weft_process_call call = { .fn = say_hello };
    weft_process_outcome outcome;
    (void)job;
    int rc = weft_process_pool_create(&attr, &pool);
    if (rc == 0)
        rc = weft_process_pool_call(pool, &call, &outcome);
    weft_process_pool_destroy(pool);
    return rc ? rc : outcome.value;
}

TEST(what_a_job_starts_has_its_own_descriptors)
{
    weft_process_outcome outcome;
    open_pool(1);
    ck_assert_int_eq(call_job(open_in_grandchild, &outcome), 0);
    ck_assert_int_eq(outcome.value, 0);
    ck_assert_int_eq(call_job(have_a_pool, &outcome), 0);
    ck_assert_int_eq(outcome.value, 42);
    close_pool();
}
