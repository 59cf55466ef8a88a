/* Children in random mixes: tasks and plain threads that spawn, run, kill, wait for, give up
 * and destroy them, with deadlines and cancelling at any moment. None is left, nor any
 * descriptor. */
#include "suite.h"

#include <stdatomic.h>

#include "processes.h"
#include "sync.h"

#define TASKS 40
#define THREADS 10

static atomic_int rounds_left;
static atomic_int spawned, ended, cut_short;

static weft_process *spawn_some(void)
{
    static const char *const scripts[] = { "exit 3", "cat", "exec cat", "trap '' TERM; read line",
                                           "cat & wait" };
    weft_process_spec spec = SHELL(scripts[test_random() % 5], .in = PIPE_, .out = PIPE_,
                                   .err = { .kind = WEFT_STDIO_NULL });
    if (test_random() % 2)
        spec.flags = WEFT_PROCESS_GROUP;
    atomic_fetch_add(&spawned, 1);
    return spawn_process(&spec);
}

static void dawdle(void)
{
    if (test_random() % 2)
        weft_sleep((int64_t)(test_random() % WEFT_MS(3)));
}

static void note_end(weft_process *process)
{
    weft_process_status status;
    ck_assert_int_eq(weft_process_wait(process, &status), 0);
    if ((status.code >= 0) == (status.signal > 0))
        ck_abort_msg("code %d, signal %d", status.code, status.signal);
    atomic_fetch_add(&ended, 1);
}

static void kill_and_wait(void)
{
    static const int numbers[] = { SIGTERM, SIGKILL, SIGUSR1, SIGHUP };
    weft_process *process = spawn_some();
    dawdle();
    int rc = weft_process_signal(process, numbers[test_random() % 4]);
    if (rc != 0 && rc != -ESRCH)
        ck_abort_msg("signal: %d", rc);
    weft_process_close(process, 0); /* those that live end now */
    note_end(process);
    weft_process_destroy(process);
}

static void terminate(void)
{
    weft_process *process = spawn_some();
    dawdle();
    ck_assert_int_eq(weft_process_terminate(process, (int64_t)(test_random() % WEFT_MS(2))), 0);
    note_end(process);
    weft_process_destroy(process);
}

static void give_up(void)
{
    weft_process *process = spawn_some();
    dawdle();
    weft_scope scope;
    weft_scope_enter(&scope, weft_after((int64_t)(test_random() % WEFT_MS(1))));
    weft_process_wait(process, NULL);
    weft_scope_leave(&scope);
    if (test_random() % 2)
        weft_process_detach(process);
    else
        weft_process_destroy(process);
}

static void run_for_a_while(void)
{
    static const char text[100000];
    weft_process_result result;
    weft_scope scope;
    weft_process_spec spec = SHELL("exec tee /proc/self/fd/2", .in = PIPE_, .out = PIPE_,
                                   .err = PIPE_, .flags = WEFT_PROCESS_GROUP);
    weft_scope_enter(&scope, weft_after((int64_t)(test_random() % WEFT_MS(20))));
    int rc = weft_process_run(&spec, text, sizeof text, ALL_OF_IT, &result);
    weft_scope_leave(&scope);
    if (rc == -ETIMEDOUT)
        atomic_fetch_add(&cut_short, 1);
    else if (rc || result.out.size != sizeof text || result.err.size != sizeof text)
        ck_abort_msg("%d, %zu and %zu bytes", rc, result.out.size, result.err.size);
    weft_process_result_clear(&result);
}

static int party(void *unused)
{
    static void (*const acts[])(void) = { kill_and_wait, terminate, give_up, run_for_a_while };
    (void)unused;
    while (atomic_fetch_sub(&rounds_left, 1) > 0)
        acts[test_random() % 4]();
    return 0;
}

static int all_parties(void *unused)
{
    (void)unused;
    atomic_store(&rounds_left, (int)test_work(1000));
    run_crowd(TASKS, THREADS, party, NULL);
    return 0;
}

/* The given up end by themselves: their input has. */
static void reap_the_rest(void)
{
    while (has_children()) {
        weft_process_detach(NULL);
        block_for(WEFT_MS(1));
    }
}

TEST(no_child_is_left, .timeout = 600)
{
    static const unsigned workers[] = { 1, 2, 8 };
    int fds = entries_of("/proc/self/fd");
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(run_tasks(workers[i], all_parties, NULL), 0);
        reap_the_rest();
        ck_assert_int_eq(entries_of("/proc/self/fd"), fds);
        ck_assert_int_gt(atomic_load(&ended), 0);
    }
}
