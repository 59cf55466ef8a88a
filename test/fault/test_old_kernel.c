/* What newer kernels have is missing: things go on as before, by other ways. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/barrier.h"
#include "os/memory.h"
#include "reactor/poller.h"
#include "system_calls.h"
#include "tasks.h"

#define GUARD_INSTALL 102
#define PROCESS_MADVISE 440

static bool no_openat2, no_membarrier, no_guards, no_guard_vectors, short_guard_vectors, no_pwait2;
static atomic_int refused, mprotects, coarse_waits;

static long answer_syscall(long number, const long a[6])
{
    if (no_pwait2 && number == SYS_epoll_pwait2) {
        atomic_fetch_add(&refused, 1);
        return fail_with(ENOSYS);
    }
    if (no_openat2 && number == SYS_openat2) {
        atomic_fetch_add(&refused, 1);
        return fail_with(ENOSYS);
    }
    if (number == SYS_epoll_pwait && a[3] > 0)
        atomic_fetch_add(&coarse_waits, 1);
    if (no_membarrier && number == SYS_membarrier) {
        atomic_fetch_add(&refused, 1);
        return fail_with(ENOSYS);
    }
    if (no_guard_vectors && number == PROCESS_MADVISE) {
        atomic_fetch_add(&refused, 1);
        errno = EBADF;
        return -1;
    }
    if (short_guard_vectors && number == PROCESS_MADVISE) {
        atomic_fetch_add(&refused, 1);
        return (long)weft__memory_page();
    }
    return real_syscall(number, a);
}

int __real_madvise(void *at, size_t size, int advice);
int __wrap_madvise(void *at, size_t size, int advice);
int __wrap_madvise(void *at, size_t size, int advice)
{
    if (no_guards && advice == GUARD_INSTALL) {
        atomic_fetch_add(&refused, 1);
        return fail_with(EINVAL);
    }
    return __real_madvise(at, size, advice);
}

int __real_mprotect(void *at, size_t size, int prot);
int __wrap_mprotect(void *at, size_t size, int prot);
int __wrap_mprotect(void *at, size_t size, int prot)
{
    atomic_fetch_add(&mprotects, 1);
    return __real_mprotect(at, size, prot);
}

static atomic_int done;

static int finish(void *unused)
{
    (void)unused;
    weft_yield();
    atomic_fetch_add(&done, 1);
    return 7;
}

/* Spawning, sleeping, descriptors, and a rescue. */
static int use_everything(void *unused)
{
    weft_task *tasks[10];
    int pair[2];
    char byte;
    for (int i = 0; i < 10; i++)
        SPAWN(finish, NULL, &tasks[i]);
    int64_t start = weft_now();
    while (atomic_load(&done) < 10 && weft_now() - start < WEFT_S(5))
        ;
    ck_assert_int_eq(atomic_load(&done), 10);
    for (int i = 0; i < 10; i++)
        JOIN(tasks[i], 7);
    start = weft_now();
    ck_assert_int_eq(weft_sleep(WEFT_US(1500)), 0);
    ck_assert_int_ge(weft_now() - start, WEFT_US(1500));
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_int_eq(weft_write(pair[0], "x", 1), 1);
    ck_assert_int_eq(weft_read(pair[1], &byte, 1), 1);
    weft_close(pair[0]);
    (void)unused;
    return weft_close(pair[1]);
}

TEST(without_membarrier_everything_works)
{
    no_membarrier = true;
    ck_assert_int_eq(run_tasks(2, use_everything, NULL), 0);
    ck_assert_int_gt(atomic_load(&refused), 0);
    ck_assert(!weft__barrier_asymmetric);
}

TEST(without_precise_timeouts_everything_works)
{
    if (test_is_under("valgrind"))
        test_skip("nothing sleeps as long as it takes Valgrind to get there");
    if (test_is_under("tsan"))
        test_skip("pollers wait by libc's functions, which are not replaced here");
    no_pwait2 = true;
    ck_assert_int_eq(run_tasks(2, use_everything, NULL), 0);
    ck_assert_int_gt(atomic_load(&refused), 0);
    ck_assert_int_gt(atomic_load(&coarse_waits), 0);
}

TEST(without_precise_timeouts_waits_are_not_too_short)
{
    struct weft__poller poller;
    if (test_is_under("tsan"))
        test_skip("pollers wait by libc's functions, which are not replaced here");
    no_pwait2 = true;
    ck_assert_int_eq(weft__poller_init(&poller), 0);
    for (int i = 0; i < 5; i++) {
        int64_t start = weft_now();
        ck_assert_int_eq(weft__poller_wait(&poller, WEFT_US(1500)), 0);
        ck_assert_int_ge(weft_now() - start, WEFT_US(1500));
    }
    ck_assert_int_eq(atomic_load(&refused), 1); /* it is asked for once */
    weft__poller_finish(&poller);
}

static int recurse(int depth)
{
    volatile char frame[512];
    frame[0] = (char)depth;
    return depth > 1 << 20 ? 0 : recurse(depth + 1) + frame[0];
}

static int overflow(void *unused)
{
    (void)unused;
    return recurse(0);
}

static void run_overflow(void *unused)
{
    (void)unused;
    weft_run(NULL, overflow, NULL);
}

static void touch(void *at)
{
    *(volatile char *)at = 1;
}

TEST(without_guard_markers_mappings_are_split)
{
    no_guards = no_guard_vectors = true;
    size_t page = weft__memory_page();
    char *memory = weft__memory_map(4 * page, page, true);
    ck_assert(weft__memory_guard(memory, page));
    if (!test_is_under("valgrind")) /* where they are not even asked for */
        ck_assert_int_eq(atomic_load(&refused), 1);
    ck_assert_int_eq(atomic_load(&mprotects), 1);
    memory[page] = 1;
    expect_death(touch, memory, SIGSEGV, NULL);
    ck_assert_int_eq(run_tasks(2, use_everything, NULL), 0);
    ck_assert_int_gt(atomic_load(&mprotects), 1);
    if (!test_is_slowed())
        expect_death(run_overflow, NULL, SIGSEGV, "overflowed its stack");
}

static void expect_each_guarded(void)
{
    enum { COUNT = 20 };
    size_t page = weft__memory_page();
    char *memory = weft__memory_map(2 * COUNT * page, page, true);
    ck_assert(weft__memory_guard_each(memory, page, 2 * page, COUNT));
    for (size_t i = 0; i < COUNT; i++) {
        memory[(2 * i + 1) * page] = 1;
        expect_death(touch, memory + 2 * i * page, SIGSEGV, NULL);
    }
}

TEST(without_vectors_of_guards_each_is_installed_alone)
{
    no_guard_vectors = true;
    expect_each_guarded();
    expect_each_guarded();
    ck_assert_int_le(atomic_load(&refused), 1); /* it is asked for once, if at all */
    ck_assert_int_eq(run_tasks(2, use_everything, NULL), 0);
}

TEST(a_vector_of_guards_that_is_done_in_part_is_done_again)
{
    short_guard_vectors = true;
    expect_each_guarded();
}

static int look_twice(void *unused)
{
    struct stat file;
    (void)unused;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(weft_file_stat("/proc/self", &file), 0);
        ck_assert(S_ISDIR(file.st_mode));
    }
    return 0;
}

TEST(without_looking_up_what_is_known_files_are_looked_at)
{
    no_openat2 = true;
    ck_assert_int_eq(run_tasks(2, look_twice, NULL), 0);
    ck_assert_int_eq(atomic_load(&refused), 1); /* it is asked for once */
}
