#include "os/private_fd.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/atomic.h"

/* Where they begin, unless the process may not have as many: high enough for
 * programs, low enough for the kernel's table of descriptors to stay small, which a
 * fork copies. */
#define FLOOR 768

/* Which numbers are: who takes and closes them orders it. */
static _Atomic(bool) ours[WEFT__PRIVATE_FDS];

static int floor_of_numbers(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= FLOOR / 3 * 4)
        return FLOOR;
    return (int)limit.rlim_cur / 4 * 3;
}

int weft__private_fd_take(int fd)
{
    if (fd < 0)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, floor_of_numbers());
    if (moved >= 0)
        close(fd);
    else
        moved = fd;
    if (moved < WEFT__PRIVATE_FDS)
        weft__store(&ours[moved], true, relaxed);
    return moved;
}

void weft__private_fd_close(int fd)
{
    if (fd < WEFT__PRIVATE_FDS)
        weft__store(&ours[fd], false, relaxed);
    close(fd);
}

bool weft__private_fd(int fd)
{
    return fd >= 0 && fd < WEFT__PRIVATE_FDS && weft__load(&ours[fd], relaxed);
}
