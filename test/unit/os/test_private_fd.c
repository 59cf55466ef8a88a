#include "suite.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/private_fd.h"

TEST(it_leaves_the_low_numbers_to_the_program)
{
    int low = open("/dev/null", O_RDONLY);
    int fd = weft__private_fd_take(low);
    ck_assert_int_ge(fd, 100);
    ck_assert(weft__private_fd(fd));
    ck_assert(!weft__private_fd(low));
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(fcntl(low, F_GETFD), -1);
    weft__private_fd_close(fd);
    ck_assert(!weft__private_fd(fd));
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}

TEST(where_there_is_no_room_it_stays)
{
    struct rlimit before;
    int low = open("/dev/null", O_RDONLY | O_CLOEXEC);
    getrlimit(RLIMIT_NOFILE, &before);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max });
    ck_assert_int_eq(weft__private_fd_take(low), low);
    ck_assert(weft__private_fd(low));
    setrlimit(RLIMIT_NOFILE, &before); /* sanitizers open files at the end */
    weft__private_fd_close(low);
}

TEST(a_failure_stays_one)
{
    ck_assert_int_eq(weft__private_fd_take(-1), -1);
    ck_assert(!weft__private_fd(-1));
    ck_assert(!weft__private_fd(WEFT__PRIVATE_FDS));
}
