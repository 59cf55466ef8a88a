#include "hook/call.h"

#include <poll.h>
#include <termios.h>

#include "hook/deadline.h"
#include "hook/mode.h"
#include "hook/park.h"
#include "hook/real.h"
#include "io/operation.h"
#include "os/error.h"
#include "task/scope.h"

short weft__call_look(int fd, short events)
{
    struct pollfd pfd = { .fd = fd, .events = events };
    int error = errno;
    int rc = weft__real_poll(&pfd, 1, 0);
    errno = error;
    return rc > 0 ? pfd.revents : 0;
}

bool weft__call_waits(struct weft__fd *entry, int fd, struct weft__call *call)
{
    if (!call->asked) {
        call->asked = true;
        call->no_wait |= !weft__mode_waits(entry, fd, call->side, &call->deadline);
    }
    return !call->no_wait;
}

/* With a part to report it never does, as with a timeout. */
bool weft__call_restarts(const struct weft__call *call, uint32_t handled)
{
    weft__cancel_point();
    return weft__signals_restart_until(handled, call->begun ? 0 : call->deadline);
}

/* Errors of epoll_ctl(), which no wait ends with. */
static bool refused(int rc)
{
    return rc == -EINVAL || rc == -ELOOP || rc == -ENOSPC || rc == -ENOMEM;
}

#define LOOK_AGAIN WEFT_MS(2)

/* CALL-5, for a light task: others need its carrier (STAY-3); or where poll(2) says what is not
 * enough. Suspends. */
static int wait_a_while(const struct weft__call *call)
{
    struct weft__hook_wait wait;
    int64_t left = call->deadline == WEFT_NEVER ? LOOK_AGAIN : call->deadline - weft_now();
    if (left <= 0)
        return -EAGAIN;
    weft__hook_begin(&wait);
    int rc = weft_sleep(left < LOOK_AGAIN ? left : LOOK_AGAIN);
    weft__hook_end(&wait);
    return rc;
}

/* CALL-5. As park(), but a closing is not noticed. */
static int wait_in_kernel(int fd, const struct weft__call *call)
{
    struct weft__waiter *waiter = weft__waiter_self();
    struct pollfd pfd = { .fd = fd, .events = call->side == WEFT__READ ? POLLIN : POLLOUT };
    for (;;) {
        int left = weft__duration_left_ms(call->deadline);
        int slice = weft__operation_slice(waiter);
        bool last = left >= 0 && (slice < 0 || left <= slice);
        int error = errno;
        int rc = weft__real_poll(&pfd, 1, last ? left : slice);
        rc = rc < 0 ? -errno : rc;
        errno = error;
        if (rc == 0)
            rc = last ? -EAGAIN : weft__checkpoint(waiter);
        if (rc)
            return rc > 0 ? 0 : rc;
    }
}

/* CALL-2. Returns 0 (try again) or -errno. */
static int park(struct weft__fd *entry, int fd, const struct weft__call *call, uint32_t edge,
                uint32_t generation)
{
    struct weft__waiter *waiter = weft__waiter_self();
    struct weft__hook_wait wait;
    weft_scope scope;
    bool limited = call->deadline != WEFT_NEVER;
    uint32_t handled = weft__signals_handled();
    weft__cancel_point();
    weft__hook_begin(&wait);
    if (limited)
        weft_scope_enter(&scope, call->deadline);
    int rc = weft__fd_wait(entry, fd, call->side, edge, generation, waiter, call->what);
    if (limited && weft_scope_leave(&scope) && rc == -ETIMEDOUT)
        rc = -EAGAIN;
    weft__hook_end(&wait);
    if (refused(rc))
        rc = call->choosy || !weft__is_virtual(weft__hook_task()) ? wait_a_while(call)
                                                                  : wait_in_kernel(fd, call);
    return rc == -EINTR && weft__call_restarts(call, handled) ? 0 : rc;
}

/* CALL-4. Otherwise the wait's own error. */
static ssize_t ended(const struct weft__call *call, int rc)
{
    if (rc != -EBADF || !(call->kind & WEFT__FD_SOCKET))
        return rc;
    return call->side == WEFT__READ ? call->closed : -EPIPE;
}

/* Whether the attempt has shown that there is nothing left, and whatever comes
 * will make an event: EDGE-2, EDGE-4. */
static bool exhausted(uint32_t flags, const struct weft__call *call, ssize_t result)
{
    if (!(flags & WEFT__FD_EDGES) || !(flags & WEFT__FD_REGISTERED))
        return false;
    if (result == -EAGAIN)
        return !call->choosy;
    return result > 0 && (size_t)result < call->wanted &&
           (flags & (WEFT__FD_TCP | WEFT__FD_HANGUP)) == WEFT__FD_TCP;
}

