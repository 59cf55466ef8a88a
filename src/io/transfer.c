/* Reading and writing: each public function is one system call made patient. */
#include <errno.h>
#include <limits.h>
#include <sys/uio.h>
#include <unistd.h>

#include "io/file.h"
#include "io/operation.h"
#include "os/error.h"
#include "weft/io.h"

static ssize_t or_errno(ssize_t result)
{
    return result < 0 ? -weft__error() : result;
}

/* For sockets recv() and send() do the same by a shorter way, and without
 * SIGPIPE. */
/* At its own position: a file has the disk to wait for. */
static ssize_t move(enum weft__file_verb verb, int fd, const struct weft__operation *op)
{
    struct weft__file_call call = {
        .verb = verb, .fd = fd, .buf = op->buf, .size = op->size, .offset = -1
    };
    return (ssize_t)weft__file_do(&call);
}

static ssize_t try_read(int fd, struct weft__operation *op)
{
    if (op->socket)
        return or_errno(recv(fd, op->buf, op->size, 0));
    if (op->regular)
        return move(WEFT__FILE_READ, fd, op);
    return or_errno(read(fd, op->buf, op->size));
}

static ssize_t try_write(int fd, struct weft__operation *op)
{
    if (op->socket)
        return or_errno(send(fd, op->buf, op->size, MSG_NOSIGNAL));
    if (op->regular)
        return move(WEFT__FILE_WRITE, fd, op);
    return or_errno(write(fd, op->buf, op->size));
}

static ssize_t try_readv(int fd, struct weft__operation *op)
{
    if (op->regular)
        return move(WEFT__FILE_READV, fd, op);
    return or_errno(readv(fd, op->buf, (int)op->size));
}

static ssize_t try_writev(int fd, struct weft__operation *op)
{
    if (op->regular)
        return move(WEFT__FILE_WRITEV, fd, op);
    if (!op->socket)
        return or_errno(writev(fd, op->buf, (int)op->size));
    struct msghdr message = { .msg_iov = op->buf, .msg_iovlen = op->size };
    return or_errno(sendmsg(fd, &message, MSG_NOSIGNAL));
}

static ssize_t try_recv(int fd, struct weft__operation *op)
{
    return or_errno(
        recvfrom(fd, op->buf, op->size, op->flags | MSG_DONTWAIT, op->address, op->address_size));
}

static ssize_t try_send(int fd, struct weft__operation *op)
{
    return or_errno(sendto(fd, op->buf, op->size, op->flags | MSG_DONTWAIT | MSG_NOSIGNAL,
                           op->address, op->address ? *op->address_size : 0));
}

static ssize_t try_recvmsg(int fd, struct weft__operation *op)
{
    return or_errno(recvmsg(fd, op->buf, op->flags | MSG_DONTWAIT));
}

static ssize_t try_sendmsg(int fd, struct weft__operation *op)
{
    return or_errno(sendmsg(fd, op->buf, op->flags | MSG_DONTWAIT | MSG_NOSIGNAL));
}

ssize_t weft_read(int fd, void *buf, size_t size)
{
    struct weft__operation op = { .attempt = try_read,
                                  .what = "read",
                                  .side = WEFT__READ,
                                  .wanted = size,
                                  .buf = buf,
                                  .size = size };
    return weft__operate(fd, &op);
}

static bool count_valid(int iov_count)
{
    return iov_count >= 0 && iov_count <= IOV_MAX;
}

/* The attempts only read from what they write: the casts drop a const that the
 * common structure cannot keep. */
ssize_t weft_write(int fd, const void *buf, size_t size)
{
    struct weft__operation op = { .attempt = try_write,
                                  .what = "write",
                                  .side = WEFT__WRITE,
                                  .buf = (void *)(uintptr_t)buf,
                                  .size = size };
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

ssize_t weft_writev(int fd, const struct iovec *iov, int iov_count)
{
    if (!count_valid(iov_count))
        return -EINVAL;
    struct weft__operation op = { .attempt = try_writev,
                                  .what = "writev",
                                  .side = WEFT__WRITE,
                                  .buf = (void *)(uintptr_t)iov,
                                  .size = (size_t)iov_count };
    return weft__operate(fd, &op);
}

/* MSG_WAITALL: the kernel would not wait, since every attempt is MSG_DONTWAIT. What
 * came before an end or an error is returned; the error comes next time. */
static ssize_t receive_all(int fd, void *buf, size_t size, int flags, struct sockaddr *address,
                           socklen_t *address_size)
{
    size_t done = 0;
    int type = SOCK_STREAM;
    socklen_t type_size = sizeof type;
    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size);
    do {
        ssize_t n =
            weft_recvfrom(fd, (char *)buf + done, size - done, flags, address, address_size);
        if (n <= 0)
            return done ? (ssize_t)done : n;
        done += (size_t)n;
    } while (done < size && type == SOCK_STREAM);
    return (ssize_t)done;
}

ssize_t weft_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *address,
                      socklen_t *address_size)
{
    if (flags & MSG_WAITALL && !(flags & (MSG_DONTWAIT | MSG_PEEK)))
        return receive_all(fd, buf, size, flags & ~MSG_WAITALL, address, address_size);
    /* What is peeked at stays, MSG_WAITALL and MSG_TRUNC count otherwise, and the
     * urgent byte is not in the stream: no conclusion from the length. */
    struct weft__operation op = { .attempt = try_recv,
                                  .what = "recv",
                                  .side = WEFT__READ,
                                  .wanted = flags == 0 ? size : 0,
                                  .no_wait = flags & MSG_DONTWAIT,
                                  .buf = buf,
                                  .size = size,
                                  .flags = flags,
                                  .address = address,
                                  .address_size = address_size };
    return weft__operate(fd, &op);
}

ssize_t weft_recv(int fd, void *buf, size_t size, int flags)
{
    return weft_recvfrom(fd, buf, size, flags, NULL, NULL);
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

ssize_t weft_recvmsg(int fd, struct msghdr *message, int flags)
{
    struct weft__operation op = { .attempt = try_recvmsg,
                                  .what = "recvmsg",
                                  .side = WEFT__READ,
                                  .no_wait = flags & MSG_DONTWAIT,
                                  .buf = message,
                                  .flags = flags };
    return weft__operate(fd, &op);
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

int weft_read_all(int fd, void *buf, size_t size, size_t *ret_done)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = weft_read(fd, (char *)buf + done, size - done);
        if (n <= 0)
            return finish(n == 0 ? -ENODATA : (int)n, done, ret_done);
        done += (size_t)n;
    }
    return finish(0, done, ret_done);
}

int weft_write_all(int fd, const void *buf, size_t size, size_t *ret_done)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = weft_write(fd, (const char *)buf + done, size - done);
        if (n < 0)
            return finish((int)n, done, ret_done);
        done += (size_t)n;
    }
    return finish(0, done, ret_done);
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
    iov_count = advance(&iov, iov_count, 0);
    while (iov_count > 0) {
        ssize_t n = weft_writev(fd, iov, iov_count);
        if (n < 0)
            return finish((int)n, done, ret_done);
        done += (size_t)n;
        iov_count = advance(&iov, iov_count, (size_t)n);
    }
    return finish(0, done, ret_done);
}
