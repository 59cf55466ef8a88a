#include "io/operation.h"

#include <errno.h>
#include <poll.h>

#include "os/error.h"
#include "sched/spend.h"
#include "task/scope.h"
#include "time/clock.h"
#include "weft/time.h"

#define ALONE_SLICE 20 /* ms until a cancellation is seen */

/* Between attempts where no event tells when to try again. */
#define UNTOLD_FIRST WEFT_MS(1)
#define UNTOLD_LAST WEFT_MS(64)

int weft__operation_slice(struct weft__waiter *waiter)
{
    if (!waiter->scope)
        return -1;
    int64_t deadline = weft__scope_deadline(waiter), now = weft__clock_now();
    if (deadline > now + WEFT_MS(ALONE_SLICE)) /* or never */
        return ALONE_SLICE;
    return deadline > now ? (int)((deadline - now + 999999) / 1000000) : 0;
}

/* A plain thread in a process that has no runtime: the kernel does it all. */
static int wait_alone(int fd, enum weft__side side, struct weft__waiter *waiter)
{
    struct pollfd pfd = { .fd = fd, .events = side == WEFT__READ ? POLLIN : POLLOUT };
    int rc = poll(&pfd, 1, weft__operation_slice(waiter));
    if (rc < 0 && weft__error() != EINTR)
        return -weft__error();
    return rc == 0 ? weft__checkpoint(waiter) : 0;
}

void weft__operation_spend(void)
{
    struct weft_task *self = weft__self();
    if (self)
        weft__spend(&self->waiter);
}

/* Whether the attempt has shown that there is nothing left, and whatever comes
 * will make an event: EDGE-2, EDGE-4. */
static bool exhausted(struct weft__fd *entry, const struct weft__operation *operation,
                      ssize_t result)
{
    uint32_t flags = weft__load(&entry->flags, relaxed); /* HANGUP comes with an event: EDGE-2 */
    if (result == -EAGAIN)
        return flags & WEFT__FD_REGISTERED && !operation->aside && !operation->untold;
    if (result <= 0 || (size_t)result >= operation->wanted)
        return false;
    return (flags & (WEFT__FD_TCP | WEFT__FD_REGISTERED | WEFT__FD_HANGUP)) ==
           (WEFT__FD_TCP | WEFT__FD_REGISTERED);
}

/* Waits until trying again makes sense. */
static int await(struct weft__fd *entry, int fd, struct weft__operation *operation, uint32_t edge,
                 struct weft__waiter *waiter, int64_t *delay)
{
    if (weft__unlikely(operation->untold)) {
        int64_t now = *delay;
        *delay = 2 * now < UNTOLD_LAST ? 2 * now : UNTOLD_LAST;
        operation->untold = false;
        return weft_sleep(now);
    }
    if (weft__unlikely(!weft__load(&weft__rt.running, relaxed)))
        return wait_alone(fd, operation->side, waiter);
    int rc = weft__fd_wait(entry, fd, operation->side, edge, operation->generation, waiter,
                           operation->what);
    if (weft__unlikely(weft__load(&entry->flags, relaxed) & WEFT__FD_NO_EVENTS) && rc == 0)
        rc = weft_sleep(WEFT_MS(1)); /* it gives EAGAIN, and nothing tells when it will not */
    return rc;
}

static ssize_t operate(int fd, struct weft__operation *operation, struct weft__waiter *waiter)
{
    int64_t delay = UNTOLD_FIRST;
    int rc = weft__checkpoint(waiter);
    if (weft__unlikely(rc))
        return rc;
    struct weft__fd *entry = weft__fd_get(fd, &rc);
    if (weft__unlikely(!entry))
        return rc;
    if (!operation->begun) {
        operation->begun = true;
        operation->generation = weft__load(&entry->generation, acquire);
    }
    weft__operation_spend();
    uint32_t kind = weft__load(&entry->flags, relaxed); /* these are constant */
    operation->socket = kind & WEFT__FD_SOCKET;
    operation->regular = kind & WEFT__FD_REGULAR;
    _Atomic(uint32_t) *state = &entry->edge[operation->side];
    for (;;) {
        if (weft__unlikely(weft__load(&entry->generation, acquire) != operation->generation))
            return -EBADF;
        uint32_t edge = weft__load(state, acquire); /* EDGE-2: before the attempt */
        /* Who does not wait may never let the poller have its turn. */
        if (edge & WEFT__FD_READY || operation->no_wait) {
            ssize_t result = operation->attempt(fd, operation);
            if (result == -EINTR)
                continue;
            if (exhausted(entry, operation, result)) {
                uint32_t now = edge;
                weft__cas(state, &now, edge & ~WEFT__FD_READY, acq_rel, relaxed);
            }
            if (result != -EAGAIN)
                return result;
        }
        if (operation->no_wait)
            return -EAGAIN;
        rc = await(entry, fd, operation, edge, waiter, &delay);
        if (rc)
            return rc;
    }
}

static int look(int fd, struct weft__operation *operation, struct weft__waiter *waiter)
{
    struct pollfd pfd = { .fd = fd, .events = operation->side == WEFT__READ ? POLLIN : POLLOUT };
    int64_t delay = UNTOLD_FIRST;
    int rc;
    struct weft__fd *entry = weft__fd_get(fd, &rc);
    for (;;) {
        if (!entry || weft__load(&entry->generation, acquire) != operation->generation)
            return -EBADF;
        uint32_t edge = weft__fd_edge(entry, operation->side); /* EDGE-2: before the look */
        rc = poll(&pfd, 1, 0);
        if (rc > 0)
            return pfd.revents;
        rc = await(entry, fd, operation, edge, waiter, &delay);
        if (rc)
            return rc;
    }
}

int weft__operation_await(int fd, struct weft__operation *operation)
{
    int kept = weft__error(); /* VT-8 */
    int found = look(fd, operation, weft__waiter_self());
    weft__error_set(kept);
    return found;
}

ssize_t weft__operate(int fd, struct weft__operation *operation)
{
    struct weft__waiter *waiter = weft__waiter_self();
    if (weft__unlikely(!waiter))
        return -ENOMEM;
    if (weft__likely(!weft__waiter_is_virtual(waiter)))
        return operate(fd, operation, waiter);
    int kept = errno; /* VT-8 */
    ssize_t result = operate(fd, operation, waiter);
    errno = kept;
    return result;
}
