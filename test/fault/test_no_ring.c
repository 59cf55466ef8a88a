/* The kernel has no ring, or none any more, or does not take an entry now: calls go elsewhere,
 * nothing is left behind, and a call that was cancelled does not stay for ever. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/file_call.h"
#include "os/uring.h"
#include "sched/worker.h"
#include "system_calls.h"
#include "tasks.h"

static int setup_error, register_error, watch_error;
static bool old_kernel, no_memory;
static atomic_int asked, entered, failing; /* the number of the entry that fails; 0: none */

static bool enters_in_vain(void)
{
    return atomic_fetch_add(&entered, 1) + 1 == atomic_load(&failing);
}

static long answer_syscall(long number, const long a[6])
{
    if (number == SYS_io_uring_setup) {
        atomic_fetch_add(&asked, 1);
        if (setup_error)
            return fail_with(setup_error);
    }
    if (number == SYS_io_uring_register && register_error)
        return fail_with(register_error);
    if (number == SYS_io_uring_enter && enters_in_vain())
        return fail_with(EAGAIN);
    long rc = real_syscall(number, a);
    if (number == SYS_io_uring_setup && old_kernel)
        ((struct io_uring_params *)a[1])->features &= ~IORING_FEAT_NATIVE_WORKERS;
    return rc;
}

int __real_epoll_ctl(int epoll, int what, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int what, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
    if (watch_error && atomic_load(&asked))
        return (int)fail_with(watch_error);
    return __real_epoll_ctl(epoll, what, fd, event);
}

void *__real_mmap64(void *at, size_t size, int prot, int flags, int fd, off64_t offset);
void *__wrap_mmap64(void *at, size_t size, int prot, int flags, int fd, off64_t offset);
void *__wrap_mmap64(void *at, size_t size, int prot, int flags, int fd, off64_t offset)
{
    if (no_memory && flags & MAP_SHARED && fd >= 0 && (uint64_t)offset == IORING_OFF_SQES) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return __real_mmap64(at, size, prot, flags, fd, offset);
}

static void begin(void)
{
    if (test_is_under("valgrind"))
        test_skip("under Valgrind nobody asks for a ring");
    setenv("WEFT_FILES", "ring", 1);
}

static int try_often(void *unused)
{
    int descriptors = entries_of("/proc/self/fd");
    for (int i = 0; i < 5; i++)
        ck_assert(!weft__file_ring_takes(WEFT__FILE_READ));
    ck_assert_int_eq(entries_of("/proc/self/fd"), descriptors);
    (void)unused;
    return 0;
}

static void expect_none(void)
{
    atomic_store(&asked, 0);
    ck_assert_int_eq(run_in_turn(try_often, NULL), 0);
    ck_assert_int_eq(atomic_load(&asked), 1); /* per worker */
}

TEST(without_a_ring_calls_go_elsewhere)
{
    static const int errors[] = { ENOSYS, EPERM, ENOMEM, EMFILE };
    begin();
    for (int i = 0; i < 4; i++) {
        setup_error = errors[i];
        expect_none();
    }
}

static int takes(void *unused)
{
    (void)unused;
    return weft__file_ring_takes(WEFT__FILE_READ);
}

static void need_ring(void)
{
    begin();
    if (!run_tasks(1, takes, NULL))
        test_skip("the kernel has no ring for us");
}

TEST(half_a_ring_is_none)
{
    need_ring();
    register_error = EINVAL;
    expect_none();
    register_error = 0;
    old_kernel = true;
    expect_none();
    old_kernel = false;
    no_memory = true;
    expect_none();
    no_memory = false;
    watch_error = ENOSPC;
    expect_none();
    watch_error = 0;
    ck_assert_int_eq(run_tasks(1, takes, NULL), 1); /* the next runtime asks again */
}

static int fail_to_enter(void *unused)
{
    int ends[2];
    char byte;
    struct weft__waiter *self = weft__waiter_self();
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    struct weft__file_call call = {
        .verb = WEFT__FILE_READ, .fd = ends[0], .buf = &byte, .size = 1, .offset = -1
    };
    ck_assert(weft__file_ring_takes(call.verb));
    atomic_store(&entered, 0);
    atomic_store(&failing, 1);
    ck_assert(weft__file_ring_run(&call, self) == WEFT__FILE_ELSEWHERE);
    ck_assert_int_eq(weft__file_ring_run(&call, self), 1);
    /* The first two that ask for it to be taken back. */
    for (int i = 0; i < 2; i++) {
        weft_scope scope;
        weft_scope_enter(&scope, weft_now() + WEFT_MS(1));
        atomic_store(&entered, 0);
        atomic_store(&failing, 2);
        ck_assert_int_eq(weft__file_ring_run(&call, self), -ETIMEDOUT);
        ck_assert_int_ge(atomic_load(&entered), 3);
        weft_scope_leave(&scope);
    }
    (void)unused;
    return 0;
}

TEST(an_entry_that_is_not_taken_is_no_call)
{
    need_ring();
    ck_assert_int_eq(run_in_turn(fail_to_enter, NULL), 0);
}
