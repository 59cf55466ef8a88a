/* Who outlives whom. The test is the subreaper of all: what others leave behind becomes its
 * child, and it waits until it has none. */
#include "process_pool.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define JOBS 3

static void become_subreaper(void)
{
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        test_skip("emulators do not know subreapers");
}

static void wait_until_nobody_is_left(void)
{
    while (wait(NULL) > 0 || errno == EINTR)
        ;
    ck_assert_int_eq(errno, ECHILD);
}

/* When somebody kills the template. */

static int be_killed(void *unused)
{
    (void)unused;
    return call_job(wait_for_ever, NULL);
}

static int kill_template(void *unused)
{
    weft_task *jobs[JOBS];
    (void)unused;
    for (int i = 0; i < JOBS; i++)
        SPAWN(be_killed, NULL, &jobs[i]);
    await_count(&board->begun, JOBS);
    ck_assert(!look().broken);
    ck_assert_int_eq(kill(look().process, SIGKILL), 0);
    for (int i = 0; i < JOBS; i++)
        JOIN(jobs[i], -EPIPE);
    ck_assert(look().broken);
    ck_assert_int_eq(call_job(say_hello, NULL), -EPIPE); /* though one more may still live */
    ck_assert_int_eq(call_job(say_hello, NULL), -EPIPE);
    return 0;
}

TEST(a_template_that_is_killed_takes_its_workers_with_it)
{
    become_subreaper();
    open_pool_with(&(weft_process_pool_attr){ .max = JOBS + 1, .prefork = JOBS + 1 });
    ck_assert_int_eq(run_tasks(0, kill_template, NULL), 0);
    wait_until_nobody_is_left();
    close_pool();
}

/* It says nothing any more, and the template's end is not its own. */
static int outlive(weft_process_job *job)
{
    prctl(PR_SET_PDEATHSIG, 0);
    for (int fd = 3; fd < 1000; fd++)
        close(fd);
    return wait_for_ever(job);
}

static int be_outlived(void *unused)
{
    (void)unused;
    return call_job(outlive, NULL);
}

static bool is_dead(pid_t pid, int flags)
{
    siginfo_t info = { 0 };
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | flags) == 0 && info.si_pid == pid;
}

static int kill_template_of_stubborn(void *unused)
{
    weft_task *job;
    SPAWN(be_outlived, unused, &job);
    await_count(&board->begun, 1);
    ck_assert_int_eq(kill(look().process, SIGKILL), 0);
    JOIN(job, -EPIPE);
    ck_assert(is_dead(look().process, 0)); /* by then its children are ours */
    ck_assert(is_dead(atomic_load(&board->pid), WNOHANG));
    return 0;
}

TEST(a_call_returns_after_its_worker_also_when_the_template_is_killed)
{
    if (test_is_under("valgrind") || test_is_under("qemu"))
        test_skip("it does not know pidfd_open()");
    become_subreaper();
    open_pool(1);
    ck_assert_int_eq(run_tasks(0, kill_template_of_stubborn, NULL), 0);
    wait_until_nobody_is_left();
    close_pool();
}

/* When the program ends: a child of the test's, with a pool whose workers are all in jobs
 * that would never end. */

static void (*end_of_program)(void);

static int live(void *unused)
{
    weft_task *jobs[JOBS];
    (void)unused;
    for (int i = 0; i < JOBS; i++)
        SPAWN(be_killed, NULL, &jobs[i]);
    await_count(&board->begun, JOBS);
    atomic_store(&board->pid, look().process);
    if (end_of_program)
        end_of_program();
    atomic_fetch_add(&board->ended, 1); /* all is set */
    for (;;)
        weft_sleep(WEFT_S(1));
}

static pid_t start_program(void (*end)(void))
{
    become_subreaper();
    ck_assert_int_eq(weft_shared_create(sizeof *board, &board_memory), 0);
    board = weft_shared_data(board_memory);
    end_of_program = end;
    pid_t pid = fork();
    if (pid)
        return pid;
    weft_process_pool_attr attr = { .max = JOBS + 1, .prefork = 1 };
    if (weft_process_pool_create(&attr, &pool) == 0)
        run_tasks(2, live, NULL);
    _exit(1);
}

static void await_program(void)
{
    while (!atomic_load(&board->ended))
        block_for(WEFT_MS(1));
}

TEST(a_program_that_is_killed_leaves_no_process)
{
    pid_t program = start_program(NULL);
    await_program();
    ck_assert_int_eq(kill(program, SIGKILL), 0);
    wait_until_nobody_is_left();
}

TEST(a_program_that_is_killed_at_any_moment_leaves_no_process, .timeout = 300)
{
    for (int i = 0; i < 20; i++) {
        pid_t program = start_program(NULL);
        block_for((int64_t)(test_random() % WEFT_MS(8)));
        ck_assert_int_eq(kill(program, SIGKILL), 0);
        wait_until_nobody_is_left();
        weft_shared_destroy(board_memory);
    }
}

TEST(a_program_that_is_killed_with_its_template_leaves_no_process)
{
    pid_t program = start_program(NULL);
    await_program();
    ck_assert_int_eq(kill(atomic_load(&board->pid), SIGKILL), 0);
    ck_assert_int_eq(kill(program, SIGKILL), 0);
    wait_until_nobody_is_left();
}

