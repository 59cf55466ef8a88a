/* epoll_wait() and its like. An epoll descriptor is itself pollable, and its events
 * tell all: whatever enters its empty ready list makes one. */
#include <sys/epoll.h>

#include "hook/call.h"
#include "hook/deadline.h"
#include "hook/real.h"
#include "hook/signals.h"
#include "hook/turn.h"

static ssize_t look(int fd, const struct weft__call *call)
{
    ssize_t n = weft__real_epoll_wait(fd, call->buf, (int)call->size, 0);
    return n ? weft__call_or_errno(n) : -EAGAIN;
}

/* One of many waits; whoever is served lets the next have a look. */
static ssize_t wait_in_turn(struct weft__fd *entry, int fd, struct weft__call *call)
{
    struct weft__turn turn;
    uint32_t generation = weft__load(&entry->generation, acquire);
    ssize_t rc = weft__turn_take(&turn, fd, call->deadline, "epoll");
    if (rc == 0) {
        rc = weft__call_run(entry, fd, call);
        weft__turn_leave(&turn);
    } else if (rc == -EAGAIN && weft__load(&entry->generation, acquire) == generation) {
        /* CALL-6 */
        rc = look(fd, call);
    }
    return rc;
}

static int wait_until(struct weft__fd *entry, int fd, struct epoll_event *events, int room,
                      int64_t deadline)
{
    struct weft__call call = { .attempt = look,
                               .what = "epoll",
                               .side = WEFT__READ,
                               .asked = true,
                               .deadline = deadline,
                               .buf = events,
                               .size = (size_t)room };
    ssize_t rc = look(fd, &call);
    if (rc == -EAGAIN) { /* so it is one */
        if (!(weft__load(&entry->flags, relaxed) & WEFT__FD_EDGES))
            weft__fd_mark(entry, WEFT__FD_EDGES, WEFT__KIND_NOWAIT);
        rc = wait_in_turn(entry, fd, &call);
    }
    return rc == -EAGAIN ? 0 : (int)weft__call_result(rc);
}

WEFT__INTERPOSE int epoll_pwait2(int fd, struct epoll_event *events, int room,
                                 const struct timespec *timeout, const sigset_t *mask)
{
    WEFT__STAYS;
    struct weft__fd *entry = weft__call_entry(fd);
    bool look_only = timeout && timeout->tv_sec == 0 && timeout->tv_nsec == 0;
    sigset_t kernels;
    if (!entry || room <= 0 || look_only || (timeout && !weft__duration_valid(timeout)))
        return weft__real_epoll_pwait2(fd, events, room, timeout,
                                       weft__signals_for_kernel(mask, &kernels));
    weft__signals_mask_begin(mask);
    int n = wait_until(entry, fd, events, room, timeout ? weft__duration_end(timeout) : WEFT_NEVER);
    weft__signals_mask_end(mask, n < 0 && errno == EINTR);
    return n;
}

WEFT__INTERPOSE int epoll_pwait(int fd, struct epoll_event *events, int room, int timeout,
                                const sigset_t *mask)
{
    WEFT__STAYS;
    struct weft__fd *entry = weft__call_entry(fd);
    sigset_t kernels;
    if (!entry || room <= 0 || timeout == 0)
        return weft__real_epoll_pwait(fd, events, room, timeout,
                                      weft__signals_for_kernel(mask, &kernels));
    weft__signals_mask_begin(mask);
    int n = wait_until(entry, fd, events, room,
                       timeout < 0 ? WEFT_NEVER : weft_now() + WEFT_MS(timeout));
    weft__signals_mask_end(mask, n < 0 && errno == EINTR);
    return n;
}

WEFT__INTERPOSE int epoll_wait(int fd, struct epoll_event *events, int room, int timeout)
{
    return epoll_pwait(fd, events, room, timeout, NULL);
}
