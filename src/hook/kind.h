/* kind.h - what a descriptor is, as far as waiting for it is concerned.
 *
 * Nothing here, or elsewhere in src/hook but connect.c, changes a descriptor's
 * mode: its file description may be shared with other processes. So O_NONBLOCK is
 * always what the program has set, and libc's fcntl() and ioctl() tell the truth.
 *
 * A kind is found out on first use, or known from the call that made the
 * descriptor, and forgotten with the number (close.c). Where one was closed
 * behind our back an attempt says so (ENOTSOCK, EOPNOTSUPP), and the kind is
 * found out again. */
#ifndef WEFT_HOOK_KIND_H
#define WEFT_HOOK_KIND_H

#include "io/fd.h"

/* The entry, with valid flags; NULL: let libc do what it does with this number. */
struct weft__fd *weft__kind_find(struct weft__fd *entry, int fd);

static inline struct weft__fd *weft__kind_get(int fd)
{
    struct weft__fd *entry = weft__fd_entry(fd);
    /* acquire: pairs with the release in weft__fd_mark() */
    if (weft__likely(entry && weft__load(&entry->flags, acquire) & WEFT__FD_KNOWN))
        return entry;
    return weft__kind_find(entry, fd);
}

/* Flags of new descriptors. */
uint32_t weft__kind_of_socket(int domain, int type, int protocol);
#define WEFT__KIND_PIPE (WEFT__FD_KNOWN | WEFT__FD_EDGES | WEFT__KIND_NOWAIT)
#define WEFT__KIND_NOWAIT ((uint32_t)WEFT__FD_NOWAIT_READ | WEFT__FD_NOWAIT_WRITE)

#endif
