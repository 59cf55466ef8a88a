#include "io/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sched/hooks.h"
#include "sched/monitor.h"
#include "sched/poll.h"
#include "task/scope.h"

#define PAGES (WEFT__FDS / WEFT__FD_PAGE)

/* A registration moves after so many waits in a row on one other worker or
 * another: two system calls, against a cache miss or ten each time. */
#define STRAYS 16

_Static_assert(sizeof(struct weft__fd) == 64, "an entry is a cache line");

static _Atomic(struct weft__fd *) pages[PAGES];

/* NULL: no such page yet, and `make` is false or memory is out. */
static struct weft__fd *entry_of(int fd, bool make)
{
    unsigned page = (unsigned)fd / WEFT__FD_PAGE;
    if (fd < 0 || page >= PAGES)
        return NULL;
    /* acquire: pairs with the publishing exchange below */
    struct weft__fd *entries = weft__load(&pages[page], acquire);
    if (!entries && make) {
        struct weft__fd *fresh = aligned_alloc(sizeof *fresh, WEFT__FD_PAGE * sizeof *fresh);
        if (!fresh)
            return NULL;
        memset(fresh, 0, WEFT__FD_PAGE * sizeof *fresh);
        for (int i = 0; i < WEFT__FD_PAGE; i++) {
            for (int side = 0; side < 2; side++) {
                weft__list_init(&fresh[i].waiters[side]);
                weft__store(&fresh[i].edge[side], WEFT__FD_READY, relaxed);
            }
        }
        if (weft__cas(&pages[page], &entries, fresh, acq_rel, acquire))
            entries = fresh;
        else
            free(fresh);
    }
    return entries ? &entries[(unsigned)fd % WEFT__FD_PAGE] : NULL;
}

static void set_flags(struct weft__fd *entry, uint32_t flags)
{
    /* release: pairs with the acquire in weft__fd_get() */
    weft__store(&entry->flags, weft__load(&entry->flags, relaxed) | flags, release);
}

static uint32_t kind_of(int fd)
{
    int protocol = 0;
    socklen_t size = sizeof protocol;
    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) < 0)
        return 0;
    return WEFT__FD_SOCKET | (protocol == IPPROTO_TCP ? WEFT__FD_TCP : 0);
}

/* Of these O_NONBLOCK says nothing, but io_uring takes it for a wish not to be waited for. */
bool weft__fd_is_regular(int fd)
{
    struct stat file;
    int kept = errno;
    bool is = fstat(fd, &file) == 0 && (S_ISREG(file.st_mode) || S_ISBLK(file.st_mode));
    errno = kept;
    return is;
}

