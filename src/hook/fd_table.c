#include "hook/fd_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/atomic.h"
#include "hook/signals.h"

static _Atomic(int) known;

/* By system calls, which are no cancellation points. */
static long read_status(char *buf, size_t size)
{
    long fd = syscall(SYS_openat, AT_FDCWD, "/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    long n = syscall(SYS_read, fd, buf, size);
    syscall(SYS_close, fd);
    return n;
}

static int ask(void)
{
    char buf[1024];
    int error = errno;
    weft__signals_hold(); /* a handler that jumps would leave the descriptor behind */
    long n = read_status(buf, sizeof buf - 1);
    weft__signals_unhold();
    errno = error;
    buf[n > 0 ? n : 0] = 0;
    const char *line = strstr(buf, "\nFDSize:");
    return line ? atoi(line + strlen("\nFDSize:")) : 0;
}

int weft__fd_table_cut(int count)
{
    if (count <= FD_SETSIZE || count <= weft__load(&known, relaxed))
        return count;
    int size = ask();
    if (size <= 0)
        return -ENOBUFS;
    weft__store(&known, size, relaxed);
    return count < size ? count : size;
}
