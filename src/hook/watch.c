#include "hook/watch.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "hook/park.h"
#include "io/fd.h"
#include "task/scope.h"
#include "weft/time.h"

#define FEW 8 /* descriptors for which the stack has room */

/* One descriptor's part: a node per direction. */
struct part {
    struct weft__fd *entry; /* NULL: the look says what there is to say */
    uint32_t generation;
    uint32_t edge[2];
    struct weft__fd_node node[2];
};

static bool wants(short events, int side)
{
    bool writes = events & (POLLOUT | POLLWRNORM | POLLWRBAND);
    return side == WEFT__WRITE ? writes : !writes || events & ~(POLLOUT | POLLWRNORM | POLLWRBAND);
}

/* Before the look, so that what comes after it counts: EDGE-2. */
static void read_edges(const struct pollfd *fds, nfds_t count, struct part *parts)
{
    for (nfds_t i = 0; i < count; i++) {
        struct weft__fd *entry = fds[i].fd < 0 ? NULL : weft__fd_entry(fds[i].fd);
        parts[i].entry = entry;
        if (!entry)
            continue;
        parts[i].generation = weft__load(&entry->generation, acquire);
        for (int side = 0; side < 2; side++)
            parts[i].edge[side] = weft__fd_edge(entry, side);
    }
}

static void prepare(struct part *parts, nfds_t count, struct weft__waiter *waiter, uint64_t ticket)
{
    for (nfds_t i = 0; i < count; i++) {
        for (int side = 0; side < 2; side++) {
            parts[i].node[side] = (struct weft__fd_node){ .waiter = waiter, .ticket = ticket };
            weft__list_init(&parts[i].node[side].link);
        }
    }
}

/* Whether nobody has closed it since the edges were read. */
static bool is_the_same(const struct part *part)
{
    return weft__load(&part->entry->generation, acquire) == part->generation;
}

/* Returns 0, -EAGAIN (something has happened already), or an error. What epoll does
 * not take makes no events: as it looks now it will stay. */
static int enlist(const struct pollfd *fds, nfds_t count, struct part *parts)
{
    for (nfds_t i = 0; i < count; i++) {
        for (int side = 0; parts[i].entry && side < 2; side++) {
            if (!wants(fds[i].events, side))
                continue;
            int rc = weft__fd_enlist(parts[i].entry, fds[i].fd, side, parts[i].edge[side],
                                     parts[i].generation, &parts[i].node[side]);
            /* The poller says EBADF, and nobody has closed it: select() passes over a number
             * beyond the kernel's table, poll() will say so. */
            if (rc && rc != -EPERM)
                return rc == -EBADF && !is_the_same(&parts[i]) ? -EAGAIN : rc;
        }
    }
    return 0;
}

static void delist(const struct pollfd *fds, struct part *parts, nfds_t count)
{
    for (nfds_t i = 0; i < count; i++) {
        for (int side = 0; parts[i].entry && side < 2; side++) {
            if (wants(fds[i].events, side))
                weft__fd_delist(parts[i].entry, &parts[i].node[side]);
        }
    }
}

static bool all_are_the_same(const struct part *parts, nfds_t count)
{
    for (nfds_t i = 0; i < count; i++) {
        if (parts[i].entry && !is_the_same(&parts[i]))
            return false;
    }
    return true;
}

static int wait_once(const struct pollfd *fds, nfds_t count, struct part *parts,
                     struct weft__waiter *waiter, const char *what)
{
    uint64_t ticket = weft__wait_begin(waiter, what, count ? (uint64_t)fds[0].fd : 0);
    prepare(parts, count, waiter, ticket);
    int rc = enlist(fds, count, parts);
    if (rc) {
        delist(fds, parts, count);
        weft__wait_drop(waiter, ticket);
        return rc == -EAGAIN ? 0 : -ENOBUFS;
    }
    weft__outside(1);
    struct weft__ended ended = weft__scope_park(waiter, WEFT_NEVER);
    weft__outside(-1);
    delist(fds, parts, count);
    return ended.reason == WEFT__EVENT ? 0 : weft__scope_error(waiter, ended);
}

static int watch(struct pollfd *fds, nfds_t count, struct part *parts, weft__watch_look *look,
                 void *arg, const char *what)
{
    struct weft__waiter *waiter = weft__waiter_self();
    for (;;) {
        read_edges(fds, count, parts);
        int rc = look(arg, fds);
        if (rc == 0)
            rc = weft__checkpoint(waiter);
        if (rc)
            return rc;
        rc = wait_once(fds, count, parts, waiter, what);
        if (rc == -EINTR && weft__signals_restart(weft__signals_handled()))
            rc = 0; /* nothing is due after all */
        if (rc)
            return rc;
    }
}

int weft__watch(const struct pollfd *fds, nfds_t count, weft__watch_look *look, void *arg,
                int64_t deadline, const char *what)
{
    struct part few[FEW], *parts = few;
    struct pollfd copy[FEW], *own = copy;
    size_t size = count * (sizeof *parts + sizeof *own);
    if (count > FEW) { /* not malloc(): a signal handler may wait */
        parts = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (parts == MAP_FAILED)
            return -ENOBUFS;
        own = (struct pollfd *)(void *)(parts + count);
    }
    if (count)
        memcpy(own, fds, count * sizeof *own);
    struct weft__hook_wait wait;
    weft_scope scope;
    weft__cancel_point();
    weft__hook_begin(&wait);
    weft_scope_enter(&scope, deadline);
    int rc = watch(own, count, parts, look, arg, what);
    if (weft_scope_leave(&scope) && rc == -ETIMEDOUT)
        rc = all_are_the_same(parts, count) ? look(arg, own) : 0; /* CALL-6 */
    if (parts != few)
        munmap(parts, size);
    weft__hook_end(&wait);
    if (rc == -EINTR)
        weft__cancel_point();
    return rc;
}
