/* Connecting, and shutting down. connect() is the one call for which a description's mode is
 * changed, since there is no flag. Before it nobody else has a use for the socket. */
#include <fcntl.h>
#include <poll.h>

#include "hook/call.h"
#include "hook/fork.h"
#include "hook/real.h"
#include "os/error.h"

/* -EINPROGRESS or -EALREADY: it goes on in the kernel. */
static int begin(int fd, const struct sockaddr *address, socklen_t size)
{
    int flags = weft__real_fcntl(fd, F_GETFL);
    if (weft__real_fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    int rc = (int)weft__call_or_errno(weft__real_connect(fd, address, size));
    weft__real_fcntl(fd, F_SETFL, flags);
    return rc;
}

WEFT__INTERPOSE int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    WEFT__STAYS;
    struct weft__fd *entry = weft__call_entry(fd);
    struct weft__call call = { .what = "connect", .side = WEFT__WRITE };
    int kept = weft__error();
    /* Datagrams do not wait for anybody. */
    if (!entry || !(weft__load(&entry->flags, relaxed) & WEFT__FD_STREAM) ||
        !weft__call_waits(entry, fd, &call))
        return weft__real_connect(fd, address, size);
    int rc = begin(fd, address, size);
    if (rc == -EAGAIN) /* a unix listener's full queue: no event will tell */
        return weft__real_connect(fd, address, size);
    if (rc == -EINPROGRESS || rc == -EALREADY) {
        int found = weft__call_await(entry, fd, &call, POLLOUT);
        if (found >= 0) /* the second call has the outcome, and does not wait for it */
            rc = found == POLLNVAL
                     ? -EBADF
                     : (int)weft__call_or_errno(weft__real_connect(fd, address, size));
        else if (found != -EAGAIN) /* SO_SNDTIMEO: as it was */
            rc = found;
    }
    weft__error_set(kept); /* begin() has changed it */
    return (int)weft__call_result(rc);
}

WEFT__INTERPOSE int __connect(int fd, const struct sockaddr *address, socklen_t size)
{
    return connect(fd, address, size);
}

/* Of a full unix socket that is shut down for writing the kernel tells epoll nothing. */
WEFT__INTERPOSE int shutdown(int fd, int how)
{
    int rc = weft__real_shutdown(fd, how);
    if (rc == 0 && !weft__hook_forked)
        weft__fd_stir(fd);
    return rc;
}
