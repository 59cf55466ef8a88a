/* Descriptors as select's cases. Readiness is a state that stays until somebody reads or
 * writes: it is asked for by poll(2) when an edge says that it may be there. */
#include <errno.h>
#include <poll.h>
#include <stddef.h>

#include "io/fd.h"
#include "sched/worker.h"
#include "sync/case.h"

/* What a case keeps in its memory. */
struct watch {
    struct weft__fd_node node;
    struct weft__fd *entry;
    uint32_t begun;      /* what weft__case_begin() sets to 0: */
    uint32_t generation; /* of the first attempt, which the call is about */
    uint32_t edge;
};

_Static_assert(offsetof(struct watch, begun) == offsetof(struct weft__wait_node, number) &&
                   offsetof(struct weft__channel_node, wait) == 0,
               "weft__case_begin() is for all kinds");

_Static_assert(sizeof(struct watch) <= sizeof((weft_case *)0)->weft__private,
               "a case has room for its node");

static struct watch *watch_of(weft_case *item)
{
    return (struct watch *)(void *)item->weft__private;
}

static enum weft__side side_of(const weft_case *item)
{
    return item->weft__kind == WEFT__CASE_READABLE ? WEFT__READ : WEFT__WRITE;
}

/* Whether it is ready; an error of the descriptor is ready, too. */
static bool ask(const weft_case *item, int *ret_result)
{
    struct pollfd pfd = { .fd = (int)item->weft__number,
                          .events = side_of(item) == WEFT__READ ? POLLIN | POLLRDHUP : POLLOUT };
    int rc = poll(&pfd, 1, 0);
    *ret_result = rc < 0 ? -errno : pfd.revents & POLLNVAL ? -EBADF : 0;
    return rc > 0 || (rc < 0 && *ret_result != -EINTR);
}

static int look(weft_case *item)
{
    struct watch *watch = watch_of(item);
    watch->entry = weft__fd_get((int)item->weft__number, &item->result);
    if (!watch->entry)
        return 0; /* that is its result */
    uint32_t generation = weft__load(&watch->entry->generation, acquire);
    if (watch->begun && watch->generation != generation) {
        item->result = -EBADF;
        return 0;
    }
    watch->begun = true;
    watch->generation = generation;
    watch->edge = weft__fd_edge(watch->entry, side_of(item)); /* EDGE-2: before the attempt */
    if (!(watch->edge & WEFT__FD_READY))
        return -EAGAIN;
    if (ask(item, &item->result))
        return 0;
    if (weft__load(&watch->entry->flags, relaxed) & WEFT__FD_REGISTERED)
        weft__fd_exhaust(watch->entry, side_of(item), watch->edge);
    return -EAGAIN;
}

static int attempt(weft_case *item)
{
    int kept = errno; /* VT-8 */
    int rc = look(item);
    errno = kept;
    return rc;
}

static int enlist(weft_case *item, struct weft__waiter *waiter, uint64_t ticket)
{
    struct watch *watch = watch_of(item);
    if (!weft__load(&weft__rt.running, acquire))
        return -EPERM;
    watch->node = (struct weft__fd_node){ .waiter = waiter, .ticket = ticket };
    weft__list_init(&watch->node.link);
    int kept = errno;
    int rc = weft__fd_enlist(watch->entry, (int)item->weft__number, side_of(item), watch->edge,
                             watch->generation, &watch->node);
    errno = kept;
    if (rc == 0)
        weft__outside(1);
    return rc == -EBADF || rc == -EPERM ? -EAGAIN : rc; /* the next attempt will say so */
}

static bool delist(weft_case *item)
{
    weft__outside(-1);
    weft__fd_delist(watch_of(item)->entry, &watch_of(item)->node);
    return false;
}

const struct weft__case_kind weft__case_descriptor = { attempt, enlist, delist };
