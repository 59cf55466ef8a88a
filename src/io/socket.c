#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/operation.h"
#include "weft/io.h"
#include "weft/time.h"

/* An accept that lacks room tries again after ever longer. */
#define BACK_OFF_FIRST WEFT_MS(5)
#define BACK_OFF_LAST WEFT_S(1)

static int back_off(int64_t *delay)
{
    int rc = weft_sleep(*delay);
    *delay = *delay * 2 < BACK_OFF_LAST ? *delay * 2 : BACK_OFF_LAST;
    return rc;
}

static bool is_tcp(int domain, int type, int protocol)
{
    return (domain == AF_INET || domain == AF_INET6) && (type & 0xf) == SOCK_STREAM &&
           (protocol == 0 || protocol == IPPROTO_TCP);
}

int weft_socket(int domain, int type, int protocol)
{
    int fd = socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (fd < 0)
        return -errno;
    weft__fd_adopt(fd, is_tcp(domain, type, protocol));
    return fd;
}

static ssize_t try_accept(int fd, struct weft__operation *op)
{
    for (;;) {
        int connection = accept4(fd, op->address, op->address_size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (connection >= 0)
            return connection;
        switch (errno) { /* errors of a connection that is no more: accept(2) */
        case ECONNABORTED:
        case EPROTO:
        case ENETDOWN:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case ENETUNREACH:
            continue;
        default:
            return -errno;
        }
    }
}

int weft_accept(int fd, struct sockaddr *address, socklen_t *address_size)
{
    socklen_t room = address_size ? *address_size : 0;
    int64_t delay = BACK_OFF_FIRST;
    struct weft__operation op = { .attempt = try_accept,
                                  .what = "accept",
                                  .side = WEFT__READ,
                                  .address = address,
                                  .address_size = address_size };
    for (;;) {
        ssize_t connection = weft__operate(fd, &op);
        if (connection >= 0) {
            int error;
            struct weft__fd *listener = weft__fd_get(fd, &error);
            weft__fd_adopt((int)connection,
                           listener && weft__load(&listener->flags, relaxed) & WEFT__FD_TCP);
            return (int)connection;
        }
        if (connection != -EMFILE && connection != -ENFILE && connection != -ENOBUFS &&
            connection != -ENOMEM)
            return (int)connection;
        int rc = back_off(&delay);
        if (rc)
            return rc;
        if (address_size)
            *address_size = room;
    }
}

static ssize_t try_connect(int fd, struct weft__operation *op)
{
    if (connect(fd, op->address, *op->address_size) == 0)
        return 0;
    switch (errno) {
    case EISCONN:
        if (op->flags++ == 0)
            return -EISCONN; /* it was connected before we came */
        return 0;
    case EINPROGRESS:
    case EALREADY:
    case EINTR: /* the attempt goes on */
        op->flags++;
        return -EAGAIN;
    case EAGAIN: /* of a unix socket: the listener's queue is full */
        op->untold = op->address->sa_family == AF_UNIX;
        return op->untold ? -EAGAIN : -ENOBUFS;
    default:
        return -errno;
    }
}

int weft_connect(int fd, const struct sockaddr *address, socklen_t address_size)
{
    struct weft__operation op = { .attempt = try_connect,
                                  .what = "connect",
                                  .side = WEFT__WRITE,
                                  .address = (struct sockaddr *)(uintptr_t)address,
                                  .address_size = &address_size };
    return (int)weft__operate(fd, &op);
}

int weft_shutdown(int fd, int how)
{
    if (shutdown(fd, how) < 0)
        return -errno;
    weft__fd_stir(fd); /* a full unix socket that is shut down for writing makes no event */
    return 0;
}
