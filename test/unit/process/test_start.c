/* When a pool can be created, and what its processes have of the program's. */
#include "process_pool.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

static atomic_bool over;

static void *be_there(void *unused)
{
    while (!atomic_load(&over))
        block_for(WEFT_MS(1));
    return unused;
}

static int create_in_task(void *unused)
{
    (void)unused;
    ck_assert_int_eq(weft_process_pool_create(&(weft_process_pool_attr){ .max = 1 }, &pool),
                     -EBUSY);
    return 0;
}

TEST(a_pool_is_created_before_threads)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, be_there, NULL), 0);
    create_in_task(NULL);
    atomic_store(&over, true);
    pthread_join(thread, NULL);
    run_tasks(1, create_in_task, NULL);
    ck_assert(!has_children());
}

TEST(a_pool_is_created_after_threads)
{
    pthread_t thread;
    if (test_is_under("qemu") || test_is_under("tsan"))
        test_skip("it has threads of its own, in a forked process");
    atomic_store(&over, true);
    ck_assert_int_eq(pthread_create(&thread, NULL, be_there, NULL), 0);
    pthread_join(thread, NULL);
    run_tasks(2, create_in_task, NULL);
    open_pool(1);
    ck_assert_int_eq(call_job(say_hello, NULL), 0);
    close_pool();
}

/* Of the program's descriptors. */

static int list_descriptors(weft_process_job *job)
{
    int count = 0;
    for (int fd = 0; fd < 1000; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return job->shared_count == 1 ? count : -EINVAL;
}

TEST(workers_have_no_descriptors_of_the_program)
{
    weft_process_outcome outcome;
    int mine[20];
    for (int i = 0; i < 20; i++)
        mine[i] = open("/dev/null", O_RDONLY);
    open_pool_with(&(weft_process_pool_attr){ .max = 2, .prefork = 2 });
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(call_job(list_descriptors, &outcome), 0);
        ck_assert_int_eq(outcome.value, 4);
    }
    close_pool();
    for (int i = 0; i < 20; i++)
        close(mine[i]);
}

static int look_at_standard(weft_process_job *job)
{
    struct stat file;
    int devices = 0;
    for (int fd = 0; fd < 3; fd++)
        devices += fstat(fd, &file) == 0 && S_ISCHR(file.st_mode);
    return job->arg_size ? -EINVAL : devices;
}

TEST(a_program_without_standard_descriptors)
{
    weft_process_outcome outcome;
    weft_process_call call = { .fn = look_at_standard };
    weft_process_pool_attr attr = { .max = 2, .prefork = 2 };
    int kept[3];
    for (int i = 0; i < 3; i++) {
        kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
        close(i);
    }
    int rc = weft_process_pool_create(&attr, &pool);
    int rc_of_job = rc ? rc : weft_process_pool_call(pool, &call, &outcome);
    if (rc == 0)
        weft_process_pool_destroy(pool);
    for (int i = 0; i < 3; i++)
        dup2(kept[i], i);
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(rc_of_job, 0);
    ck_assert_int_eq(outcome.value, 3);
}

/* Of its signals. */

static int look_at_signals(weft_process_job *job)
{
    sigset_t mask;
    int wrong = 0;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    for (int number = 1; number < 32; number++) {
        struct sigaction action;
        if (number == SIGKILL || number == SIGSTOP)
            continue;
        sigaction(number, NULL, &action);
        wrong += action.sa_handler != SIG_DFL || sigismember(&mask, number);
    }
    return job->shared_count == 1 ? wrong : -EINVAL;
}

static void on_signal(int number)
{
    (void)number;
}

TEST(workers_have_no_signal_handlers_of_the_program)
{
    weft_process_outcome outcome;
    sigset_t mask;
    struct sigaction handler = { .sa_handler = on_signal };
    sigaction(SIGUSR1, &handler, NULL);
    signal(SIGUSR2, SIG_IGN);
    sigemptyset(&mask);
    sigaddset(&mask, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &mask, NULL);
    open_pool(1);
    ck_assert_int_eq(call_job(look_at_signals, &outcome), 0);
    ck_assert_int_eq(outcome.value, 0);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    ck_assert(sigismember(&mask, SIGHUP) && !sigismember(&mask, SIGUSR1));
    close_pool();
}

static int look_at_groups(weft_process_job *job)
{
    return job->shared_count == 1 && getpgrp() == getpid();
}

TEST(workers_lead_groups_of_their_own)
{
    weft_process_outcome outcome;
    open_pool(1);
    ck_assert_int_eq(call_job(look_at_groups, &outcome), 0);
    ck_assert_int_eq(outcome.value, 1);
    ck_assert_int_eq(getpgid(look().process), look().process);
    close_pool();
}

/* What the program has not written yet nobody else writes; what jobs write is written. */

static int print(weft_process_job *job)
{
    printf("job\n");
    return job->shared_count == 1 ? 0 : -EINVAL;
}

TEST(what_is_printed_is_written_once)
{
    int ends[2];
    char text[64];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    fflush(stdout);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    setvbuf(stdout, NULL, _IOFBF, 4096);
    printf("program\n");
    open_pool(1);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(call_job(print, NULL), 0);
    close_pool();
    fflush(stdout);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    size_t size = 0;
    for (ssize_t n; (n = read(ends[0], text + size, sizeof text - 1 - size)) > 0;)
        size += (size_t)n;
    text[size] = 0;
    ck_assert_str_eq(text, "program\njob\njob\n");
    close(ends[0]);
}

/* The scopes that the program was in are not the jobs', and they may use weft. */

static int sleep_a_while(weft_process_job *job)
{
    return job->shared_count == 1 ? weft_sleep(1) : -EINVAL;
}

TEST(scopes_do_not_reach_workers)
{
    weft_process_outcome outcome;
    weft_scope scope;
    weft_scope_enter(&scope, WEFT_NEVER);
    open_pool(1);
    weft_scope_cancel(&scope);
    weft_scope_leave(&scope);
    weft_scope_enter(&scope, weft_now() - 1);
    weft_process_pool *second;
    ck_assert_int_eq(
        weft_process_pool_create(&(weft_process_pool_attr){ .max = 1, .prefork = 1 }, &second), 0);
    weft_scope_leave(&scope);
    weft_process_call call = { .fn = sleep_a_while, .shared = &board_memory, .shared_count = 1 };
    ck_assert_int_eq(weft_process_pool_call(second, &call, &outcome), 0);
    ck_assert_int_eq(outcome.value, 0);
    weft_process_pool_destroy(second);
    close_pool();
}

static int answer(void *unused)
{
    (void)unused;
    weft_yield();
    return 5;
}

static int spawn_and_join(void *unused)
{
    weft_task *task;
    int value;
    int rc = weft_spawn(answer, unused, &task);
    return rc || weft_join(task, &value) ? -1 : value;
}

static int run_weft(weft_process_job *job)
{
    return job->shared_count == 1 ? run_tasks(2, spawn_and_join, NULL) : -EINVAL;
}

TEST(jobs_may_run_tasks)
{
    weft_process_outcome outcome;
    if (test_is_under("tsan"))
        test_skip("no threads in a process that was forked beside its own");
    open_pool(1);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(call_job(run_weft, &outcome), 0);
        ck_assert_int_eq(outcome.value, 5);
    }
    close_pool();
}
