/* Receiving. */
#include <limits.h>
#include <poll.h>

#include "hook/call.h"
#include "hook/deadline.h"
#include "hook/real.h"
#include "hook/write.h"

/* Never wait, whatever the socket's mode. */
#define IMMEDIATE (MSG_DONTWAIT | MSG_OOB | MSG_ERRQUEUE)

static int flags_for(const struct weft__call *call)
{
    return call->flags | (call->plain ? 0 : MSG_DONTWAIT);
}

static ssize_t try_recv(int fd, const struct weft__call *call)
{
    return weft__call_or_errno(weft__real_recvfrom(fd, call->buf, call->size, flags_for(call),
                                                   call->address, call->address_size));
}

/* MSG_PEEK | MSG_WAITALL: until so much is there, or no more will come. TCP only:
 * unix sockets show what there is. The EAGAIN for too little is our own. */
static ssize_t try_peek_all(int fd, const struct weft__call *call)
{
    ssize_t n = try_recv(fd, call);
    if (n <= 0 || (size_t)n >= call->size ||
        weft__call_look(fd, POLLRDHUP) & (POLLRDHUP | POLLHUP | POLLERR))
        return n;
    return -EAGAIN;
}

static ssize_t peek_all(struct weft__fd *entry, int fd, struct weft__call *call)
{
    call->attempt = try_peek_all;
    call->choosy = true;
    ssize_t n = weft__call_run(entry, fd, call);
    return n == -EAGAIN ? try_recv(fd, call) : n;
}

/* After a part: whether to go on. An error is for the next call to report. */
static bool go_on(struct weft__fd *entry, int fd, struct weft__call *call)
{
    call->begun = true;
    if (!weft__call_waits(entry, fd, call))
        return false;
    int found = weft__call_await(entry, fd, call, POLLIN);
    return found > 0 && !(found & POLLERR);
}

/* MSG_WAITALL on a stream. */
static ssize_t receive_all(struct weft__fd *entry, int fd, struct weft__call *call)
{
    char *buf = call->buf;
    size_t done = 0, size = call->size;
    call->attempt = try_recv;
    call->flags &= ~MSG_WAITALL; /* the kernel does not with MSG_DONTWAIT */
    for (;;) {
        ssize_t n = weft__call_run(entry, fd, call);
        if (n <= 0)
            return done ? (ssize_t)done : n;
        done += (size_t)n;
        if (done >= size || !go_on(entry, fd, call))
            return (ssize_t)done;
        call->buf = buf + done;
        call->size = size - done;
    }
}

WEFT__INTERPOSE ssize_t recvfrom(int fd, void *buf, size_t size, int flags,
                                 struct sockaddr *address, socklen_t *address_size)
{
    WEFT__STAYS;
    struct weft__fd *entry = flags & IMMEDIATE ? NULL : weft__call_entry(fd);
    if (!entry)
        return weft__real_recvfrom(fd, buf, size, flags, address, address_size);
    struct weft__call call = { .attempt = try_recv,
                               .what = "recv",
                               .side = WEFT__READ,
                               .wanted = flags == 0 ? size : 0,
                               .buf = buf,
                               .size = size,
                               .flags = flags,
                               .address = address,
                               .address_size = address_size };
    uint32_t kind = weft__load(&entry->flags, relaxed);
    ssize_t n;
    if (!(flags & MSG_WAITALL) || !(kind & WEFT__FD_STREAM))
        n = weft__call_run(entry, fd, &call);
    else if (!(flags & MSG_PEEK))
        n = receive_all(entry, fd, &call);
    else if (kind & WEFT__FD_TCP)
        n = peek_all(entry, fd, &call);
    else
        n = weft__call_run(entry, fd, &call);
    return weft__call_result(n);
}

WEFT__INTERPOSE ssize_t recv(int fd, void *buf, size_t size, int flags)
{
    return recvfrom(fd, buf, size, flags, NULL, NULL);
}

/* Descriptors that come may have numbers of others, whose end nobody has seen. */
static ssize_t receive_message(int fd, struct msghdr *message, int flags)
{
    ssize_t n = weft__real_recvmsg(fd, message, flags);
    if (n >= 0 && weft__hook_task())
        weft__fd_renew_received(message);
    return n;
}

static int receive_messages(int fd, struct mmsghdr *messages, unsigned count, int flags,
                            struct timespec *timeout)
{
    int n = weft__real_recvmmsg(fd, messages, count, flags, timeout);
    for (int i = 0; i < n && weft__hook_task(); i++)
        weft__fd_renew_received(&messages[i].msg_hdr);
    return n;
}

