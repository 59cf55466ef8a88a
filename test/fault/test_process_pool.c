/* What a pool of processes needs is not there. */
#include "process_pool.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* Before one fails; -1: none does. Processes that are forked have them as they are then. */
static int forks_left = -1, sockets_left = -1, files_left = -1, blocks_left = -1;
static int sockets_until_copy = -1; /* then the program forks, and the child stays */
static pid_t copy;
static bool no_fds_calls;

static bool runs_out(int *left)
{
    return *left >= 0 && (*left)-- == 0;
}

pid_t __real_fork(void);
pid_t __wrap_fork(void);
pid_t __wrap_fork(void)
{
    if (runs_out(&forks_left)) {
        errno = EAGAIN;
        return -1;
    }
    return __real_fork();
}

int __real_socketpair(int domain, int type, int protocol, int fds[2]);
int __wrap_socketpair(int domain, int type, int protocol, int fds[2]);
int __wrap_socketpair(int domain, int type, int protocol, int fds[2])
{
    if (runs_out(&sockets_left)) {
        errno = EMFILE;
        return -1;
    }
    int rc = __real_socketpair(domain, type, protocol, fds);
    if (runs_out(&sockets_until_copy)) {
        copy = __real_fork();
        while (copy == 0)
            pause();
    }
    return rc;
}

int __real_memfd_create(const char *name, unsigned flags);
int __wrap_memfd_create(const char *name, unsigned flags);
int __wrap_memfd_create(const char *name, unsigned flags)
{
    if (runs_out(&files_left)) {
        errno = ENFILE;
        return -1;
    }
    return __real_memfd_create(name, flags);
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return runs_out(&blocks_left) ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    return runs_out(&blocks_left) ? NULL : __real_calloc(count, size);
}

long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    enum { PIDFD_OPEN = 434, CLOSE_RANGE = 436 };
    if (no_fds_calls && (number == PIDFD_OPEN || number == CLOSE_RANGE)) {
        errno = ENOSYS;
        return -1;
    }
    return __real_syscall(number, a, b, c, d, e, f);
}

static int fds;

static int create(void)
{
    weft_process_pool_attr attr = { .max = 2, .prefork = 1 };
    return weft_process_pool_create(&attr, &pool);
}

static void expect_nothing_left(void)
{
    ck_assert(!has_children());
    ck_assert_int_eq(entries_of("/proc/self/fd"), fds);
}

TEST(there_are_no_more_processes)
{
    fds = entries_of("/proc/self/fd");
    for (int n = 0; n < 2; n++) { /* the template, and a worker */
        forks_left = n;
        ck_assert_int_eq(create(), -EAGAIN);
        forks_left = -1;
        expect_nothing_left();
    }
    ck_assert_int_eq(create(), 0);
    weft_process_pool_destroy(pool);
    expect_nothing_left();
}

static int call_twice(void *unused)
{
    weft_process_outcome outcome;
    (void)unused;
    weft_process_call call = { .fn = say_hello };
    ck_assert_int_eq(weft_process_pool_call(pool, &call, &outcome), -EAGAIN);
    ck_assert(!outcome.begun);
    ck_assert_int_eq(weft_process_pool_call(pool, &call, &outcome), 0);
    ck_assert_int_eq(outcome.value, 42);
    return 0;
}

TEST(a_job_for_which_there_is_no_process_is_not_begun)
{
    weft_process_pool_attr attr = { .max = 2 };
    fds = entries_of("/proc/self/fd");
    forks_left = 1; /* the template has none left */
    ck_assert_int_eq(weft_process_pool_create(&attr, &pool), 0);
    forks_left = -1;
    ck_assert_int_eq(run_tasks(0, call_twice, NULL), 0);
    weft_process_pool_destroy(pool);
    expect_nothing_left();
}

TEST(there_are_no_more_sockets)
{
    fds = entries_of("/proc/self/fd");
    for (int n = 0; n < 3; n++) { /* to the template, and a worker's two */
        sockets_left = n;
        ck_assert_int_eq(create(), -EMFILE);
        ck_assert_int_eq(sockets_left, -1);
        expect_nothing_left();
    }
}

