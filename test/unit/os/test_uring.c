#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "os/private_fd.h"
#include "os/uring.h"

static struct weft__uring uring;
static weft__uring_operations operations;

static void make(unsigned completions)
{
    if (test_is_under("valgrind"))
        test_skip("Valgrind believes that what the kernel writes was never written");
    int rc = weft__uring_init(&uring, 4, completions, &operations);
    if (rc)
        test_skip("the kernel has no ring for us: %d", -rc);
}

static int submit_nop(uint64_t data)
{
    struct io_uring_sqe entry = { .opcode = IORING_OP_NOP, .fd = -1, .user_data = data };
    return weft__uring_submit(&uring, &entry);
}

TEST(what_is_submitted_is_completed_in_order_once)
{
    struct weft__uring_result results[8];
    make(8);
    for (unsigned round = 0; round < 100; round++) { /* round and round the rings */
        for (unsigned i = 0; i < 5; i++)
            ck_assert_int_eq(submit_nop(100 * round + i), 0);
        ck_assert_uint_eq(weft__uring_reap(&uring, results, 3), 3);
        ck_assert_uint_eq(weft__uring_reap(&uring, results + 3, 5), 2);
        for (unsigned i = 0; i < 5; i++) {
            ck_assert_uint_eq(results[i].user_data, 100 * round + i);
            ck_assert_int_eq(results[i].value, 0);
        }
        ck_assert_uint_eq(weft__uring_reap(&uring, results, 8), 0);
    }
    weft__uring_finish(&uring);
}

TEST(the_kernel_says_what_it_can_do)
{
    make(8);
    ck_assert(operations >> IORING_OP_NOP & 1);
    ck_assert(operations >> IORING_OP_READ & 1);
    ck_assert(operations >> IORING_OP_ASYNC_CANCEL & 1);
    ck_assert(!(operations >> 63 & 1));
    weft__uring_finish(&uring);
}

TEST(its_descriptor_is_private)
{
    make(8);
    int fd = uring.fd;
    ck_assert(weft__private_fd(fd));
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    weft__uring_finish(&uring);
    ck_assert(!weft__private_fd(fd));
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}

TEST(an_entry_that_the_kernel_does_not_take_is_taken_back)
{
    struct weft__uring_result result;
    make(8);
    int fd = uring.fd;
    errno = EDOM;
    uring.fd = -1;
    ck_assert_int_eq(submit_nop(1), -EBADF);
    ck_assert_int_eq(errno, EDOM);
    uring.fd = fd;
    ck_assert_int_eq(submit_nop(2), 0);
    ck_assert_uint_eq(weft__uring_reap(&uring, &result, 1), 1);
    ck_assert_uint_eq(result.user_data, 2);
    ck_assert_uint_eq(weft__uring_reap(&uring, &result, 1), 0);
    weft__uring_finish(&uring);
}
