/* Sending. */
#include "hook/call.h"
#include "hook/real.h"
#include "hook/signals.h"
#include "hook/write.h"

static int flags_for(const struct weft__call *call)
{
    return call->flags | (call->plain ? 0 : MSG_DONTWAIT);
}

static ssize_t try_sendto(int fd, const struct weft__call *call)
{
    return weft__call_or_errno(weft__real_sendto(fd, call->buf, call->size, flags_for(call),
                                                 call->address,
                                                 call->address ? *call->address_size : 0));
}

/* MSG_FASTOPEN connects: the carrier waits. */
static struct weft__fd *entry_for(int fd, int flags)
{
    return flags & (MSG_DONTWAIT | MSG_FASTOPEN) ? NULL : weft__call_entry(fd);
}

/* Once libc's own function has sent in the name of a task. */
static ssize_t after(ssize_t result, int flags)
{
    if (weft__unlikely(result < 0) && errno == EPIPE && !(flags & MSG_NOSIGNAL) &&
        weft__hook_task())
        weft__signals_pipe();
    return result;
}

WEFT__INTERPOSE ssize_t send(int fd, const void *buf, size_t size, int flags)
{
    WEFT__STAYS;
    struct weft__fd *entry = entry_for(fd, flags);
    if (!entry || !(weft__load(&entry->flags, relaxed) & WEFT__FD_SOCKET))
        return after(weft__real_send(fd, buf, size, flags), flags);
    struct weft__call call = { .what = "send",
                               .side = WEFT__WRITE,
                               .buf = (void *)(uintptr_t)buf,
                               .size = size,
                               .flags = flags };
    return weft__call_result(weft__write_buffer(entry, fd, &call));
}

WEFT__INTERPOSE ssize_t sendto(int fd, const void *buf, size_t size, int flags,
                               const struct sockaddr *address, socklen_t address_size)
{
    WEFT__STAYS;
    if (!address)
        return send(fd, buf, size, flags);
    struct weft__fd *entry = entry_for(fd, flags);
    if (!entry)
        return after(weft__real_sendto(fd, buf, size, flags, address, address_size), flags);
    struct weft__call call = { .attempt = try_sendto,
                               .what = "sendto",
                               .side = WEFT__WRITE,
                               .buf = (void *)(uintptr_t)buf,
                               .size = size,
                               .flags = flags,
                               .address = (struct sockaddr *)(uintptr_t)address,
                               .address_size = &address_size };
    ssize_t n = weft__write_signal(weft__call_run(entry, fd, &call), flags);
    if (n > 0 && (size_t)n < size && call.kind & WEFT__FD_STREAM) {
        struct iovec iov = { (void *)(uintptr_t)buf, size };
        n = weft__write_rest(entry, fd, &call, &iov, 1, (size_t)n);
    }
    return weft__call_result(n);
}

static ssize_t try_sendmsg(int fd, const struct weft__call *call)
{
    return weft__call_or_errno(weft__real_sendmsg(fd, call->buf, flags_for(call)));
}

/* A whole message. Ancillary data goes with its first byte. */
static ssize_t send_message(struct weft__fd *entry, int fd, const struct msghdr *message, int flags,
                            bool begun)
{
    struct weft__call call = { .attempt = try_sendmsg,
                               .what = "sendmsg",
                               .side = WEFT__WRITE,
                               .begun = begun,
                               .buf = (void *)(uintptr_t)message,
                               .flags = flags };
    ssize_t n = weft__write_signal(weft__call_run(entry, fd, &call), flags);
    if (n > 0 && call.kind & WEFT__FD_STREAM)
        n = weft__write_rest(entry, fd, &call, message->msg_iov, message->msg_iovlen, (size_t)n);
    return n;
}

WEFT__INTERPOSE ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    WEFT__STAYS;
    struct weft__fd *entry = entry_for(fd, flags);
    if (!entry)
        return after(weft__real_sendmsg(fd, message, flags), flags);
    return weft__call_result(send_message(entry, fd, message, flags, false));
}

static ssize_t try_sendmmsg(int fd, const struct weft__call *call)
{
    return weft__call_or_errno(
        weft__real_sendmmsg(fd, call->buf, (unsigned)call->size, flags_for(call)));
}

/* Datagrams: as many at once as the kernel takes. */
static ssize_t send_datagrams(struct weft__fd *entry, int fd, struct mmsghdr *messages,
                              unsigned count, int flags)
{
    struct weft__call call = {
        .attempt = try_sendmmsg, .what = "sendmmsg", .side = WEFT__WRITE, .flags = flags
    };
    unsigned done = 0;
    do {
        call.buf = messages + done;
        call.size = count - done;
        ssize_t n = weft__write_signal(weft__call_run(entry, fd, &call), flags);
        if (n <= 0)
            return done ? (ssize_t)done : n;
        done += (unsigned)n;
        call.begun = true;
        call.asked = false; /* CALL-3 */
    } while (done < count && weft__call_waits(entry, fd, &call));
    return done;
}

static ssize_t send_messages(struct weft__fd *entry, int fd, struct mmsghdr *messages,
                             unsigned count, int flags)
{
    for (unsigned i = 0; i < count; i++) {
        ssize_t n = send_message(entry, fd, &messages[i].msg_hdr, flags, i > 0);
        if (n < 0)
            return i ? (ssize_t)i : n;
        messages[i].msg_len = (unsigned)n;
        if ((size_t)n <
            weft__vector_size(messages[i].msg_hdr.msg_iov, messages[i].msg_hdr.msg_iovlen))
            return (ssize_t)i + 1;
    }
    return count;
}

WEFT__INTERPOSE int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    WEFT__STAYS;
    struct weft__fd *entry = entry_for(fd, flags);
    if (!entry || count == 0)
        return (int)after(weft__real_sendmmsg(fd, messages, count, flags), flags);
    bool stream = weft__load(&entry->flags, relaxed) & WEFT__FD_STREAM;
    count = count < UIO_MAXIOV ? count : UIO_MAXIOV; /* as the kernel does */
    return (int)weft__call_result(
        (stream ? send_messages : send_datagrams)(entry, fd, messages, count, flags));
}

WEFT__INTERPOSE ssize_t __send(int fd, const void *buf, size_t size, int flags)
{
    return send(fd, buf, size, flags);
}
