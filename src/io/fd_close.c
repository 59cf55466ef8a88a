/* Where the number of a file ends, or what is known of it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/fd.h"
#include "sched/enter.h"
#include "sched/poll.h"
#include "sched/worker.h"
#include "weft/io.h"

/* All who wait for it try again; `event`: for a reason that the kernel does not tell. The seat
 * comes before the lock, as it does for events: a rescuer that polls for this worker holds the
 * one and wants the other. */
static void wake_both(struct weft__fd *entry, bool event)
{
    struct weft_task *self = weft__self();
    struct weft__worker *worker = weft__enter_here(self);
    weft__lock_acquire(&entry->lock);
    if (event)
        weft__fd_count(entry);
    weft__fd_wake(entry, WEFT__READ, false);
    weft__fd_wake(entry, WEFT__WRITE, false);
    weft__lock_release(&entry->lock);
    if (worker)
        weft__leave(self);
}

void weft__fd_stir(int fd)
{
    struct weft__fd *entry = weft__fd_find(fd);
    if (entry)
        wake_both(entry, true);
}

/* Under the lock. A duplicate may keep the file open. */
static void unregister(struct weft__fd *entry, int fd)
{
    if (weft__load(&entry->flags, relaxed) & WEFT__FD_REGISTERED)
        weft__poller_remove(&weft__rt.worker[entry->worker].poller, fd);
}

uint32_t weft__fd_forget(int fd)
{
    struct weft__fd *entry = weft__fd_find(fd);
    if (!entry)
        return 0;
    if (!weft__load(&entry->flags, acquire))
        return weft__load(&entry->generation, relaxed);
    weft__lock_acquire(&entry->lock);
    unregister(entry, fd);
    weft__fd_reset(entry);
    uint32_t generation = weft__load(&entry->generation, relaxed);
    weft__lock_release(&entry->lock);
    wake_both(entry, false); /* a waiter for the next file of this number just tries again */
    return generation;
}

bool weft__fd_refresh(int fd, uint32_t generation)
{
    struct weft__fd *entry = weft__fd_find(fd);
    if (!entry)
        return false;
    weft__lock_acquire(&entry->lock);
    uint32_t flags = weft__load(&entry->flags, relaxed);
    if (weft__load(&entry->generation, relaxed) == generation) {
        unregister(entry, fd);
        weft__store(&entry->flags, 0, relaxed);
        weft__fd_count(entry);
    } else {
        flags = 0;
    }
    weft__lock_release(&entry->lock);
    if (flags)
        wake_both(entry, false);
    return flags;
}

/* Whether any has returned true. */
static bool each_in(unsigned first, unsigned last, bool (*fn)(int fd))
{
    bool any = false;
    while (first <= last && first < WEFT__FDS) {
        unsigned end = (first / WEFT__FD_PAGE + 1) * WEFT__FD_PAGE; /* of its page */
        bool known = weft__fd_find((int)first) != NULL;
        for (unsigned fd = first; known && fd < end && fd <= last; fd++)
            any |= fn((int)fd);
        first = end;
    }
    return any;
}

static bool forget(int fd)
{
    weft__fd_forget(fd);
    return true;
}

void weft__fd_forget_range(unsigned first, unsigned last)
{
    each_in(first, last, forget);
}

/* Whatever it is by now. */
static bool refresh(int fd)
{
    return weft__fd_refresh(fd, weft__load(&weft__fd_find(fd)->generation, relaxed));
}

bool weft__fd_refresh_range(unsigned first, unsigned last)
{
    return each_in(first, last, refresh);
}

/* Whether to close the last reference to the file may take a while: the number is free by then,
 * and its next user must not find the entry locked. Under the lock. */
static bool may_block(struct weft__fd *entry, int fd)
{
    uint32_t flags = weft__load(&entry->flags, relaxed);
    if (!(flags & WEFT__FD_SOCKET))
        return !(flags & WEFT__FD_FILE);
    struct linger linger = { 0 };
    socklen_t size = sizeof linger;
    return getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size) == 0 && linger.l_onoff &&
           linger.l_linger;
}

static int close_now(int fd)
{
    return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

int weft_close(int fd)
{
    struct weft__fd *entry = weft__fd_find(fd);
    if (!entry)
        return close(fd) < 0 ? -errno : 0;
    weft__lock_acquire(&entry->lock);
    int last = may_block(entry, fd) ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    unregister(entry, fd);
    weft__fd_reset(entry);
    /* Inside the lock: nobody must set the old file up again in between. */
    int rc = close_now(fd);
    weft__fd_count(entry); /* EDGE-6: what is being found out is the old file's */
    weft__lock_release(&entry->lock);
    wake_both(entry, false);
    int late = last < 0 ? 0 : close_now(last);
    return rc ? rc : late;
}
