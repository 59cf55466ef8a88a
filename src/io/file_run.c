/* The plain system calls. In a file of its own: what is called here uses errno, which it leaves as
 * it was, after others have suspended. */
#include <errno.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "io/file.h"

static int64_t transfer(const struct weft__file_call *call)
{
    bool here = call->offset < 0; /* at the file's own position */
    int count = (int)call->size;
    switch (call->verb) {
    case WEFT__FILE_READ:
        return here ? read(call->fd, call->buf, call->size)
                    : pread(call->fd, call->buf, call->size, call->offset);
    case WEFT__FILE_WRITE:
        return here ? write(call->fd, call->buf, call->size)
                    : pwrite(call->fd, call->buf, call->size, call->offset);
    case WEFT__FILE_READV:
        return here ? readv(call->fd, call->buf, count)
                    : preadv(call->fd, call->buf, count, call->offset);
    default:
        return here ? writev(call->fd, call->buf, count)
                    : pwritev(call->fd, call->buf, count, call->offset);
    }
}

static int64_t copy_range(const struct weft__file_call *call)
{
    off_t from = call->offset, to = call->to_offset;
    return copy_file_range(call->fd, &from, call->to_fd, &to, call->size, 0);
}

/* No entry is longer. */
#define ENTRY_MOST 280

/* What ends a folder is a call that gives nothing, which need not be another errand. */
static int64_t read_entries(const struct weft__file_call *call)
{
    size_t done = 0;
    long n;
    do {
        n = syscall(SYS_getdents64, call->fd, (char *)call->buf + done, call->size - done);
        if (n > 0)
            done += (size_t)n;
    } while (n > 0 && call->size - done >= ENTRY_MOST);
    *call->ret_ended = n == 0;
    return done ? (int64_t)done : n;
}

static int64_t run(const struct weft__file_call *call)
{
    switch (call->verb) {
    case WEFT__FILE_READ:
    case WEFT__FILE_WRITE:
    case WEFT__FILE_READV:
    case WEFT__FILE_WRITEV:
        return transfer(call);
    case WEFT__FILE_FSYNC:
        return fsync(call->fd);
    case WEFT__FILE_FDATASYNC:
        return fdatasync(call->fd);
    case WEFT__FILE_TRUNCATE:
        return ftruncate(call->fd, call->length);
    case WEFT__FILE_ALLOCATE:
        return fallocate(call->fd, call->flags, call->offset, call->length);
    case WEFT__FILE_OPEN:
        return openat(call->fd, call->path, call->flags, call->mode);
    case WEFT__FILE_CLOSE:
        return close(call->fd);
    case WEFT__FILE_STAT:
        return statx(call->fd, call->path, call->flags, call->mask, call->buf);
    case WEFT__FILE_RENAME:
        return renameat2(call->fd, call->path, call->to_fd, call->to_path, (unsigned)call->flags);
    case WEFT__FILE_UNLINK:
        return unlinkat(call->fd, call->path, call->flags);
    case WEFT__FILE_MKDIR:
        return mkdirat(call->fd, call->path, call->mode);
    case WEFT__FILE_LINK:
        return linkat(call->fd, call->path, call->to_fd, call->to_path, call->flags);
    case WEFT__FILE_SYMLINK:
        return symlinkat(call->path, call->to_fd, call->to_path);
    case WEFT__FILE_READLINK:
        return readlinkat(call->fd, call->path, call->buf, call->size);
    case WEFT__FILE_CHMOD:
        return call->path ? fchmodat(call->fd, call->path, call->mode, 0)
                          : fchmod(call->fd, call->mode);
    case WEFT__FILE_UTIMES:
        return call->path ? utimensat(call->fd, call->path, call->buf, call->flags)
                          : futimens(call->fd, call->buf);
    case WEFT__FILE_ENTRIES:
        return read_entries(call);
    case WEFT__FILE_COPY_RANGE:
        return copy_range(call);
    case WEFT__FILE_CLONE:
        return ioctl(call->to_fd, FICLONE, call->fd);
    case WEFT__FILE_SEEK:
        return lseek(call->fd, call->offset, call->flags);
    default:
        errno = ENOSYS;
        return -1;
    }
}

int64_t weft__file_run(const struct weft__file_call *call)
{
    int kept = errno;
    int64_t result = run(call);
    result = result < 0 ? -errno : result;
    errno = kept;
    return result;
}

void weft__file_shut(int fd)
{
    int state, kept = errno;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    close(fd);
    pthread_setcancelstate(state, NULL);
    errno = kept;
}
