/* Moving data between descriptors. Pipes take a flag for not waiting, the other
 * ends do not: those are asked first, and given no more than they have room for. */
#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>

#include "hook/call.h"
#include "hook/real.h"
#include "hook/signals.h"
#include "hook/write.h"
#include "os/error.h"

/* A socket is writable when a third of its buffer is free. */
static size_t room_of(int fd)
{
    int size = 0;
    socklen_t length = sizeof size;
    getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length);
    return size > 16384 ? (size_t)size / 4 : 4096;
}

/* All of it goes, as in the kernel, unless the file ends. */
static ssize_t send_file(struct weft__fd *entry, int out, int in, off_t *offset, size_t count)
{
    struct weft__call call = { .what = "sendfile", .side = WEFT__WRITE };
    size_t done = 0;
    while (done < count) {
        int found = weft__call_await(entry, out, &call, POLLOUT);
        if (found < 0)
            return done ? (ssize_t)done : found;
        if (done && found & (POLLERR | POLLHUP))
            break; /* for the next call to report */
        size_t part = count - done, room = room_of(out);
        ssize_t n =
            weft__call_or_errno(weft__real_sendfile(out, in, offset, part < room ? part : room));
        if (n <= 0)
            return done ? (ssize_t)done : weft__write_signal(n, 0);
        done += (size_t)n;
        call.begun = true;
    }
    return (ssize_t)done;
}

/* errno is what it was before, or says why. */
static ssize_t report(ssize_t result, int kept)
{
    weft__error_set(kept);
    return weft__call_result(result);
}

WEFT__INTERPOSE ssize_t sendfile(int out, int in, off_t *offset, size_t count)
{
    WEFT__STAYS;
    struct weft__fd *entry = weft__call_entry(out);
    struct weft__call call = { .side = WEFT__WRITE };
    bool socket = entry && weft__load(&entry->flags, relaxed) & WEFT__FD_SOCKET;
    if (!socket || count == 0 || !weft__call_waits(entry, out, &call)) {
        ssize_t n = weft__call_or_errno(weft__real_sendfile(out, in, offset, count));
        return weft__call_result(weft__hook_task() ? weft__write_signal(n, 0) : n);
    }
    int kept = weft__error();
    return report(send_file(entry, out, in, offset, count), kept);
}

WEFT__INTERPOSE ssize_t sendfile64(int out, int in, off64_t *offset, size_t count)
{
    WEFT__STAYS;
    return sendfile(out, in, offset, count);
}

/* Waits until both ends are ready at once. 0, -EAGAIN or -errno. */
static int await_both(int in, int out)
{
    struct weft__fd *source = weft__call_entry(in), *sink = weft__call_entry(out);
    struct weft__call read = { .what = "splice", .side = WEFT__READ };
    struct weft__call write = { .what = "splice", .side = WEFT__WRITE };
    for (;;) {
        int rc = source ? weft__call_await(source, in, &read, POLLIN) : 0;
        if (rc >= 0 && sink)
            rc = weft__call_await(sink, out, &write, POLLOUT);
        if (rc < 0)
            return rc;
        if (!source || weft__call_look(in, POLLIN))
            return 0;
    }
}

static bool is_pipe(int fd)
{
    struct weft__fd *entry = weft__call_entry(fd);
    return entry && (weft__load(&entry->flags, relaxed) & (WEFT__FD_EDGES | WEFT__FD_SOCKET)) ==
                        WEFT__FD_EDGES;
}

/* One end is a pipe, else the call is wrong. */
static bool waits(int in, int out, unsigned flags)
{
    return !(flags & SPLICE_F_NONBLOCK) && weft__hook_task() && (is_pipe(in) || is_pipe(out));
}

/* Whether the flag keeps the kernel from waiting: so a wrong call fails at once. An end that
 * is no pipe must be ready first. */
static bool flag_suffices(int in, int out)
{
    return is_pipe(in) && (is_pipe(out) || weft__call_look(out, POLLOUT));
}

WEFT__INTERPOSE ssize_t splice(int in, off64_t *in_at, int out, off64_t *out_at, size_t size,
                               unsigned flags)
{
    WEFT__STAYS;
    int kept = weft__error();
    bool wrong = (in_at && is_pipe(in)) || (out_at && is_pipe(out)); /* ESPIPE */
    if (wrong || !waits(in, out, flags) || size == 0)
        return weft__real_splice(in, in_at, out, out_at, size, flags);
    for (bool first = flag_suffices(in, out);; first = false) {
        int rc = first ? 0 : await_both(in, out);
        if (rc < 0)
            return report(rc, kept);
        ssize_t n = weft__call_or_errno(
            weft__real_splice(in, in_at, out, out_at, size, flags | SPLICE_F_NONBLOCK));
        if (n != -EAGAIN)
            return report(weft__write_signal(n, 0), kept);
    }
}

WEFT__INTERPOSE ssize_t tee(int in, int out, size_t size, unsigned flags)
{
    WEFT__STAYS;
    int kept = weft__error();
    if (!waits(in, out, flags) || size == 0)
        return weft__real_tee(in, out, size, flags);
    for (bool first = true;; first = false) {
        int rc = first ? 0 : await_both(in, out);
        if (rc < 0)
            return report(rc, kept);
        ssize_t n = weft__call_or_errno(weft__real_tee(in, out, size, flags | SPLICE_F_NONBLOCK));
        if (n != -EAGAIN)
            return report(weft__write_signal(n, 0), kept);
    }
}
