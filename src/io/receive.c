/* Receiving. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include "io/fd.h"
#include "io/operation.h"
#include "weft/io.h"

#ifndef SCM_PIDFD /* Linux 6.5 */
#define SCM_PIDFD 4
#endif

/* These never wait, whatever the socket's mode. */
#define IMMEDIATE (MSG_DONTWAIT | MSG_OOB | MSG_ERRQUEUE)
/* Of what these ask for the side's readiness says nothing: SO_PEEK_OFF. */
#define ASIDE (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE)

static ssize_t try_recv(int fd, struct weft__operation *op)
{
    return weft__or_errno(
        recvfrom(fd, op->buf, op->size, op->flags | MSG_DONTWAIT, op->address, op->address_size));
}

static ssize_t try_recvmsg(int fd, struct weft__operation *op)
{
    return weft__or_errno(recvmsg(fd, op->buf, op->flags | MSG_DONTWAIT));
}

static bool is_stream(int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

/* MSG_PEEK | MSG_WAITALL, TCP: until so much is there, or no more will come. */
static ssize_t try_peek_all(int fd, struct weft__operation *op)
{
    struct pollfd pfd = { .fd = fd, .events = POLLRDHUP };
    ssize_t n = try_recv(fd, op);
    bool more = n > 0 && (size_t)n < op->size && poll(&pfd, 1, 0) == 0;
    return more ? -EAGAIN : n;
}

static bool is_tcp(int fd)
{
    int protocol = 0;
    socklen_t size = sizeof protocol;
    return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
           protocol == IPPROTO_TCP;
}

/* MSG_WAITALL, after a part: whether to go on. An error is for the next call to report, and
 * trying would take it. */
static bool go_on(int fd, struct weft__operation *op)
{
    int found = weft__operation_await(fd, op);
    return found > 0 && !(found & (POLLERR | POLLNVAL));
}

/* Until the buffer is full. */
static ssize_t receive_all(int fd, struct weft__operation *op)
{
    size_t done = 0;
    for (;;) {
        ssize_t n = weft__operate(fd, op);
        if (n <= 0)
            return done ? (ssize_t)done : n;
        done += (size_t)n;
        op->buf = (char *)op->buf + n;
        op->size -= (size_t)n;
        if (op->size == 0 || !go_on(fd, op))
            return (ssize_t)done;
    }
}

ssize_t weft_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *address,
                      socklen_t *address_size)
{
    /* MSG_TRUNC and others count otherwise: no conclusion from the length. */
    struct weft__operation op = { .attempt = try_recv,
                                  .what = "recv",
                                  .side = WEFT__READ,
                                  .wanted = flags == 0 ? size : 0,
                                  .no_wait = flags & IMMEDIATE,
                                  .aside = flags & ASIDE,
                                  .buf = buf,
                                  .size = size,
                                  .flags = flags & ~MSG_WAITALL,
                                  .address = address,
                                  .address_size = address_size };
    bool all = flags & MSG_WAITALL && !op.no_wait;
    if (all && !op.aside && is_stream(fd))
        return receive_all(fd, &op);
    if (all && op.aside && is_tcp(fd))
        op.attempt = try_peek_all;
    return weft__operate(fd, &op);
}

ssize_t weft_recv(int fd, void *buf, size_t size, int flags)
{
    return weft_recvfrom(fd, buf, size, flags, NULL, NULL);
}

/* MSG_WAITALL: what is left of the vectors after `done` bytes, each by itself. */
static ssize_t receive_rest(int fd, struct weft__operation *op, const struct msghdr *message,
                            size_t done)
{
    size_t sum = done;
    op->attempt = try_recv;
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        const struct iovec *iov = &message->msg_iov[i];
        if (done >= iov->iov_len) {
            done -= iov->iov_len;
            continue;
        }
        op->buf = (char *)iov->iov_base + done;
        op->size = iov->iov_len - done;
        done = 0;
        ssize_t n = go_on(fd, op) ? receive_all(fd, op) : 0;
        sum += n > 0 ? (size_t)n : 0;
        if (n <= 0 || op->size > 0)
            break;
    }
    return (ssize_t)sum;
}

static bool has_descriptors(const struct cmsghdr *header)
{
    return header->cmsg_level == SOL_SOCKET &&
           (header->cmsg_type == SCM_RIGHTS || header->cmsg_type == SCM_PIDFD);
}

void weft__fd_renew_received(struct msghdr *message)
{
    struct cmsghdr *header = message->msg_controllen ? CMSG_FIRSTHDR(message) : NULL;
    for (; header; header = CMSG_NXTHDR(message, header)) {
        if (!has_descriptors(header))
            continue;
        for (size_t at = CMSG_LEN(0); at < header->cmsg_len; at += sizeof(int)) {
            int received;
            memcpy(&received, (char *)header + at, sizeof received);
            if (weft__fd_find(received)) /* else nothing is known of it */
                weft__fd_renew(received, 0);
        }
    }
}

ssize_t weft_recvmsg(int fd, struct msghdr *message, int flags)
{
    struct weft__operation op = { .attempt = try_recvmsg,
                                  .what = "recvmsg",
                                  .side = WEFT__READ,
                                  .no_wait = flags & IMMEDIATE,
                                  .aside = flags & ASIDE,
                                  .buf = message,
                                  .flags = flags & ~MSG_WAITALL };
    /* With ancillary data the kernel, too, may stop where such data begins. */
    bool all = flags & MSG_WAITALL && !op.no_wait && !op.aside && !message->msg_control;
    ssize_t n = weft__operate(fd, &op);
    if (n >= 0)
        weft__fd_renew_received(message);
    return all && n > 0 && is_stream(fd) ? receive_rest(fd, &op, message, (size_t)n) : n;
}