static ssize_t attempt(struct weft__fd *entry, int fd, struct weft__call *call, uint32_t edge)
{
    uint32_t nowait = call->side == WEFT__READ ? WEFT__FD_NOWAIT_READ : WEFT__FD_NOWAIT_WRITE;
    ssize_t result;
    for (;;) {
        call->kind = weft__load(&entry->flags, relaxed);
        if (weft__unlikely(!(call->kind & WEFT__FD_KNOWN))) { /* forgotten since: EDGE-6 */
            if (!weft__kind_find(entry, fd))
                return -EBADF;
            continue;
        }
        result = call->attempt(fd, call);
        if (result == -EOPNOTSUPP && call->kind & nowait)
            weft__fd_mark(entry, 0, nowait);
        else if (result != -ENOTSOCK || !(call->kind & WEFT__FD_SOCKET) ||
                 !weft__kind_find(entry, fd))
            break;
    }
    uint32_t flags = weft__load(&entry->flags, relaxed); /* HANGUP comes with an event: EDGE-2 */
    if (exhausted(flags, call, result))
        weft__fd_exhaust(entry, call->side, edge);
    return result;
}

/* A terminal whose read() ends without a byte, after a while, or not with the first. */
static bool counts_or_times(int fd)
{
    struct termios settings;
    int error = errno;
    bool other = tcgetattr(fd, &settings) == 0 && !(settings.c_lflag & ICANON) &&
                 (settings.c_cc[VMIN] != 1 || settings.c_cc[VTIME] != 0);
    errno = error;
    return other;
}

/* Where events do not tell all, poll(2) has the last word, and of such a terminal the
 * kernel: CALL-1. */
static bool never_told(uint32_t kind, int fd, enum weft__side side)
{
    if (kind & WEFT__FD_NO_EVENTS)
        return true;
    if (kind & WEFT__FD_TERMINAL && side == WEFT__READ && counts_or_times(fd))
        return true;
    return !(kind & WEFT__FD_EDGES) && weft__call_look(fd, side == WEFT__READ ? POLLIN : POLLOUT);
}

/* An attempt of a call that does not wait has found nothing. Where it was poll(2) that said
 * so, the kernel has the last word: a FIFO that has had no writer, or a terminal, may be at
 * its end. The description is non-blocking. */
static ssize_t attempt_at_last(struct weft__fd *entry, int fd, struct weft__call *call,
                               uint32_t edge)
{
    uint32_t nowait = call->side == WEFT__READ ? WEFT__FD_NOWAIT_READ : WEFT__FD_NOWAIT_WRITE;
    if (call->kind & (WEFT__FD_SOCKET | nowait))
        return -EAGAIN;
    call->plain = true;
    return attempt(entry, fd, call, edge);
}

static ssize_t run(struct weft__fd *entry, int fd, struct weft__call *call)
{
    int rc = weft__checkpoint(weft__waiter_self());
    if (weft__unlikely(rc))
        return rc;
    weft__hook_spend();
    uint32_t generation = weft__load(&entry->generation, acquire);
    call->kind = weft__load(&entry->flags, relaxed);
    for (;;) {
        uint32_t edge = weft__fd_edge(entry, call->side); /* EDGE-2: before the attempt */
        if (edge & WEFT__FD_READY || !weft__call_waits(entry, fd, call)) {
            ssize_t result = attempt(entry, fd, call, edge);
            if (result != -EAGAIN)
                return result;
            if (!weft__call_waits(entry, fd, call))
                return attempt_at_last(entry, fd, call, edge);
        }
        call->plain = never_told(weft__load(&entry->flags, relaxed), fd, call->side);
        rc = call->plain ? 0 : park(entry, fd, call, edge, generation);
        if (rc == -EAGAIN && weft__load(&entry->generation, acquire) == generation) /* CALL-6 */
            return attempt(entry, fd, call, weft__fd_edge(entry, call->side));
        if (rc)
            return ended(call, rc);
    }
}

ssize_t weft__call_run(struct weft__fd *entry, int fd, struct weft__call *call)
{
    int kept = weft__error(); /* attempts that find nothing change it */
    ssize_t result = run(entry, fd, call);
    weft__error_set(kept);
    return result;
}

int weft__call_await(struct weft__fd *entry, int fd, struct weft__call *call, short events)
{
    uint32_t generation = weft__load(&entry->generation, acquire);
    call->kind = weft__load(&entry->flags, relaxed);
    for (;;) {
        uint32_t edge = weft__fd_edge(entry, call->side);
        short found = weft__call_look(fd, events);
        if (found)
            return found;
        if (!weft__call_waits(entry, fd, call))
            return -EAGAIN;
        int rc = park(entry, fd, call, edge, generation);
        if (rc == -EBADF)
            return POLLNVAL;
        if (rc == -EAGAIN && weft__load(&entry->generation, acquire) == generation) /* CALL-6 */
            found = weft__call_look(fd, events);
        if (rc)
            return found ? found : rc;
        if (weft__load(&entry->flags, relaxed) & WEFT__FD_NO_EVENTS)
            return events;
    }
}
