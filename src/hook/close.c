/* Where numbers end: what is known of them goes first. In any thread, but not in a
 * forked child, whose copy of the pollers' descriptors is the parent's. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "hook/fork.h"
#include "hook/real.h"
#include "io/fd.h"
#include "weft/io.h"

static void forget(int fd)
{
    int error = errno;
    if (fd >= 0 && !weft__hook_forked)
        weft__fd_forget(fd);
    errno = error;
}

WEFT__INTERPOSE int close(int fd)
{
    struct weft__fd *entry = weft__hook_forked ? NULL : weft__fd_entry(fd);
    if (!entry || !weft__load(&entry->flags, acquire))
        return weft__real_close(fd);
    int error = errno, rc = weft_close(fd);
    errno = rc ? -rc : error;
    return rc ? -1 : 0;
}

/* Closing what the kernel would refuse closes nothing: such calls are passed on. */
WEFT__INTERPOSE int close_range(unsigned first, unsigned last, int flags)
{
    if (first <= last && !(flags & ~CLOSE_RANGE_UNSHARE) && !weft__hook_forked)
        weft__fd_forget_range(first, last);
    return weft__real_close_range(first, last, flags);
}

WEFT__INTERPOSE void closefrom(int first)
{
    if (!weft__hook_forked)
        weft__fd_forget_range(first > 0 ? (unsigned)first : 0, ~0u);
    weft__real_closefrom(first);
}

WEFT__INTERPOSE int dup2(int fd, int to)
{
    if (fd != to)
        forget(to);
    return weft__real_dup2(fd, to);
}

WEFT__INTERPOSE int dup3(int fd, int to, int flags)
{
    forget(to);
    return weft__real_dup3(fd, to, flags);
}

WEFT__INTERPOSE int fclose(FILE *file)
{
    forget(fileno(file));
    return weft__real_fclose(file);
}

WEFT__INTERPOSE int pclose(FILE *file)
{
    forget(fileno(file));
    return weft__real_pclose(file);
}

WEFT__INTERPOSE FILE *freopen(const char *path, const char *mode, FILE *file)
{
    forget(fileno(file));
    return weft__real_freopen(path, mode, file);
}

WEFT__INTERPOSE FILE *freopen64(const char *path, const char *mode, FILE *file)
{
    forget(fileno(file));
    return weft__real_freopen64(path, mode, file);
}

WEFT__INTERPOSE int __close(int fd)
{
    return close(fd);
}

WEFT__INTERPOSE int __dup2(int fd, int to)
{
    return dup2(fd, to);
}
