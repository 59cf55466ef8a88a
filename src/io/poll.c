#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "io/fd.h"
#include "io/operation.h"
#include "os/error.h"
#include "sched/worker.h"
#include "task/scope.h"
#include "weft/io.h"
#include "weft/time.h"

#define FEW 8 /* descriptors for which the stack has room */

#define READS (POLLIN | POLLPRI | POLLRDHUP | POLLRDNORM | POLLRDBAND)
#define WRITES (POLLOUT | POLLWRNORM | POLLWRBAND)

/* One descriptor's part in a wait: a node per direction. */
struct watch {
    struct weft__fd *entry;
    uint32_t generation;
    uint32_t edge[2];
    struct weft__fd_node node[2];
};

static bool wants(const struct pollfd *pfd, int side)
{
    bool writes = pfd->events & WRITES;
    return side == WEFT__WRITE ? writes : pfd->events & READS || !writes;
}

/* A signal's handler may have run instead of the look. */
static int ready_now(struct pollfd *fds, nfds_t count)
{
    int rc;
    do {
        rc = poll(fds, count, 0);
    } while (rc < 0 && weft__error() == EINTR);
    return rc < 0 ? -weft__error() : rc;
}

/* What is ready now. The edges are read first, so that what comes after this
 * look is seen by enlist() (EDGE-2). */
static int look(struct pollfd *fds, nfds_t count, struct watch *watches)
{
    int error = 0;
    for (nfds_t i = 0; i < count; i++) {
        struct watch *watch = &watches[i];
        int rc = 0;
        watch->entry = fds[i].fd < 0 ? NULL : weft__fd_get(fds[i].fd, &rc);
        if (!watch->entry) { /* poll(2) says what is wrong with it, */
            error = rc ? rc : error;
            continue;
        }
        watch->generation = weft__load(&watch->entry->generation, acquire);
        for (int side = 0; side < 2; side++)
            watch->edge[side] = weft__load(&watch->entry->edge[side], acquire);
    }
    int ready = ready_now(fds, count);
    return ready ? ready : error; /* if not, it cannot be waited for */
}

static void delist(struct watch *watches, nfds_t count)
{
    for (nfds_t i = 0; i < count; i++) {
        for (int side = 0; watches[i].entry && side < 2; side++)
            weft__fd_delist(watches[i].entry, &watches[i].node[side]);
    }
}

static void prepare(struct watch *watches, nfds_t count, struct weft__waiter *waiter,
                    uint64_t ticket)
{
    for (nfds_t i = 0; i < count; i++) {
        for (int side = 0; side < 2; side++) {
            watches[i].node[side] = (struct weft__fd_node){ .waiter = waiter, .ticket = ticket };
            weft__list_init(&watches[i].node[side].link);
        }
    }
}

/* -EAGAIN: something has happened already. */
static int enlist(struct pollfd *fds, nfds_t count, struct watch *watches)
{
    for (nfds_t i = 0; i < count; i++) {
        for (int side = 0; watches[i].entry && side < 2; side++) {
            if (!wants(&fds[i], side))
                continue;
            int rc = weft__fd_enlist(watches[i].entry, fds[i].fd, side, watches[i].edge[side],
                                     watches[i].generation, &watches[i].node[side]);
            if (rc == -EPERM)
                continue; /* poll(2) has found it not ready for this, and that stays so */
            if (rc)
                return rc == -EBADF ? -EAGAIN : rc; /* report() will say so */
        }
    }
    return 0;
}

static int wait_once(struct pollfd *fds, nfds_t count, struct watch *watches,
                     struct weft__waiter *waiter)
{
    uint64_t ticket = weft__wait_begin(waiter, "poll", (uint64_t)fds[0].fd);
    prepare(watches, count, waiter, ticket);
    int rc = enlist(fds, count, watches);
    if (rc) {
        delist(watches, count);
        weft__wait_drop(waiter, ticket);
        return rc == -EAGAIN ? 0 : rc;
    }
    weft__outside(1);
    struct weft__ended ended = weft__scope_park(waiter, WEFT_NEVER);
    weft__outside(-1);
    delist(watches, count);
    return ended.reason == WEFT__EVENT ? 0 : weft__scope_error(waiter, ended);
}

static int wait_alone(struct pollfd *fds, nfds_t count, struct weft__waiter *waiter)
{
    for (;;) {
        int rc = poll(fds, count, weft__operation_slice(waiter));
        if (rc > 0 || (rc < 0 && weft__error() != EINTR))
            return rc < 0 ? -weft__error() : rc;
        rc = weft__checkpoint(waiter);
        if (rc)
            return rc;
    }
}

/* Whether a descriptor has been closed since the look. */
static bool closed(const struct watch *watch)
{
    return watch->entry && weft__load(&watch->entry->generation, acquire) != watch->generation;
}

/* Says so of those that have been closed, whatever file has their number by now, and
 * what else is ready. Returns how many there are to report. */
static int report(struct pollfd *fds, nfds_t count, const struct watch *watches)
{
    int found = 0;
    for (nfds_t i = 0; i < count; i++)
        found += closed(&watches[i]);
    if (found == 0)
        return 0;
    int rc = ready_now(fds, count);
    if (rc < 0)
        return rc;
    found = 0;
    for (nfds_t i = 0; i < count; i++) {
        if (closed(&watches[i]))
            fds[i].revents = POLLNVAL;
        found += fds[i].revents != 0;
    }
    return found;
}

static int poll_with(struct pollfd *fds, nfds_t count, struct watch *watches,
                     struct weft__waiter *waiter)
{
    for (;;) {
        int rc = look(fds, count, watches);
        if (rc)
            return rc;
        if (weft__unlikely(!weft__load(&weft__rt.running, relaxed)))
            return wait_alone(fds, count, waiter);
        rc = wait_once(fds, count, watches, waiter);
        if (rc == 0)
            rc = report(fds, count, watches);
        if (rc)
            return rc;
    }
}

static int poll_as(struct weft__waiter *waiter, struct pollfd *fds, nfds_t count)
{
    int rc = weft__checkpoint(waiter);
    if (rc)
        return rc;
    if (!weft__load(&weft__rt.running, relaxed))
        return wait_alone(fds, count, waiter);
    struct watch few[FEW], *watches = few;
    if (count > FEW && !(watches = calloc(count, sizeof *watches)))
        return -ENOMEM;
    rc = poll_with(fds, count, watches, waiter);
    if (watches != few)
        free(watches);
    return rc;
}

/* Nobody's part: what it does with errno is right in virtual threads only (scripts/check-errno). */
WEFT_NOINLINE int weft_poll(struct pollfd *fds, nfds_t count)
{
    if (count == 0)
        return -EINVAL;
    struct weft__waiter *waiter = weft__waiter_self();
    if (!waiter)
        return -ENOMEM;
    if (!weft__waiter_is_virtual(waiter))
        return poll_as(waiter, fds, count);
    int kept = errno; /* VT-8 */
    int rc = poll_as(waiter, fds, count);
    errno = kept;
    return rc;
}

void weft__poll_firmly(struct pollfd *fds, unsigned count)
{
    int kept = weft__error();
    if (weft_poll(fds, count) < 0)
        poll(fds, count, -1);
    weft__error_set(kept);
}
