#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/annotate.h"
#include "base/assert.h"
#include "os/private_fd.h"
#include "reactor/poller.h"

/* The wake descriptor's key; descriptors' keys have 31 significant low bits. */
#define WAKE_KEY UINT64_MAX
#define RING_KEY (UINT64_MAX - 1)

/* Readable is all that it becomes. Edge-triggered: for the wake descriptor, so that the counter
 * never has to be read: each write is a new edge, and 2^64 - 2 wakes do not happen. */
static int watch(struct weft__poller *poller, int fd, uint64_t key)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = key };
    return epoll_ctl(poller->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

int weft__poller_init(struct weft__poller *poller)
{
    memset(poller, 0, sizeof *poller);
    poller->wake_fd = -1;
    poller->epoll_fd = weft__private_fd_take(epoll_create1(EPOLL_CLOEXEC));
    if (poller->epoll_fd < 0)
        return -errno;
    poller->wake_fd = weft__private_fd_take(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    int rc = poller->wake_fd < 0 ? -errno : watch(poller, poller->wake_fd, WAKE_KEY);
    if (rc)
        weft__poller_finish(poller);
    return rc;
}

void weft__poller_finish(struct weft__poller *poller)
{
    if (poller->wake_fd >= 0)
        weft__private_fd_close(poller->wake_fd);
    if (poller->epoll_fd >= 0)
        weft__private_fd_close(poller->epoll_fd);
    poller->wake_fd = poller->epoll_fd = -1;
}

int weft__poller_add(struct weft__poller *poller, int fd, uint64_t key)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                 .data.u64 = key };
    if (epoll_ctl(poller->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
        return 0;
    if (errno != EEXIST)
        return -errno;
    /* The number was closed behind our back and its file lives on elsewhere. */
    return epoll_ctl(poller->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0 ? 0 : -errno;
}

int weft__poller_add_ring(struct weft__poller *poller, int fd)
{
    return watch(poller, fd, RING_KEY);
}

void weft__poller_remove(struct weft__poller *poller, int fd)
{
    struct epoll_event event = { 0 }; /* kernels before 2.6.9 wanted one */
    epoll_ctl(poller->epoll_fd, EPOLL_CTL_DEL, fd, &event);
}

/* Not by libc's functions: those are cancellation points, and a virtual thread whose
 * cancellation is pending would leave the scheduler by unwinding. ThreadSanitizer, which
 * has no virtual threads, runs signal handlers only in calls that it knows. */
#ifdef WEFT__TSAN
static long wait_precisely(struct weft__poller *poller, const struct timespec *time)
{
    return epoll_pwait2(poller->epoll_fd, poller->raw, WEFT__POLLER_EVENTS, time, NULL);
}

static long wait_coarsely(struct weft__poller *poller, int ms)
{
    return epoll_wait(poller->epoll_fd, poller->raw, WEFT__POLLER_EVENTS, ms);
}
#else
static long wait_precisely(struct weft__poller *poller, const struct timespec *time)
{
    return syscall(SYS_epoll_pwait2, poller->epoll_fd, poller->raw, WEFT__POLLER_EVENTS, time, NULL,
                   (size_t)0);
}

static long wait_coarsely(struct weft__poller *poller, int ms)
{
    return syscall(SYS_epoll_pwait, poller->epoll_fd, poller->raw, WEFT__POLLER_EVENTS, ms, NULL,
                   (size_t)0);
}
#endif

static int wait_kernel(struct weft__poller *poller, int64_t timeout)
{
    if (!poller->coarse && timeout > 0) {
        struct timespec relative = { timeout / 1000000000, timeout % 1000000000 };
        long n = wait_precisely(poller, &relative);
        if (n >= 0 || errno != ENOSYS) /* Linux 5.11 */
            return n < 0 ? -errno : (int)n;
        poller->coarse = true;
    }
    int64_t ms = timeout <= 0 ? timeout : (timeout + 999999) / 1000000;
    long n = wait_coarsely(poller, ms > INT_MAX ? INT_MAX : (int)(ms < 0 ? -1 : ms));
    return n < 0 ? -errno : (int)n;
}

int weft__poller_wait(struct weft__poller *poller, int64_t timeout)
{
    int kept = errno; /* of whoever runs on this thread */
    int n = wait_kernel(poller, timeout);
    errno = kept;
    WEFT_CHECK(n >= 0 || n == -EINTR);
    return n < 0 ? 0 : n;
}

struct weft__event weft__poller_event(const struct weft__poller *poller, int i)
{
    const struct epoll_event *raw = &poller->raw[i];
    struct weft__event event = { raw->data.u64, 0 };
    if (event.key == WAKE_KEY)
        return event;
    if (event.key == RING_KEY) {
        event.what = WEFT__EVENT_RING;
        return event;
    }
    if (raw->events & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        event.what |= WEFT__EVENT_HANGUP;
    if (raw->events & (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        event.what |= WEFT__EVENT_READ;
    if (raw->events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        event.what |= WEFT__EVENT_WRITE;
    return event;
}

void weft__poller_wake(struct weft__poller *poller)
{
    uint64_t one = 1;
    syscall(SYS_write, poller->wake_fd, &one, sizeof one); /* the counter does not fill up */
}
