/* Writing. Not here: pwrite() and pwritev(), which refuse whatever one waits for. */
#include "hook/write.h"

#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "hook/real.h"
#include "hook/signals.h"

ssize_t weft__write_signal(ssize_t result, int flags)
{
    if (weft__unlikely(result == -EPIPE) && !(flags & MSG_NOSIGNAL))
        weft__signals_pipe();
    return result;
}

/* Asks first: only for kinds of files that know no better way. */
static bool writable(int fd, const struct weft__call *call)
{
    return call->plain || call->kind & WEFT__FD_FILE || weft__call_look(fd, POLLOUT);
}

static int flags_for(const struct weft__call *call)
{
    return call->flags | (call->plain ? 0 : MSG_DONTWAIT);
}

static ssize_t try_writev(int fd, const struct weft__call *call)
{
    const struct iovec *iov = call->buf;
    int count = (int)call->size;
    ssize_t n;
    if (call->kind & WEFT__FD_SOCKET) {
        struct msghdr message = { .msg_iov = call->buf, .msg_iovlen = call->size };
        n = weft__real_sendmsg(fd, &message, flags_for(call));
    } else if (call->kind & WEFT__FD_NOWAIT_WRITE && !call->plain) {
        n = weft__real_pwritev2(fd, iov, count, -1, RWF_NOWAIT);
    } else if (writable(fd, call)) {
        n = weft__real_writev(fd, iov, count);
    } else {
        return -EAGAIN;
    }
    return weft__write_signal(weft__call_or_errno(n), call->flags);
}

static ssize_t try_write(int fd, const struct weft__call *call)
{
    struct iovec iov = { call->buf, call->size };
    ssize_t n;
    if (call->kind & WEFT__FD_SOCKET)
        n = weft__real_send(fd, call->buf, call->size, flags_for(call));
    else if (call->kind & WEFT__FD_NOWAIT_WRITE && !call->plain)
        n = weft__real_pwritev2(fd, &iov, 1, -1, RWF_NOWAIT);
    else if (writable(fd, call))
        n = weft__real_write(fd, call->buf, call->size);
    else
        return -EAGAIN;
    return weft__write_signal(weft__call_or_errno(n), call->flags);
}

/* After a part: whether to go on. What is wrong with a socket by now is for the
 * next call to report, without a signal. */
static bool go_on(struct weft__fd *entry, int fd, struct weft__call *call)
{
    call->begun = true;
    if (!weft__call_waits(entry, fd, call))
        return false;
    int found = weft__call_await(entry, fd, call, POLLOUT);
    if (found < 0)
        return false;
    if (!(weft__load(&entry->flags, relaxed) & WEFT__FD_SOCKET))
        return true;
    call->flags |= MSG_NOSIGNAL;
    return !(found & (POLLERR | POLLHUP));
}

ssize_t weft__write_buffer(struct weft__fd *entry, int fd, struct weft__call *call)
{
    size_t done = 0;
    char *buf = call->buf;
    size_t size = call->size;
    call->attempt = try_write;
    for (;;) {
        ssize_t n = weft__call_run(entry, fd, call);
        if (n < 0)
            return done ? (ssize_t)done : n;
        done += (size_t)n;
        if (done >= size || !go_on(entry, fd, call))
            return (ssize_t)done;
        call->buf = buf + done;
        call->size = size - done;
    }
}

size_t weft__vector_size(const struct iovec *iov, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += iov[i].iov_len;
    return size;
}

/* The vectors are not ours to change: one that was cut is finished by itself. */
ssize_t weft__write_rest(struct weft__fd *entry, int fd, struct weft__call *call,
                         const struct iovec *iov, size_t count, size_t done)
{
    size_t sum = done;
    for (;;) {
        while (count > 0 && done >= iov->iov_len) {
            done -= iov->iov_len;
            iov++;
            count--;
        }
        if (count == 0 || !go_on(entry, fd, call))
            return (ssize_t)sum;
        ssize_t n;
        if (done) {
            call->buf = (char *)iov->iov_base + done;
            call->size = iov->iov_len - done;
            n = weft__write_buffer(entry, fd, call);
        } else {
            call->attempt = try_writev;
            call->buf = (void *)(uintptr_t)iov;
            call->size = count;
            n = weft__call_run(entry, fd, call);
        }
        if (n <= 0)
            return (ssize_t)sum;
        sum += (size_t)n;
        done += (size_t)n;
    }
}

WEFT__INTERPOSE ssize_t write(int fd, const void *buf, size_t size)
{
    WEFT__STAYS;
    struct weft__fd *entry = weft__call_entry(fd);
    if (!entry)
        return weft__real_write(fd, buf, size);
    struct weft__call call = {
        .what = "write", .side = WEFT__WRITE, .buf = (void *)(uintptr_t)buf, .size = size
    };
    return weft__call_result(weft__write_buffer(entry, fd, &call));
}

WEFT__INTERPOSE ssize_t writev(int fd, const struct iovec *iov, int count)
{
    WEFT__STAYS;
    struct weft__fd *entry = weft__call_entry(fd);
    uint32_t kind = entry ? weft__load(&entry->flags, relaxed) : 0;
    bool bounds = (kind & (WEFT__FD_SOCKET | WEFT__FD_STREAM)) == WEFT__FD_SOCKET;
    if (!entry || count <= 0 || count > IOV_MAX ||
        (bounds && weft__vector_size(iov, (size_t)count) == 0)) /* no datagram of no bytes */
        return weft__real_writev(fd, iov, count);
    struct weft__call call = { .attempt = try_writev,
                               .what = "writev",
                               .side = WEFT__WRITE,
                               .buf = (void *)(uintptr_t)iov,
                               .size = (size_t)count };
    ssize_t n = weft__call_run(entry, fd, &call);
    if (n > 0)
        n = weft__write_rest(entry, fd, &call, iov, (size_t)count, (size_t)n);
    return weft__call_result(n);
}

/* With flags it is for files. */
WEFT__INTERPOSE ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset,
                                 int flags)
{
    if (offset == -1 && flags == 0)
        return writev(fd, iov, count);
    return weft__real_pwritev2(fd, iov, count, offset, flags);
}

WEFT__INTERPOSE ssize_t pwritev64v2(int fd, const struct iovec *iov, int count, off64_t offset,
                                    int flags)
{
    return pwritev2(fd, iov, count, offset, flags);
}

WEFT__INTERPOSE int eventfd_write(int fd, eventfd_t value)
{
    return write(fd, &value, sizeof value) == sizeof value ? 0 : -1;
}

WEFT__INTERPOSE ssize_t __write(int fd, const void *buf, size_t size)
{
    return write(fd, buf, size);
}