static void leave(void)
{
    exit(0);
}

TEST(a_program_that_exits_leaves_no_process)
{
    start_program(leave);
    wait_until_nobody_is_left();
}

static void leave_a_copy(void)
{
    if (fork() == 0) {
        for (;;)
            pause();
    }
}

/* Which has all of its descriptors. */
TEST(a_program_that_has_forked_leaves_no_process_but_that)
{
    if (test_is_under("valgrind") || test_is_under("qemu"))
        test_skip("it does not know pidfd_open()");
    pid_t program = start_program(leave_a_copy);
    await_program();
    pid_t template = atomic_load(&board->pid);
    ck_assert_int_eq(kill(program, SIGKILL), 0);
    ck_assert_int_eq(waitpid(program, NULL, 0), program);
    ck_assert_int_eq(waitpid(template, NULL, 0), template);
    siginfo_t copy = { 0 };
    ck_assert_int_eq(waitid(P_ALL, 0, &copy, WEXITED | WNOHANG), 0); /* it lives */
    FILE *children = fopen("/proc/thread-self/children", "r");
    int pid;
    ck_assert_ptr_nonnull(children);
    ck_assert_int_eq(fscanf(children, "%d", &pid), 1);
    fclose(children);
    kill(pid, SIGKILL);
    wait_until_nobody_is_left();
}

/* What a job has started. */

static int start_child_and_end(weft_process_job *job)
{
    struct board *mine = job->shared[0];
    pid_t pid = fork();
    if (pid == 0) {
        for (;;)
            pause();
    }
    atomic_store(&mine->pid, pid);
    _exit(9);
}

TEST(what_a_job_has_started_ends_with_its_worker)
{
    weft_process_outcome outcome;
    become_subreaper();
    open_pool(1);
    ck_assert_int_eq(call_job(start_child_and_end, &outcome), -EOWNERDEAD);
    ck_assert_int_eq(outcome.code, 9);
    int status;
    pid_t child = atomic_load(&board->pid);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close_pool();
}

/* Some leave the group, and may have the worker's socket, if they were made without libc. */

static void leave_group(void)
{
    setsid();
    for (;;)
        pause();
}

static void await_leaving(pid_t pid)
{
    while (getsid(pid) != pid)
        block_for(WEFT_US(200));
}

static void leave_child(struct board *mine)
{
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        leave_group();
    await_leaving(pid);
    atomic_store(&mine->pid, pid);
}

static int leave_child_and_end(weft_process_job *job)
{
    leave_child(job->shared[0]);
    _exit(9);
}

static int leave_child_and_wait(weft_process_job *job)
{
    leave_child(job->shared[0]);
    return wait_for_go(job);
}

TEST(what_has_left_its_worker_holds_nobody_up)
{
    weft_process_outcome outcome;
    become_subreaper();
    open_pool(1);
    ck_assert_int_eq(call_job(leave_child_and_end, &outcome), -EOWNERDEAD);
    ck_assert_int_eq(outcome.code, 9);
    ck_assert_int_eq(call_job(say_hello, &outcome), 0);
    ck_assert_int_eq(kill(atomic_load(&board->pid), SIGKILL), 0);
    ck_assert_int_eq(waitpid(atomic_load(&board->pid), NULL, 0), atomic_load(&board->pid));
    close_pool();
}

static int be_left(void *unused)
{
    (void)unused;
    return call_job(leave_child_and_wait, NULL);
}

static int kill_template_of_left(void *unused)
{
    weft_task *job;
    SPAWN(be_left, unused, &job);
    await_count(&board->begun, 1);
    ck_assert_int_eq(kill(look().process, SIGKILL), 0);
    JOIN(job, -EPIPE);
    return 0;
}

TEST(nor_when_the_template_is_killed)
{
    become_subreaper();
    open_pool(1);
    ck_assert_int_eq(run_tasks(0, kill_template_of_left, NULL), 0);
    ck_assert_int_eq(kill(atomic_load(&board->pid), SIGKILL), 0);
    wait_until_nobody_is_left();
    close_pool();
}

static int leave_child_and_return(weft_process_job *job)
{
    leave_child(job->shared[0]);
    return 0;
}

static int kill_template_and_send(void *unused)
{
    static char arg[4 << 20]; /* more than a socket holds */
    weft_process_call call = { .fn = say_hello, .arg = arg, .arg_size = sizeof arg };
    (void)unused;
    ck_assert_int_eq(call_job(leave_child_and_return, NULL), 0);
    ck_assert_int_eq(kill(look().process, SIGKILL), 0);
    ck_assert_int_eq(weft_process_pool_call(pool, &call, NULL), -EPIPE);
    return 0;
}

TEST(nor_when_there_is_more_to_send)
{
    become_subreaper();
    open_pool(1);
    ck_assert_int_eq(run_tasks(0, kill_template_and_send, NULL), 0);
    ck_assert_int_eq(kill(atomic_load(&board->pid), SIGKILL), 0);
    wait_until_nobody_is_left();
    close_pool();
}
