/* Reading. Not here: pread() and preadv(), which refuse whatever one waits for. */
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "hook/call.h"
#include "hook/real.h"

/* Asks first: only for kinds of files that know no better way. */
static bool readable(int fd, const struct weft__call *call)
{
    return call->plain || call->kind & WEFT__FD_FILE || weft__call_look(fd, POLLIN);
}

static ssize_t try_readv(int fd, const struct weft__call *call)
{
    const struct iovec *iov = call->buf;
    int count = (int)call->size;
    if (call->kind & WEFT__FD_SOCKET && !call->plain) {
        struct msghdr message = { .msg_iov = call->buf, .msg_iovlen = call->size };
        return weft__call_or_errno(weft__real_recvmsg(fd, &message, MSG_DONTWAIT));
    }
    if (call->kind & WEFT__FD_NOWAIT_READ && !call->plain)
        return weft__call_or_errno(weft__real_preadv2(fd, iov, count, -1, RWF_NOWAIT));
    if (!readable(fd, call))
        return -EAGAIN;
    return weft__call_or_errno(weft__real_readv(fd, iov, count));
}

static ssize_t try_read(int fd, const struct weft__call *call)
{
    if (call->kind & WEFT__FD_SOCKET && !call->plain)
        return weft__call_or_errno(weft__real_recv(fd, call->buf, call->size, MSG_DONTWAIT));
    if (call->kind & WEFT__FD_NOWAIT_READ && !call->plain) {
        struct iovec iov = { call->buf, call->size };
        return weft__call_or_errno(weft__real_preadv2(fd, &iov, 1, -1, RWF_NOWAIT));
    }
    if (!readable(fd, call))
        return -EAGAIN;
    return weft__call_or_errno(weft__real_read(fd, call->buf, call->size));
}

WEFT__INTERPOSE ssize_t read(int fd, void *buf, size_t size)
{
    WEFT__STAYS;
    struct weft__fd *entry = weft__call_entry(fd);
    if (!entry || size == 0) /* of no bytes: no datagram is taken, as recv() would */
        return weft__real_read(fd, buf, size);
    struct weft__call call = { .attempt = try_read,
                               .what = "read",
                               .side = WEFT__READ,
                               .wanted = size,
                               .buf = buf,
                               .size = size };
    return weft__call_result(weft__call_run(entry, fd, &call));
}

static bool is_empty(const struct iovec *iov, int count)
{
    for (int i = 0; i < count; i++) {
        if (iov[i].iov_len)
            return false;
    }
    return true;
}

WEFT__INTERPOSE ssize_t readv(int fd, const struct iovec *iov, int count)
{
    WEFT__STAYS;
    struct weft__fd *entry = weft__call_entry(fd);
    uint32_t kind = entry ? weft__load(&entry->flags, relaxed) : 0;
    bool kernels = !(kind & WEFT__FD_SOCKET) && kind & WEFT__FD_NOWAIT_READ; /* to say EFAULT */
    if (!entry || count > IOV_MAX || (!kernels && is_empty(iov, count)))
        return weft__real_readv(fd, iov, count);
    struct weft__call call = { .attempt = try_readv,
                               .what = "readv",
                               .side = WEFT__READ,
                               .buf = (void *)(uintptr_t)iov,
                               .size = (size_t)count };
    return weft__call_result(weft__call_run(entry, fd, &call));
}

/* With flags it is for files. */
WEFT__INTERPOSE ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    if (offset == -1 && flags == 0)
        return readv(fd, iov, count);
    return weft__real_preadv2(fd, iov, count, offset, flags);
}

WEFT__INTERPOSE ssize_t preadv64v2(int fd, const struct iovec *iov, int count, off64_t offset,
                                   int flags)
{
    return preadv2(fd, iov, count, offset, flags);
}

WEFT__INTERPOSE int eventfd_read(int fd, eventfd_t *ret_value)
{
    return read(fd, ret_value, sizeof *ret_value) == sizeof *ret_value ? 0 : -1;
}

WEFT__INTERPOSE ssize_t __read(int fd, void *buf, size_t size)
{
    return read(fd, buf, size);
}

/* What _FORTIFY_SOURCE makes of read(): it is libc that ends the process. */
WEFT__INTERPOSE ssize_t __read_chk(int fd, void *buf, size_t size, size_t room)
{
    return size > room ? weft__real___read_chk(fd, buf, size, room) : read(fd, buf, size);
}
