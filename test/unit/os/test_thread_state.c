#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/thread_state.h"
#include "os/uring.h"

static atomic_int tid;
static atomic_bool stop;

static void *sleep_till_told(void *fd)
{
    uint64_t count;
    atomic_store(&tid, gettid());
    ck_assert_int_eq(read(*(int *)fd, &count, sizeof count), sizeof count);
    return NULL;
}

static void *spin(void *unused)
{
    atomic_store(&tid, gettid());
    while (!atomic_load(&stop))
        ;
    return unused;
}

static int tid_of_other(void)
{
    while (atomic_load(&tid) == 0)
        ;
    return atomic_load(&tid);
}

TEST(a_thread_in_a_blocking_call_sleeps)
{
    int fd = eventfd(0, 0);
    pthread_t thread;
    pthread_create(&thread, NULL, sleep_till_told, &fd);
    while (!weft__thread_sleeps(tid_of_other()))
        usleep(1000);
    ck_assert_int_eq(write(fd, &(uint64_t){ 1 }, 8), 8);
    pthread_join(thread, NULL);
    ck_assert(!weft__thread_sleeps(atomic_load(&tid)));
    weft__thread_state_finish();
}

TEST(it_is_told_in_which_call_it_sleeps)
{
    int fd = eventfd(0, 0);
    pthread_t thread;
    struct weft__thread_call call;
    pthread_create(&thread, NULL, sleep_till_told, &fd);
    while (!weft__thread_sleeps_in(tid_of_other(), &call))
        usleep(1000);
    ck_assert_int_eq(write(fd, &(uint64_t){ 1 }, 8), 8);
    pthread_join(thread, NULL);
    if (test_is_under("qemu"))
        ck_assert_int_ge(call.number, -1); /* another machine's */
    else
        ck_assert_int_eq(call.number, SYS_read);
    ck_assert(!weft__thread_sleeps_in(atomic_load(&tid), &call));
    ck_assert_int_eq(call.number, -1);
    weft__thread_state_finish();
}

TEST(a_thread_that_computes_does_not)
{
    pthread_t thread;
    pthread_create(&thread, NULL, spin, NULL);
    for (int i = 0; i < 100; i++)
        ck_assert(!weft__thread_sleeps(tid_of_other()));
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    weft__thread_state_finish();
}

TEST(nobody_sleeps_under_a_number_of_nobody)
{
    ck_assert(!weft__thread_sleeps(0));
    ck_assert(!weft__thread_sleeps(1));
    weft__thread_state_finish(); /* there is no reader */
    ck_assert_uint_eq(weft__thread_readers(), 0);
}

static void *ask(void *unused)
{
    while (!atomic_load(&stop))
        weft__thread_sleeps(gettid());
    weft__thread_state_finish();
    return unused;
}

TEST(asking_leaves_the_numbers_to_the_program)
{
    pthread_t thread;
    int low = dup(1);
    pthread_create(&thread, NULL, ask, NULL);
    while (weft__thread_readers() == 0)
        ;
    for (uint64_t i = 0; i < test_work(20000); i++) {
        close(low);
        int next = dup(1);
        if (next != low)
            ck_assert_int_eq(next, low);
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
}

TEST(it_counts_the_threads)
{
    int fd = eventfd(0, 0);
    pthread_t thread;
    if (test_is_under("tsan") || test_is_under("qemu"))
        test_skip("ThreadSanitizer and qemu have threads of their own");
    ck_assert_uint_eq(weft__threads_counted(), 1);
    pthread_create(&thread, NULL, sleep_till_told, &fd);
    ck_assert_uint_eq(weft__threads_counted(), 2);
    weft__thread_sleeps(tid_of_other());
    ck_assert_uint_eq(weft__threads_counted(), 2 + weft__thread_readers());
    weft__thread_state_finish();
    ck_assert_int_eq(write(fd, &(uint64_t){ 1 }, 8), 8);
    pthread_join(thread, NULL);
}

TEST(it_knows_the_kernels_own_threads)
{
    struct weft__uring uring;
    weft__uring_operations unused;
    struct weft__uring_result result;
    struct io_uring_sqe entry = { .opcode = IORING_OP_NOP, .flags = IOSQE_ASYNC, .fd = -1 };
    ck_assert_uint_eq(weft__threads_of_kernel(), 0);
    if (test_is_under("valgrind") || weft__uring_init(&uring, 4, 4, &unused) != 0)
        test_skip("the kernel has no ring for us");
    ck_assert_int_eq(weft__uring_submit(&uring, &entry), 0);
    while (weft__uring_reap(&uring, &result, 1) == 0)
        ;
    ck_assert_uint_eq(weft__threads_of_kernel(), 1); /* kept, at least for some seconds */
    weft__uring_finish(&uring);
    weft__thread_state_finish();
}
