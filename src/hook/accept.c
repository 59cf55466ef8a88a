/* Accepting. There is no accept() that does not wait on a blocking listener: so it
 * is called when poll(2) has said that there is a connection, by one task at a
 * time. Where another process takes it in between, the carrier waits. */
#include <poll.h>

#include "hook/call.h"
#include "hook/park.h"
#include "hook/real.h"
#include "hook/signals.h"
#include "hook/turn.h"

static bool listens(int fd)
{
    int yes = 0;
    socklen_t size = sizeof yes;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &size) == 0 && yes;
}

/* 0, or -errno. */
static int await_connection(struct weft__fd *entry, int fd, struct weft__call *call)
{
    short found = weft__call_look(fd, POLLIN);
    if (!found && !listens(fd))
        return 0; /* accept() will say so */
    int rc = found ? found : weft__call_await(entry, fd, call, POLLIN);
    return rc < 0 ? rc : rc == POLLNVAL ? -EINVAL : 0; /* CALL-4 */
}

/* Handlers and cancellation have to wait until the turn is another's. */
static int accept_in_turn(struct weft__fd *entry, int fd, struct weft__call *call,
                          struct sockaddr *address, socklen_t *address_size, int flags)
{
    struct weft__turn turn;
    struct weft__hook_wait wait;
    uint32_t generation = weft__load(&entry->generation, acquire);
    weft__hook_begin(&wait);
    int rc = weft__turn_take(&turn, fd, call->deadline, "accept");
    if (rc == 0) {
        if (weft__load(&entry->generation, acquire) != generation)
            rc = -EINVAL; /* CALL-4 */
        else
            rc = await_connection(entry, fd, call);
        if (rc == 0)
            rc = (int)weft__call_or_errno(weft__real_accept4(fd, address, address_size, flags));
        weft__turn_leave(&turn);
    }
    weft__hook_end(&wait);
    return rc;
}

WEFT__INTERPOSE int accept4(int fd, struct sockaddr *address, socklen_t *address_size, int flags)
{
    WEFT__STAYS;
    struct weft__fd *entry = weft__call_entry(fd);
    struct weft__call call = { .what = "accept", .side = WEFT__READ };
    uint32_t kind = entry ? weft__load(&entry->flags, relaxed) : 0;
    if (!(kind & WEFT__FD_SOCKET) || !weft__call_waits(entry, fd, &call))
        return weft__real_accept4(fd, address, address_size, flags);
    uint32_t handled = weft__signals_handled();
    int connection;
    do {
        weft__cancel_point();
        connection = accept_in_turn(entry, fd, &call, address, address_size, flags);
    } while (connection == -EINTR && weft__call_restarts(&call, handled));
    if (connection >= 0)
        weft__fd_renew(connection, kind & (WEFT__FD_KNOWN | WEFT__FD_SOCKET | WEFT__FD_STREAM |
                                           WEFT__FD_TCP | WEFT__FD_EDGES));
    return (int)weft__call_result(connection);
}

WEFT__INTERPOSE int accept(int fd, struct sockaddr *address, socklen_t *address_size)
{
    return accept4(fd, address, address_size, 0);
}