static int find_out(struct weft__fd *entry, int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -errno;
    uint32_t kind = kind_of(fd);
    if (kind == 0 && weft__fd_is_regular(fd))
        kind = WEFT__FD_REGULAR | (flags & O_DIRECT ? WEFT__FD_DIRECT : 0);
    else if (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    set_flags(entry, WEFT__FD_SET_UP | kind);
    return 0;
}

static int set_up(struct weft__fd *entry, int fd)
{
    int kept = errno, rc = find_out(entry, fd); /* that it is no socket is an error, too */
    errno = kept;
    return rc;
}

struct weft__fd *weft__fd_get(int fd, int *ret_error)
{
    struct weft__fd *entry = entry_of(fd, true);
    if (weft__unlikely(!entry)) {
        *ret_error = fd < 0 || (unsigned)fd / WEFT__FD_PAGE >= PAGES ? -EBADF : -ENOMEM;
        return NULL;
    }
    if (weft__likely(weft__load(&entry->flags, acquire) & WEFT__FD_SET_UP))
        return entry;
    weft__lock_acquire(&entry->lock);
    int rc = weft__load(&entry->flags, relaxed) & WEFT__FD_SET_UP ? 0 : set_up(entry, fd);
    weft__lock_release(&entry->lock);
    *ret_error = rc;
    return rc ? NULL : entry;
}

/* EDGE-1. Under the lock. */
static void count_event(struct weft__fd *entry, int side)
{
    uint32_t count = weft__load(&entry->edge[side], relaxed) >> 1;
    weft__store(&entry->edge[side], (count + 1) << 1 | WEFT__FD_READY, release);
}

void weft__fd_count(struct weft__fd *entry)
{
    count_event(entry, WEFT__READ);
    count_event(entry, WEFT__WRITE);
}

void weft__fd_reset(struct weft__fd *entry)
{
    weft__store(&entry->flags, 0, relaxed);
    weft__store(&entry->generation, weft__load(&entry->generation, relaxed) + 1, release);
    weft__fd_count(entry); /* EDGE-2 across files: the count goes on */
}

void weft__fd_renew(int fd, uint32_t flags)
{
    struct weft__fd *entry = entry_of(fd, true);
    if (!entry)
        return; /* weft__fd_get() will report it */
    weft__lock_acquire(&entry->lock);
    weft__fd_reset(entry); /* it may have been closed behind our back */
    set_flags(entry, flags);
    weft__lock_release(&entry->lock);
}

void weft__fd_adopt(int fd, bool tcp)
{
    weft__fd_renew(fd, WEFT__FD_SET_UP | WEFT__FD_SOCKET | (tcp ? WEFT__FD_TCP : 0));
}

struct weft__fd *weft__fd_entry(int fd)
{
    return entry_of(fd, true);
}

struct weft__fd *weft__fd_find(int fd)
{
    return entry_of(fd, false);
}

void weft__fd_mark(struct weft__fd *entry, uint32_t set, uint32_t clear)
{
    weft__lock_acquire(&entry->lock);
    uint32_t flags = weft__load(&entry->flags, relaxed);
    weft__store(&entry->flags, (flags & ~clear) | set, release); /* as set_flags() */
    weft__lock_release(&entry->lock);
}

bool weft__fd_learn(struct weft__fd *entry, uint32_t edge, uint32_t set, uint32_t clear)
{
    weft__lock_acquire(&entry->lock);
    bool current = weft__load(&entry->edge[WEFT__READ], relaxed) >> 1 == edge >> 1;
    uint32_t flags = weft__load(&entry->flags, relaxed);
    if (current)
        weft__store(&entry->flags, (flags & ~clear) | set, release); /* as set_flags() */
    weft__lock_release(&entry->lock);
    return current;
}

static uint64_t key_of(int fd, uint32_t generation)
{
    return (uint64_t)generation << 32 | (uint32_t)fd;
}

static struct weft__worker *worker_here(int fd)
{
    struct weft_task *self = weft__self();
    return self ? self->worker : &weft__rt.worker[(unsigned)fd % weft__rt.workers];
}

static int add_to_poller(struct weft__fd *entry, int fd, uint32_t generation)
{
    struct weft__worker *worker = worker_here(fd);
    int rc = weft__poller_add(&worker->poller, fd, key_of(fd, generation));
    if (rc == 0) {
        entry->worker = (uint16_t)worker->index;
        set_flags(entry, WEFT__FD_REGISTERED);
    } else if (rc == -EPERM) {
        set_flags(entry, WEFT__FD_NO_EVENTS);
    }
    return rc;
}

/* Registers the descriptor, or lets its registration follow its tasks: first the
 * new one, so that nothing is lost in between, and what comes twice does no harm.
 * If that fails the old one stays. */
static int see_to_registration(struct weft__fd *entry, int fd, uint32_t generation)
{
    if (!(weft__load(&entry->flags, relaxed) & WEFT__FD_REGISTERED))
        return add_to_poller(entry, fd, generation);
    unsigned before = entry->worker;
    if (before == worker_here(fd)->index) {
        entry->strays = 0;
    } else if (++entry->strays >= STRAYS) {
        entry->strays = 0;
        if (add_to_poller(entry, fd, generation) == 0)
            weft__poller_remove(&weft__rt.worker[before].poller, fd);
    }
    return 0;
}

int weft__fd_enlist(struct weft__fd *entry, int fd, enum weft__side side, uint32_t edge,
                    uint32_t generation, struct weft__fd_node *node)
{
    int rc = 0;
    weft__lock_acquire(&entry->lock);
    if (weft__load(&entry->generation, relaxed) != generation)
        rc = -EBADF;
    else if (!weft__load(&weft__rt.running, acquire))
        rc = -EAGAIN; /* weft_stop() has gone by, or will find us in the list */
    else
        rc = see_to_registration(entry, fd, generation);
    if (rc == 0 && weft__load(&entry->edge[side], relaxed) >> 1 != edge >> 1)
        rc = -EAGAIN; /* EDGE-3 */
    if (rc == 0) {
        weft__list_append(&entry->waiters[side], &node->link);
        weft__store(&entry->last, node->waiter, relaxed);
    }
    weft__lock_release(&entry->lock);
    return rc;
}

void weft__fd_delist(struct weft__fd *entry, struct weft__fd_node *node)
{
    weft__lock_acquire(&entry->lock);
    weft__list_remove(&node->link);
    weft__lock_release(&entry->lock);
}

void weft__outside(int change)
{
    struct weft_task *self = weft__self();
    if (self)
        weft__bump(&weft__carrier_of(self)->outside, change); /* its thread's own */
    else /* of no interest to the search for deadlocks: it is outside anyway */
        weft__add(&weft__threads_outside, change, relaxed);
}

int weft__fd_wait(struct weft__fd *entry, int fd, enum weft__side side, uint32_t edge,
                  uint32_t generation, struct weft__waiter *waiter, const char *what)
{
    uint64_t ticket = weft__wait_begin(waiter, what, (uint64_t)fd);
    struct weft__fd_node node = { .waiter = waiter, .ticket = ticket };
    weft__list_init(&node.link);
    int rc = weft__fd_enlist(entry, fd, side, edge, generation, &node);
    if (rc) {
        weft__wait_drop(waiter, ticket);
        return rc == -EAGAIN || rc == -EPERM ? 0 : rc;
    }
    weft__outside(1);
    struct weft__ended ended = weft__scope_park(waiter, INT64_MAX);
    weft__outside(-1);
    if (ended.reason != WEFT__EVENT) {
        weft__fd_delist(entry, &node);
        rc = weft__scope_error(waiter, ended);
    }
    return rc || weft__load(&entry->generation, acquire) == generation ? rc : -EBADF;
}

void weft__fd_wake(struct weft__fd *entry, int side, bool queued)
{
    struct weft__list *link;
    while ((link = weft__list_first(&entry->waiters[side]))) {
        struct weft__fd_node *node = weft__container_of(link, struct weft__fd_node, link);
        struct weft__waiter *waiter = node->waiter;
        uint64_t ticket = node->ticket;
        weft__list_remove(link); /* the node is gone once its waiter is fired */
        if (queued)
            weft__wait_fire_queued(waiter, ticket);
        else
            weft__wait_fire(waiter, ticket, WEFT__EVENT);
    }
}

/* Around a reader's node lie the frames through which it will return from
 * weft__suspend() to its caller. */
#define FRAMES_BELOW 256
#define FRAMES_ABOVE 384

static void fetch_waiter(struct weft__fd *entry)
{
    struct weft__waiter *last = weft__load(&entry->last, relaxed);
    if (!last)
        return; /* nobody has waited yet */
    struct weft_task *task = weft__task_of(last);
    __builtin_prefetch(task, 1);
    __builtin_prefetch(&task->context, 1);
#ifndef WEFT__TSAN /* a look without the lock, at an address only */
    uintptr_t node = (uintptr_t)entry->waiters[WEFT__READ].next;
    for (uintptr_t at = node - FRAMES_BELOW; at < node + FRAMES_ABOVE; at += WEFT_CACHE_LINE)
        __builtin_prefetch((void *)at, 1);
#endif
}

/* Events come in batches, each about memory of its own: what they and those whom
 * they wake will touch is fetched ahead, first the entries, then what these name. */
static void expect_event(uint64_t key, int stage)
{
    struct weft__fd *entry = entry_of((int)(uint32_t)key, false);
    if (!entry)
        return;
    if (stage == 0)
        __builtin_prefetch(entry, 1);
    else
        fetch_waiter(entry);
}

static void on_event(uint64_t key, unsigned what)
{
    struct weft__fd *entry = entry_of((int)(uint32_t)key, false);
    if (!entry)
        return;
    weft__lock_acquire(&entry->lock);
    if (weft__load(&entry->generation, relaxed) == key >> 32) { /* EDGE-5 */
        if (what & WEFT__EVENT_HANGUP)
            set_flags(entry, WEFT__FD_HANGUP);
        for (int side = 0; side < 2; side++) {
            if (!(what & (side == WEFT__READ ? WEFT__EVENT_READ : WEFT__EVENT_WRITE)))
                continue;
            count_event(entry, side);
            weft__fd_wake(entry, side, true);
        }
    }
    weft__lock_release(&entry->lock);
}

/* The pollers go: what is still open will be registered anew, and plain threads
 * that wait try again, without the runtime. */
static void forget_poller(struct weft__fd *entry)
{
    uint32_t flags = weft__load(&entry->flags, relaxed);
    weft__store(&entry->flags, flags & ~(WEFT__FD_REGISTERED | WEFT__FD_HANGUP), release);
    for (int side = 0; side < 2; side++) {
        count_event(entry, side);
        weft__fd_wake(entry, side, false);
    }
}

static void forget_pollers(enum weft__hook_event event)
{
    for (int page = 0; event == WEFT__HOOK_STOPPED && page < PAGES; page++) {
        struct weft__fd *entries = weft__load(&pages[page], acquire);
        for (int i = 0; entries && i < WEFT__FD_PAGE; i++) {
            weft__lock_acquire(&entries[i].lock);
            if (weft__load(&entries[i].flags, relaxed) & WEFT__FD_REGISTERED)
                forget_poller(&entries[i]);
            weft__lock_release(&entries[i].lock);
        }
    }
}

__attribute__((constructor)) static void set_hooks(void)
{
    static struct weft__hook hook = { .fn = forget_pollers };
    weft__on_event = on_event;
    weft__expect_event = expect_event;
    weft__hooks_add(&hook);
}