static int keep_at_it(void *unused)
{
    (void)unused;
    return call_job(wait_for_go, NULL);
}

static int want_two_workers(void *unused)
{
    weft_task *first;
    weft_process_outcome outcome;
    SPAWN(keep_at_it, unused, &first);
    await_count(&board->begun, 1);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(call_job(say_hello, &outcome), -EMFILE);
        ck_assert(!outcome.begun);
    }
    atomic_store(&board->go, 1);
    JOIN(first, 0);
    ck_assert_int_eq(call_job(say_hello, NULL), 0);
    return 0;
}

/* Its own are as many as the program might have when it was forked. */
TEST(the_template_has_no_more_descriptors)
{
    struct rlimit limit, small;
    if (test_is_under("valgrind") || test_is_under("qemu"))
        test_skip("it has descriptors of its own");
    int first = fcntl(0, F_DUPFD_CLOEXEC, 3);
    close(first);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    small = limit;
    small.rlim_cur = (rlim_t)first + 4; /* its two, and two more */
    fds_before = entries_of("/proc/self/fd");
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &small), 0);
    int rc = weft_process_pool_create(&(weft_process_pool_attr){ .max = 2 }, &pool);
    setrlimit(RLIMIT_NOFILE, &limit);
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(weft_shared_create(sizeof *board, &board_memory), 0);
    board = weft_shared_data(board_memory);
    ck_assert_int_eq(run_tasks(0, want_two_workers, NULL), 0);
    close_pool();
}

static int crash(weft_process_job *job)
{
    (void)job;
    _exit(9);
}

static void end_copy(void)
{
    ck_assert_int_eq(kill(copy, SIGKILL), 0);
    ck_assert_int_eq(waitpid(copy, NULL, 0), copy);
}

/* At the moment when it has both ends of a worker's sockets. */
TEST(a_child_of_the_program_holds_nobody_up)
{
    weft_process_outcome outcome;
    sockets_until_copy = 2;
    open_pool_with(&(weft_process_pool_attr){ .max = 1, .prefork = 1 });
    ck_assert_int_gt(copy, 0);
    ck_assert_int_eq(call_job(crash, &outcome), -EOWNERDEAD);
    ck_assert_int_eq(outcome.code, 9);
    ck_assert_int_eq(call_job(say_hello, &outcome), 0);
    end_copy();
    close_pool();
}

TEST(memory_is_out)
{
    int n = 0, rc;
    fds = entries_of("/proc/self/fd");
    do {
        blocks_left = n++;
        rc = create();
        bool used = blocks_left < 0;
        blocks_left = -1; /* Check wants some */
        if (rc == 0)
            weft_process_pool_destroy(pool);
        ck_assert(rc == 0 || rc == -ENOMEM);
        if (rc == 0 && !used)
            break;
        expect_nothing_left();
    } while (n < 100);
    ck_assert_int_gt(n, 3);
    expect_nothing_left();
}

TEST(shared_memory_cannot_be_had)
{
    weft_shared *shared;
    fds = entries_of("/proc/self/fd");
    files_left = 0;
    ck_assert_int_eq(weft_shared_create(100, &shared), -ENFILE);
    blocks_left = 0;
    int rc = weft_shared_create(100, &shared);
    blocks_left = -1;
    ck_assert_int_eq(rc, -ENOMEM);
    expect_nothing_left();
}

static int list_descriptors(weft_process_job *job)
{
    int count = 0;
    for (int fd = 0; fd < 1000; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return job->arg_size == 0 ? count : -EINVAL;
}

/* Without descriptors of processes, and without closing all at once. */
TEST(an_older_kernel)
{
    weft_process_outcome outcome;
    weft_process_call call = { .fn = list_descriptors };
    int mine = fcntl(0, F_DUPFD, 20);
    fds = entries_of("/proc/self/fd");
    no_fds_calls = true;
    ck_assert_int_eq(create(), 0);
    ck_assert_int_eq(weft_process_pool_call(pool, &call, &outcome), 0);
    ck_assert_int_eq(outcome.value, 4);
    weft_process_pool_destroy(pool);
    expect_nothing_left();
    close(mine);
}
