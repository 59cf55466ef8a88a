/* File watchers: the calls. The rules are in watcher.h. */
#include "file/watcher.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/operation.h"
#include "weft/blocking.h"
#include "weft/io.h"
#include "weft/scope.h"

static int descriptor(int fd)
{
    if (fd < 0)
        return -errno;
    weft__fd_renew(fd, WEFT__FD_SET_UP);
    return fd;
}

static int open_both(weft_file_watcher *watcher)
{
    watcher->fd = descriptor(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (watcher->fd < 0)
        return watcher->fd;
    watcher->wake = descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (watcher->wake < 0)
        weft_close(watcher->fd);
    return watcher->wake < 0 ? watcher->wake : 0;
}

int weft_file_watcher_create(weft_file_watcher **ret_watcher)
{
    weft_file_watcher *watcher = calloc(1, sizeof *watcher);
    if (!watcher)
        return -ENOMEM;
    int kept = errno, rc = open_both(watcher);
    errno = kept;
    if (rc) {
        free(watcher);
        return rc;
    }
    weft_mutex_init(&watcher->turn, WEFT_MUTEX_PLAIN);
    weft_mutex_init(&watcher->lock, WEFT_MUTEX_PLAIN);
    weft__list_init(&watcher->told);
    weft__list_init(&watcher->watches);
    weft__list_init(&watcher->unused);
    weft__list_init(&watcher->to_look);
    weft__list_init(&watcher->fresh);
    watcher->owner = getpid();
    *ret_watcher = watcher;
    return 0;
}

/* The kernel's part goes with the descriptor. */
void weft_file_watcher_destroy(weft_file_watcher *watcher)
{
    struct weft__list *link;
    if (!watcher)
        return;
    int kept = errno;
    weft_close(watcher->fd);
    weft_close(watcher->wake);
    watcher->fd = -1;
    while ((link = weft__list_first(&watcher->watches)))
        weft__file_watch_drop(watcher, weft__container_of(link, struct weft__file_watch, link));
    weft__file_nodes_sweep(watcher);
    weft__file_untell(watcher, 0);
    free(watcher->nodes.buckets);
    free(watcher->names.buckets);
    free(watcher->buffer);
    free(watcher);
    errno = kept;
}

void weft__file_wake(weft_file_watcher *watcher)
{
    static const uint64_t one = 1;
    syscall(SYS_write, watcher->wake, &one, sizeof one);
}

void weft_file_watcher_close(weft_file_watcher *watcher)
{
    int kept = errno;
    if (watcher->owner == getpid()) {
        weft__store(&watcher->closed, true, seq_cst); /* FILE-5 */
        weft__file_wake(watcher);
    }
    errno = kept;
}

int weft__file_usable(weft_file_watcher *watcher)
{
    if (watcher->owner != getpid())
        return -EPERM;
    return weft__load(&watcher->closed, seq_cst) ? -EPIPE : 0;
}

int weft__file_lock(weft_mutex *mutex)
{
    int rc = weft_checkpoint();
    return rc ? rc : weft_mutex_lock(mutex);
}

WEFT_NOINLINE int weft__file_here(int (*fn)(void *arg), void *arg)
{
    int kept = errno, result = fn(arg);
    errno = kept;
    return result;
}

int weft__file_apart(int (*fn)(void *arg), void *arg, int *ret_result)
{
    const weft_blocking_attr attr = { .kind = weft_blocking_files() };
    int rc = weft_self() ? weft_blocking_with(&attr, fn, arg, ret_result) : -EAGAIN;
    if (rc == -EAGAIN) {
        *ret_result = weft__file_here(fn, arg);
        rc = 0;
    }
    return rc;
}

/* Receiving. */

static int look_at_all(void *arg)
{
    weft_file_watcher *watcher = arg;
    watcher->lost = false;
    weft__file_look_at_all(watcher);
    weft__file_nodes_sweep(watcher);
    weft__file_look_done(watcher);
    return 0;
}

static int consume(void *arg)
{
    weft__file_events_consume(arg, true);
    return 0;
}

static int consume_short(void *arg)
{
    weft__file_events_consume(arg, false);
    return 0;
}

static int tell_lost(weft_file_watcher *watcher, weft_file_event *ret_event)
{
    int ignored, rc = weft__file_apart(look_at_all, watcher, &ignored);
    if (rc == 0)
        *ret_event = (weft_file_event){ .change = WEFT_FILE_LOST };
    return rc;
}

static int go_on(weft_file_watcher *watcher)
{
    int ignored;
    if (weft__file_events_long(watcher))
        return weft__file_apart(consume, watcher, &ignored);
    return weft__file_here(consume_short, watcher);
}

/* Under the lock: 0, -EAGAIN: the kernel has no more, or an error. */
static int obtain(weft_file_watcher *watcher, weft_file_event *ret_event)
{
    int rc;
    do {
        rc = weft__file_usable(watcher);
        if (rc == 0 && weft__file_told(watcher, ret_event) == 0)
            return 0;
        if (rc == 0 && watcher->lost)
            return tell_lost(watcher, ret_event);
        if (rc == 0 && !weft__file_events_left(watcher))
            rc = weft__file_events_read(watcher);
        if (rc == 0)
            rc = go_on(watcher);
    } while (rc == 0);
    return rc;
}

/* Until there is something to look at. */
static int await(weft_file_watcher *watcher)
{
    struct pollfd fds[] = { { .fd = watcher->fd, .events = POLLIN },
                            { .fd = watcher->wake, .events = POLLIN } };
    uint64_t count;
    int rc = weft_poll(fds, 2);
    if (rc > 0 && fds[1].revents)
        syscall(SYS_read, watcher->wake, &count, sizeof count);
    return rc < 0 ? rc : 0;
}

/* In its turn. */
static int receive(weft_file_watcher *watcher, weft_file_event *ret_event)
{
    int rc;
    do {
        rc = weft__file_lock(&watcher->lock);
        if (rc)
            return rc;
        rc = obtain(watcher, ret_event);
        weft_mutex_unlock(&watcher->lock);
        if (rc == -EAGAIN)
            rc = await(watcher);
        else
            return rc;
    } while (rc == 0);
    return rc;
}

int weft_file_watcher_next(weft_file_watcher *watcher, weft_file_event *ret_event)
{
    int rc = watcher->owner == getpid() ? weft__file_lock(&watcher->turn) : -EPERM;
    if (rc == 0) {
        weft__operation_spend();
        rc = receive(watcher, ret_event);
        weft_mutex_unlock(&watcher->turn);
    }
    return rc;
}

void weft_file_event_clear(weft_file_event *event)
{
    free(event->path);
    free(event->from);
    event->path = event->from = NULL;
}
