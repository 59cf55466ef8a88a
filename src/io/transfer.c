/* Reading, writing and sending: each public function is one system call made patient. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "io/file.h"
#include "io/operation.h"
#include "os/error.h"
#include "weft/io.h"

/* At its own position: a file has the disk to wait for. */
static ssize_t move(enum weft__file_verb verb, int fd, const struct weft__operation *op)
{
    struct weft__file_call call = {
        .verb = verb, .fd = fd, .buf = op->buf, .size = op->size, .offset = -1
    };
    return (ssize_t)weft__file_do(&call);
}

/* For sockets recv() and send() do the same by a shorter way, and without
 * SIGPIPE. */
static ssize_t try_read(int fd, struct weft__operation *op)
{
    if (op->socket && op->size) /* recv() of nothing would take a datagram away */
        return weft__or_errno(recv(fd, op->buf, op->size, 0));
    if (op->regular)
        return move(WEFT__FILE_READ, fd, op);
    return weft__or_errno(read(fd, op->buf, op->size));
}

static ssize_t try_write(int fd, struct weft__operation *op)
{
    if (op->socket)
        return weft__or_errno(send(fd, op->buf, op->size, MSG_NOSIGNAL));
    if (op->regular)
        return move(WEFT__FILE_WRITE, fd, op);
    return weft__or_errno(write(fd, op->buf, op->size));
}

static ssize_t try_readv(int fd, struct weft__operation *op)
{
    if (op->regular)
        return move(WEFT__FILE_READV, fd, op);
    return weft__or_errno(readv(fd, op->buf, (int)op->size));
}

static ssize_t try_writev(int fd, struct weft__operation *op)
{
    if (op->regular)
        return move(WEFT__FILE_WRITEV, fd, op);
    if (!op->socket)
        return weft__or_errno(writev(fd, op->buf, (int)op->size));
    struct msghdr message = { .msg_iov = op->buf, .msg_iovlen = op->size };
    return weft__or_errno(sendmsg(fd, &message, MSG_NOSIGNAL));
}

/* Whether a unix socket could not send because this receiver has no room: it is writable itself,
 * which makes an event each time that sending has failed. */
static bool receiver_full(int fd, const struct sockaddr *receiver)
{
    struct pollfd pfd = { .fd = fd, .events = POLLOUT };
    return receiver && receiver->sa_family == AF_UNIX && poll(&pfd, 1, 0) > 0;
}

static ssize_t try_send(int fd, struct weft__operation *op)
{
    ssize_t n =
        weft__or_errno(sendto(fd, op->buf, op->size, op->flags | MSG_DONTWAIT | MSG_NOSIGNAL,
                              op->address, op->address ? *op->address_size : 0));
    op->untold = n == -EAGAIN && receiver_full(fd, op->address);
    return n;
}

static ssize_t try_sendmsg(int fd, struct weft__operation *op)
{
    const struct msghdr *message = op->buf;
    ssize_t n = weft__or_errno(sendmsg(fd, message, op->flags | MSG_DONTWAIT | MSG_NOSIGNAL));
    op->untold = n == -EAGAIN && receiver_full(fd, message->msg_name);
    return n;
}

static struct weft__operation reading(void *buf, size_t size)
{
    return (struct weft__operation){ .attempt = try_read,
                                     .what = "read",
                                     .side = WEFT__READ,
                                     .wanted = size,
                                     .buf = buf,
                                     .size = size };
}

ssize_t weft_read(int fd, void *buf, size_t size)
{
    struct weft__operation op = reading(buf, size);
    return weft__operate(fd, &op);
}

static bool count_valid(int iov_count)
{
    return iov_count >= 0 && iov_count <= IOV_MAX;
}

/* The attempts only read from what they write: the casts drop a const that the
 * common structure cannot keep. */
static struct weft__operation writing(const void *buf, size_t size)
{
    return (struct weft__operation){ .attempt = try_write,
                                     .what = "write",
                                     .side = WEFT__WRITE,
                                     .buf = (void *)(uintptr_t)buf,
                                     .size = size };
}

ssize_t weft_write(int fd, const void *buf, size_t size)
{
    struct weft__operation op = writing(buf, size);
    return weft__operate(fd, &op);
}