static ssize_t try_recvmsg(int fd, const struct weft__call *call)
{
    return weft__call_or_errno(receive_message(fd, call->buf, flags_for(call)));
}

/* What is left of the vectors after `done` bytes, each by itself. */
static ssize_t receive_rest(struct weft__fd *entry, int fd, struct weft__call *call,
                            const struct msghdr *message, size_t done)
{
    size_t sum = done;
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        const struct iovec *iov = &message->msg_iov[i];
        if (done >= iov->iov_len) {
            done -= iov->iov_len;
            continue;
        }
        call->buf = (char *)iov->iov_base + done;
        call->size = iov->iov_len - done;
        if (!go_on(entry, fd, call))
            break;
        ssize_t n = receive_all(entry, fd, call);
        sum += n > 0 ? (size_t)n : 0;
        if (n < (ssize_t)(iov->iov_len - done))
            break;
        done = 0;
    }
    return (ssize_t)sum;
}

WEFT__INTERPOSE ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    WEFT__STAYS;
    struct weft__fd *entry = flags & IMMEDIATE ? NULL : weft__call_entry(fd);
    if (!entry)
        return receive_message(fd, message, flags);
    struct weft__call call = { .attempt = try_recvmsg,
                               .what = "recvmsg",
                               .side = WEFT__READ,
                               .buf = message,
                               .flags = flags };
    /* With ancillary data the kernel, too, may stop where such data begins. */
    bool all = flags & MSG_WAITALL && !(flags & MSG_PEEK) && !message->msg_control &&
               weft__load(&entry->flags, relaxed) & WEFT__FD_STREAM;
    size_t size = all ? weft__vector_size(message->msg_iov, message->msg_iovlen) : 0;
    ssize_t n = weft__call_run(entry, fd, &call);
    if (all && n > 0 && (size_t)n < size)
        n = receive_rest(entry, fd, &call, message, (size_t)n);
    return weft__call_result(n);
}

static ssize_t try_recvmmsg(int fd, const struct weft__call *call)
{
    return weft__call_or_errno(
        receive_messages(fd, call->buf, (unsigned)call->size, flags_for(call), NULL));
}

/* As in the kernel, the timeout is looked at after messages and ends no wait. */
static ssize_t receive_many(struct weft__fd *entry, int fd, struct weft__call *call, int64_t end)
{
    struct mmsghdr *messages = call->buf;
    size_t done = 0, count = call->size;
    bool one = call->flags & MSG_WAITFORONE;
    call->flags &= ~MSG_WAITFORONE;
    for (;;) {
        ssize_t n = weft__call_run(entry, fd, call);
        if (n < 0)
            return done ? (ssize_t)done : n;
        done += (size_t)n;
        call->asked = false; /* CALL-3 */
        if (done >= count || one || weft_now() >= end || !go_on(entry, fd, call))
            return (ssize_t)done;
        call->buf = messages + done;
        call->size = count - done;
    }
}

WEFT__INTERPOSE int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                             struct timespec *timeout)
{
    WEFT__STAYS;
    struct weft__fd *entry = flags & IMMEDIATE ? NULL : weft__call_entry(fd);
    int64_t end = WEFT_NEVER;
    if (!entry || count == 0 || (timeout && !weft__duration_valid(timeout)))
        return receive_messages(fd, messages, count, flags, timeout);
    if (timeout)
        end = weft__duration_end(timeout);
    struct weft__call call = { .attempt = try_recvmmsg,
                               .what = "recvmmsg",
                               .side = WEFT__READ,
                               .buf = messages,
                               .size = count,
                               .flags = flags };
    ssize_t n = receive_many(entry, fd, &call, end);
    if (timeout && n > 0)
        weft__duration_left(end, timeout);
    return (int)weft__call_result(n);
}

/* What _FORTIFY_SOURCE makes of them: it is libc that ends the process. */
WEFT__INTERPOSE ssize_t __recv_chk(int fd, void *buf, size_t size, size_t room, int flags)
{
    if (size > room)
        return weft__real___recv_chk(fd, buf, size, room, flags);
    return recv(fd, buf, size, flags);
}

WEFT__INTERPOSE ssize_t __recvfrom_chk(int fd, void *buf, size_t size, size_t room, int flags,
                                       struct sockaddr *address, socklen_t *address_size)
{
    if (size > room)
        return weft__real___recvfrom_chk(fd, buf, size, room, flags, address, address_size);
    return recvfrom(fd, buf, size, flags, address, address_size);
}
