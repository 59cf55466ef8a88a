/* file_call.h - one call on a file, and who makes it.
 *
 * A call is described once, and then made by whoever can: by the thread that is here, by a
 * thread of the blocking pool while the task is suspended, or by the kernel through the ring.
 *
 * FILE-CALL-1  The description, and all that it points at, is the caller's and stays as it is
 *              until the call is over, whoever makes it: nobody returns before.
 * FILE-CALL-2  A call that returns -ECANCELED or -ETIMEDOUT because of a scope has not begun,
 *              or the kernel has taken it back whole. One that has begun returns its own
 *              outcome, whatever becomes of the scope meanwhile. */
#ifndef WEFT_IO_FILE_CALL_H
#define WEFT_IO_FILE_CALL_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct weft__waiter;

/* What each takes is said beside it; `fd` is that of the file, or of the folder that `path`
 * starts from (may be AT_FDCWD), if nothing else is said. */
enum weft__file_verb {
    WEFT__FILE_READ,       /* fd, buf, size, offset */
    WEFT__FILE_WRITE,      /* fd, buf, size, offset */
    WEFT__FILE_READV,      /* fd, buf (struct iovec), size (how many), offset */
    WEFT__FILE_WRITEV,     /* fd, buf (struct iovec), size (how many), offset */
    WEFT__FILE_FSYNC,      /* fd */
    WEFT__FILE_FDATASYNC,  /* fd */
    WEFT__FILE_TRUNCATE,   /* fd, length: ftruncate(2) */
    WEFT__FILE_ALLOCATE,   /* fd, flags (FALLOC_FL_...), offset, length: fallocate(2) */
    WEFT__FILE_OPEN,       /* fd, path, flags (O_...), mode: openat(2) */
    WEFT__FILE_CLOSE,      /* fd */
    WEFT__FILE_STAT,       /* fd, path, flags (AT_...), mask, buf (struct statx): statx(2) */
    WEFT__FILE_RENAME,     /* fd, path, to_fd, to_path, flags (RENAME_...): renameat2(2) */
    WEFT__FILE_UNLINK,     /* fd, path, flags (AT_REMOVEDIR): unlinkat(2) */
    WEFT__FILE_MKDIR,      /* fd, path, mode: mkdirat(2) */
    WEFT__FILE_LINK,       /* fd, path, to_fd, to_path, flags (AT_...): linkat(2) */
    WEFT__FILE_SYMLINK,    /* path (what it says), to_fd, to_path (where): symlinkat(2) */
    WEFT__FILE_READLINK,   /* fd, path, buf, size: readlinkat(2) */
    WEFT__FILE_CHMOD,      /* fd, path (NULL: fd itself), mode: fchmodat(2), fchmod(2) */
    WEFT__FILE_UTIMES,     /* fd, path (NULL: fd itself), buf (2 struct timespec), flags */
    WEFT__FILE_ENTRIES,    /* fd, buf, size: getdents64(2) until it is full, ret_ended */
    WEFT__FILE_COPY_RANGE, /* fd, offset, to_fd, to_offset, size: copy_file_range(2) */
    WEFT__FILE_CLONE,      /* fd to to_fd, all of it: FICLONE */
    WEFT__FILE_SEEK,       /* fd, offset, flags (SEEK_...): lseek(2) */
    WEFT__FILE_VERBS
};

struct weft__file_call {
    enum weft__file_verb verb;
    int fd, to_fd;
    const char *path, *to_path;
    void *buf; /* never const: a call that writes only reads from it */
    size_t size;
    int64_t offset; /* READ and the like: -1 is the file's own position, which moves */
    int64_t to_offset, length;
    int flags;
    unsigned mask;
    mode_t mode;
    bool *ret_ended; /* there are no more */
};

/* Makes the call here and now by plain system calls, once: EINTR is returned. Blocks the
 * thread. Returns what it returns, or -errno. */
int64_t weft__file_run(const struct weft__file_call *call);

/* READ and READV, as far as that needs no waiting: may give less than there is, -EAGAIN (nothing
 * without waiting) or -EOPNOTSUPP (the file knows no such way). */
int64_t weft__file_run_now(const struct weft__file_call *call);

/* Whether a read that found nothing there is really at the end: Linux 5.9 and 5.10 say so of what
 * is not in the cache, too. */
bool weft__file_at_end(const struct weft__file_call *call);

/* STAT, if that needs no waiting: 0, else -EAGAIN. */
int64_t weft__file_stat_now(const struct weft__file_call *call);

/* Whether the ring makes such calls now: it was probed, the runtime runs and WEFT_FILES does
 * not ask for the pool. Never suspends. */
bool weft__file_ring_takes(enum weft__file_verb verb);

/* What weft__file_ring_run() returns when it could not begin: the pool is to do it. */
#define WEFT__FILE_ELSEWHERE INT64_MIN

/* Has the kernel make it through the ring, for a task whose `waiter` this is. The caller has
 * looked at his scope; when that ends meanwhile the kernel is asked to take the call back, and
 * then its own outcome decides (FILE-CALL-2): a call taken back returns the scope's error,
 * -ECANCELED or -ETIMEDOUT. Suspends; a cancellation point. */
int64_t weft__file_ring_run(const struct weft__file_call *call, struct weft__waiter *waiter);

#endif