ssize_t weft_readv(int fd, const struct iovec *iov, int iov_count)
{
    if (!count_valid(iov_count))
        return -EINVAL;
    struct weft__operation op = { .attempt = try_readv,
                                  .what = "readv",
                                  .side = WEFT__READ,
                                  .buf = (void *)(uintptr_t)iov,
                                  .size = (size_t)iov_count };
    return weft__operate(fd, &op);
}

static struct weft__operation writing_vector(const struct iovec *iov, int iov_count)
{
    return (struct weft__operation){ .attempt = try_writev,
                                     .what = "writev",
                                     .side = WEFT__WRITE,
                                     .buf = (void *)(uintptr_t)iov,
                                     .size = (size_t)iov_count };
}

ssize_t weft_writev(int fd, const struct iovec *iov, int iov_count)
{
    if (!count_valid(iov_count))
        return -EINVAL;
    struct weft__operation op = writing_vector(iov, iov_count);
    return weft__operate(fd, &op);
}

ssize_t weft_sendto(int fd, const void *buf, size_t size, int flags, const struct sockaddr *address,
                    socklen_t address_size)
{
    struct weft__operation op = { .attempt = try_send,
                                  .what = "send",
                                  .side = WEFT__WRITE,
                                  .no_wait = flags & MSG_DONTWAIT,
                                  .buf = (void *)(uintptr_t)buf,
                                  .size = size,
                                  .flags = flags,
                                  .address = (struct sockaddr *)(uintptr_t)address,
                                  .address_size = &address_size };
    return weft__operate(fd, &op);
}

ssize_t weft_send(int fd, const void *buf, size_t size, int flags)
{
    return weft_sendto(fd, buf, size, flags, NULL, 0);
}

ssize_t weft_sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct weft__operation op = { .attempt = try_sendmsg,
                                  .what = "sendmsg",
                                  .side = WEFT__WRITE,
                                  .no_wait = flags & MSG_DONTWAIT,
                                  .buf = (void *)(uintptr_t)message,
                                  .flags = flags };
    return weft__operate(fd, &op);
}

static int finish(int rc, size_t done, size_t *ret_done)
{
    if (ret_done)
        *ret_done = done;
    return rc;
}

/* What was moved of a whole buffer: the next part is about the same file. */
static void drop(struct weft__operation *op, size_t n)
{
    op->buf = (char *)op->buf + n;
    op->size -= n;
}

int weft_read_all(int fd, void *buf, size_t size, size_t *ret_done)
{
    struct weft__operation op = reading(buf, size);
    while (op.size > 0) {
        ssize_t n = weft__operate(fd, &op);
        if (n <= 0)
            return finish(n == 0 ? -ENODATA : (int)n, size - op.size, ret_done);
        drop(&op, (size_t)n);
        op.wanted = op.size;
    }
    return finish(0, size, ret_done);
}

int weft_write_all(int fd, const void *buf, size_t size, size_t *ret_done)
{
    struct weft__operation op = writing(buf, size);
    while (op.size > 0) {
        ssize_t n = weft__operate(fd, &op);
        if (n < 0)
            return finish((int)n, size - op.size, ret_done);
        drop(&op, (size_t)n);
    }
    return finish(0, size, ret_done);
}

/* Drops the first `n` bytes; returns the vectors left that are not empty. */
static int advance(struct iovec **iov, int count, size_t n)
{
    while (count > 0 && n >= (*iov)->iov_len) {
        n -= (*iov)->iov_len;
        (*iov)++;
        count--;
    }
    if (count > 0) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + n;
        (*iov)->iov_len -= n;
    }
    return count;
}

int weft_writev_all(int fd, struct iovec *iov, int iov_count, size_t *ret_done)
{
    size_t done = 0;
    struct weft__operation op = writing_vector(iov, iov_count);
    iov_count = advance(&iov, iov_count, 0);
    while (iov_count > 0) {
        if (!count_valid(iov_count))
            return finish(-EINVAL, done, ret_done);
        op.buf = iov;
        op.size = (size_t)iov_count;
        ssize_t n = weft__operate(fd, &op);
        if (n < 0)
            return finish((int)n, done, ret_done);
        done += (size_t)n;
        iov_count = advance(&iov, iov_count, (size_t)n);
    }
    return finish(0, done, ret_done);
}
