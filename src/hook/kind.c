#include "hook/kind.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define ALL \
    ((uint32_t)WEFT__FD_KNOWN | WEFT__FD_FILE | WEFT__FD_SOCKET | WEFT__FD_STREAM | WEFT__FD_TCP | \
     WEFT__FD_EDGES | WEFT__FD_TERMINAL | WEFT__KIND_NOWAIT)

/* EDGES: a full queue at the other end of a unix datagram socket makes no event. */
uint32_t weft__kind_of_socket(int domain, int type, int protocol)
{
    uint32_t flags = WEFT__FD_KNOWN | WEFT__FD_SOCKET;
    bool inet = domain == AF_INET || domain == AF_INET6;
    type &= 0xf;
    if (type == SOCK_STREAM) {
        flags |= WEFT__FD_STREAM;
        if (domain == AF_UNIX)
            flags |= WEFT__FD_EDGES;
        if (inet && (protocol == 0 || protocol == IPPROTO_TCP))
            flags |= WEFT__FD_TCP | WEFT__FD_EDGES;
    }
    if (inet && type == SOCK_DGRAM)
        flags |= WEFT__FD_EDGES;
    return flags;
}

static int option(int fd, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    getsockopt(fd, SOL_SOCKET, name, &value, &size);
    return value;
}

#define MEMORY_MAJOR 1 /* /dev/null, /dev/zero, ...: never wait */

static uint32_t kind_of(int fd, const struct stat *st)
{
    if (S_ISCHR(st->st_mode) && major(st->st_rdev) == MEMORY_MAJOR)
        return WEFT__FD_KNOWN | WEFT__FD_FILE;
    switch (st->st_mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
    case S_IFBLK:
    case S_IFLNK:
        return WEFT__FD_KNOWN | WEFT__FD_FILE;
    case S_IFSOCK:
        return weft__kind_of_socket(option(fd, SO_DOMAIN), option(fd, SO_TYPE),
                                    option(fd, SO_PROTOCOL));
    case S_IFIFO:
        return WEFT__KIND_PIPE;
    case S_IFCHR:
        return WEFT__FD_KNOWN | WEFT__KIND_NOWAIT | (isatty(fd) ? WEFT__FD_TERMINAL : 0u);
    default: /* a device, or a file without a name: eventfd, timerfd, ... */
        return WEFT__FD_KNOWN | WEFT__KIND_NOWAIT;
    }
}

struct weft__fd *weft__kind_find(struct weft__fd *entry, int fd)
{
    struct stat st;
    int error = errno;
    uint32_t edge;
    bool ok;
    if (!entry)
        return NULL;
    do {
        edge = weft__fd_edge(entry, WEFT__READ); /* EDGE-6: before the kernel is asked */
        ok = fstat(fd, &st) == 0;
    } while (ok && !weft__fd_learn(entry, edge, kind_of(fd, &st), ALL));
    errno = error;
    return ok ? entry : NULL;
}
