/* Callbacks of a strand that are about descriptors: each is a task that polls. */
#include <errno.h>
#include <poll.h>

#include "sync/strand.h"
#include "task/spawn.h"
#include "weft/io.h"
#include "weft/scope.h"

struct watch {
    void (*fn)(void *arg);
    void *arg;
    int fd;
    short events;
};

_Static_assert(sizeof(struct watch) + sizeof(struct weft__strand *) <= WEFT__ARGS_INLINE,
               "no other memory");

/* Whoever has the baton may cancel it while it stands in line: looked at last. */
static int await_ready(const struct watch *watch)
{
    struct pollfd pfd = { .fd = watch->fd, .events = watch->events };
    int rc = weft_poll(&pfd, 1);
    if (rc < 0)
        return rc;
    return pfd.revents & POLLNVAL ? -EBADF : weft_checkpoint();
}

static int watch(void *args)
{
    const struct watch *watch = args;
    int rc;
    while ((rc = await_ready(watch)) == 0) {
        rc = weft__strand_invoke(watch->fn, watch->arg);
        if (rc == 0)
            rc = weft_yield(); /* who is always ready lets the others have their turn */
        if (rc)
            break;
    }
    return rc;
}

int weft_strand_watch_at(const char *site, weft_strand *strand, int fd, short events,
                         void (*fn)(void *arg), void *arg, weft_task **ret_task)
{
    if (fd < 0)
        return -EBADF; /* poll(2) would ignore it, for ever */
    weft_attr attr = { .strand = strand };
    struct watch args = { .fn = fn, .arg = arg, .fd = fd, .events = events };
    struct weft__request request = {
        .site = site,
        .attr = &attr,
        .fn = watch,
        .args = &args,
        .size = sizeof args,
        .callback = true,
    };
    return weft__spawn(&request, ret_task);
}
