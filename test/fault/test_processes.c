/* Each system call that makes a process fails, or knows less than it should. */
#include "suite.h"

#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>

#include "processes.h"
#include "system_calls.h"

static bool no_waiting, no_pidfd_open, no_clone, no_clone_pidfd, no_sharing;
static int pipes_left = -1, blocks_left = -1; /* before one fails; -1: none does */

static bool runs_out(int *left)
{
    return *left >= 0 && (*left)-- == 0;
}

static long answer_syscall(long number, const long a[6])
{
    if (no_waiting && number == SYS_waitid)
        return fail_with(EINVAL); /* of an idtype that it does not know */
    if (no_pidfd_open && number == SYS_pidfd_open)
        return fail_with(EMFILE);
    return real_syscall(number, a);
}

int __real_clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);
int __wrap_clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);
int __wrap_clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
    va_list args;
    va_start(args, arg);
    pid_t *parent_tid = flags & CLONE_PIDFD ? va_arg(args, pid_t *) : NULL;
    va_end(args);
    if (no_clone || (no_clone_pidfd && flags & CLONE_PIDFD)) {
        errno = no_clone ? EAGAIN : EINVAL;
        return -1;
    }
    if (no_sharing)
        flags &= ~(CLONE_VM | CLONE_VFORK);
    return __real_clone(fn, stack, flags, arg, parent_tid);
}

int __real_pipe2(int fds[2], int flags);
int __wrap_pipe2(int fds[2], int flags);
int __wrap_pipe2(int fds[2], int flags)
{
    if (runs_out(&pipes_left)) {
        errno = EMFILE;
        return -1;
    }
    return __real_pipe2(fds, flags);
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return runs_out(&blocks_left) ? NULL : __real_malloc(size);
}

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size)
{
    return runs_out(&blocks_left) ? NULL : __real_realloc(block, size);
}

static int run(const char *script)
{
    weft_process_result result;
    weft_process_spec spec = SHELL(script, .in = PIPE_, .out = PIPE_, .err = PIPE_);
    int rc = weft_process_run(&spec, "text\n", 5, ALL_OF_IT, &result);
    if (rc == 0 && strcmp(result.out.data, "text\n") != 0)
        ck_abort_msg("the output is '%s'", result.out.data);
    weft_process_result_clear(&result);
    return rc;
}

static int descriptors;

static void count_descriptors(void)
{
    ck_assert_int_eq(run("cat"), 0);
    descriptors = entries_of("/proc/self/fd");
}

static void expect_nothing_left(void)
{
    ck_assert(!has_children());
    ck_assert_int_eq(entries_of("/proc/self/fd"), descriptors);
    ck_assert_int_eq(run("cat"), 0);
}

TEST(a_kernel_that_cannot_wait_by_descriptor)
{
    count_descriptors();
    no_waiting = true;
    ck_assert_int_eq(run("cat"), -ENOSYS);
    no_waiting = false;
    expect_nothing_left();
}

TEST(clone_makes_no_descriptor)
{
    if (test_is_under("valgrind"))
        test_skip("Valgrind does not know pidfd_open()");
    count_descriptors();
    no_clone_pidfd = true;
    ck_assert_int_eq(run("cat"), 0);
    no_pidfd_open = true;
    ck_assert_int_eq(run("cat"), -EMFILE);
    no_clone_pidfd = false;
    expect_nothing_left();
}

TEST(clone_fails)
{
    count_descriptors();
    no_clone = true;
    ck_assert_int_eq(run("cat"), -EAGAIN);
    no_clone = false;
    expect_nothing_left();
}

/* A fork instead: what fails is reported all the same. */
TEST(memory_is_not_shared)
{
    weft_process *process;
    weft_process_spec spec = SHELL("true", .cwd = "/no/such/folder");
    count_descriptors();
    no_sharing = true;
    ck_assert_int_eq(run("cat"), 0);
    ck_assert_int_eq(weft_process_spawn(&spec, &process), -ENOENT);
    no_sharing = false;
    expect_nothing_left();
}

TEST(there_are_no_more_pipes)
{
    count_descriptors();
    for (int n = 0; n < 4; n++) { /* three, and one for errors */
        pipes_left = n;
        ck_assert_int_eq(run("cat"), -EMFILE);
        ck_assert_int_eq(pipes_left, -1);
        expect_nothing_left();
    }
}

TEST(memory_is_out)
{
    count_descriptors();
    int n = 0, rc;
    do {
        blocks_left = n++;
        rc = run("cat");
        blocks_left = -1; /* Check wants some */
        ck_assert(rc == 0 || rc == -ENOMEM);
        expect_nothing_left();
    } while (rc);
    ck_assert_int_gt(n, 2); /* its own, and its output's */
}
