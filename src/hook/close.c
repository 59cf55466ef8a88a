/* Where numbers end: what is known of them goes first, and what has been found out while
 * libc was at it goes after (EDGE-6). In any thread, but not in a forked child, whose copy
 * of the pollers' descriptors is the parent's. The library's own descriptors are not open,
 * as far as the program can tell by closing them. */
#include "hook/close.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hook/fork.h"
#include "hook/mode.h"
#include "hook/real.h"
#include "hook/signals.h"
#include "io/fd.h"
#include "os/private_fd.h"
#include "weft/io.h"

/* Returns what closed() needs. */
static uint32_t forget(int fd)
{
    int error = errno;
    uint32_t generation = fd >= 0 && !weft__hook_forked ? weft__fd_forget(fd) : 0;
    errno = error;
    return generation;
}

/* The number is nobody's, or another's by now. */
static void closed(int fd, uint32_t generation)
{
    int error = errno;
    if (fd >= 0 && !weft__hook_forked && weft__fd_refresh(fd, generation))
        weft__mode_changed();
    errno = error;
}

/* The number is another file's: a mode that is remembered may be the old one's. */
static void replaced(int fd, uint32_t generation)
{
    closed(fd, generation);
    weft__mode_changed();
}

/* Whether dup2() of it will do something. */
static bool is_open(int fd)
{
    int error = errno;
    bool yes = weft__real_fcntl(fd, F_GETFD) >= 0;
    errno = error;
    return yes;
}

static int number_of(FILE *file)
{
    int error = errno;
    int fd = fileno(file);
    errno = error; /* there are streams in memory */
    return fd;
}

WEFT__INTERPOSE int close(int fd)
{
    struct weft__fd *entry = weft__hook_forked ? NULL : weft__fd_find(fd);
    if (weft__private_fd(fd)) {
        errno = EBADF;
        return -1;
    }
    if (!entry)
        return weft__real_close(fd);
    int error = errno, rc;
    if (!weft__load(&entry->flags, acquire)) {
        uint32_t generation = forget(fd);
        rc = weft__real_close(fd);
        closed(fd, generation); /* somebody may just be finding it out */
        return rc;
    }
    weft__signals_hold(); /* it may last, under the entry's lock: SIG-7 */
    rc = weft_close(fd);
    weft__signals_unhold();
    errno = rc ? -rc : error;
    return rc ? -1 : 0;
}

/* Around the library's own. */
static int close_between(unsigned first, unsigned last, int flags)
{
    for (unsigned fd = first; fd <= last && fd < WEFT__PRIVATE_FDS; fd++) {
        if (!weft__private_fd((int)fd))
            continue;
        int rc = fd > first ? weft__real_close_range(first, fd - 1, flags) : 0;
        if (rc)
            return rc;
        first = fd + 1;
    }
    return first <= last ? weft__real_close_range(first, last, flags) : 0;
}

static void range_closed(unsigned first, unsigned last)
{
    int error = errno;
    if (weft__fd_refresh_range(first, last))
        weft__mode_changed();
    errno = error;
}

/* Closing what the kernel would refuse closes nothing: such calls are passed on. */
WEFT__INTERPOSE int close_range(unsigned first, unsigned last, int flags)
{
    if (first > last || flags & ~CLOSE_RANGE_UNSHARE || weft__hook_forked)
        return weft__real_close_range(first, last, flags);
    weft__fd_forget_range(first, last);
    int rc = close_between(first, last, flags);
    range_closed(first, last);
    return rc;
}

WEFT__INTERPOSE void closefrom(int first)
{
    unsigned from = first > 0 ? (unsigned)first : 0;
    if (!weft__hook_forked)
        weft__fd_forget_range(from, ~0u);
    if (weft__hook_forked || close_between(from, ~0u, 0) != 0) /* before Linux 5.9 */
        weft__real_closefrom(first);
    if (!weft__hook_forked)
        range_closed(from, ~0u);
}

/* A number that cannot be had: the kernel says so of one that is being opened. */
static bool taken(int to)
{
    if (!weft__private_fd(to))
        return false;
    errno = EBUSY;
    return true;
}

WEFT__INTERPOSE int dup2(int fd, int to)
{
    if (taken(to))
        return -1;
    if (fd == to)
        return weft__real_dup2(fd, to);
    uint32_t generation = is_open(fd) ? forget(to) : 0;
    int rc = weft__real_dup2(fd, to);
    if (rc >= 0)
        replaced(to, generation);
    return rc;
}

WEFT__INTERPOSE int dup3(int fd, int to, int flags)
{
    if (taken(to))
        return -1;
    if (fd == to || flags & ~O_CLOEXEC)
        return weft__real_dup3(fd, to, flags);
    uint32_t generation = is_open(fd) ? forget(to) : 0;
    int rc = weft__real_dup3(fd, to, flags);
    if (rc >= 0)
        replaced(to, generation);
    return rc;
}

static int close_stream(int (*real)(FILE *), FILE *file)
{
    int fd = number_of(file);
    uint32_t generation = forget(fd);
    int rc = real(file);
    closed(fd, generation);
    return rc;
}

WEFT__INTERPOSE int fclose(FILE *file)
{
    return close_stream(weft__real_fclose, file);
}

WEFT__INTERPOSE int pclose(FILE *file)
{
    return close_stream(weft__real_pclose, file);
}

/* The stream's new file need not have its old number. */
static FILE *reopen(FILE *(*real)(const char *, const char *, FILE *), const char *path,
                    const char *mode, FILE *file)
{
    int fd = number_of(file);
    uint32_t generation = forget(fd);
    FILE *again = real(path, mode, file);
    replaced(fd, generation);
    return again;
}

WEFT__INTERPOSE FILE *freopen(const char *path, const char *mode, FILE *file)
{
    return reopen(weft__real_freopen, path, mode, file);
}

WEFT__INTERPOSE FILE *freopen64(const char *path, const char *mode, FILE *file)
{
    return reopen(weft__real_freopen64, path, mode, file);
}

/* A queue's number is a descriptor. */
WEFT__INTERPOSE int mq_close(mqd_t queue)
{
    uint32_t generation = forget(queue);
    int rc = weft__real_mq_close(queue);
    closed(queue, generation);
    return rc;
}

/* One that fdopendir() was given may have been used otherwise before. */
WEFT__INTERPOSE int closedir(DIR *dir)
{
    DIR *volatile given = dir; /* libc takes NULL, whatever its header promises */
    int fd = given ? dirfd(given) : -1;
    uint32_t generation = forget(fd);
    int rc = weft__real_closedir(given);
    closed(fd, generation);
    return rc;
}

WEFT__INTERPOSE int __close(int fd)
{
    return close(fd);
}

WEFT__INTERPOSE int __dup2(int fd, int to)
{
    return dup2(fd, to);
}

bool weft__close_by_number(long number, const long arguments[], long *ret_result)
{
    switch (number) {
    case SYS_close:
        *ret_result = close((int)arguments[0]);
        return true;
    case SYS_close_range:
        *ret_result =
            close_range((unsigned)arguments[0], (unsigned)arguments[1], (int)arguments[2]);
        return true;
#ifdef SYS_dup2
    case SYS_dup2:
        *ret_result = dup2((int)arguments[0], (int)arguments[1]);
        return true;
#endif
    case SYS_dup3:
        *ret_result = dup3((int)arguments[0], (int)arguments[1], (int)arguments[2]);
        return true;
    default:
        return false;
    }
}
