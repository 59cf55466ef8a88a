/* What the kernel has in its memory, and gives without waiting for anybody. errno is as it was. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/atomic.h"
#include "io/file_call.h"

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

/* As <linux/openat2.h> of Linux 5.12 has them. */
struct how {
    uint64_t flags, mode, resolve;
};
#define CACHED 0x20u

/* Flags that are no reason to ask the kernel otherwise. */
#define KNOWN (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC)

/* Names cannot be looked up so: an older kernel, or a filter. */
static _Atomic(bool) no_names;

/* Not preadv2(), where pthread_cancel() would unwind what has called. */
int64_t weft__file_run_now(const struct weft__file_call *call)
{
    int kept = errno;
    struct iovec one = { call->buf, call->size };
    bool many = call->verb == WEFT__FILE_READV;
    const struct iovec *iov = many ? call->buf : &one;
    long n = syscall(SYS_preadv2, call->fd, iov, many ? call->size : 1, (long)call->offset,
                     (long)(call->offset >> 32), RWF_NOWAIT);
    n = n < 0 ? -errno : n;
    errno = kept;
    return n;
}

bool weft__file_at_end(const struct weft__file_call *call)
{
    struct stat file;
    int kept = errno;
    int64_t offset = call->offset < 0 ? lseek(call->fd, 0, SEEK_CUR) : call->offset;
    bool is = fstat(call->fd, &file) == 0 && S_ISREG(file.st_mode) && offset >= file.st_size;
    errno = kept;
    return is;
}

/* A file by its name, if all names on the way are known. O_PATH: it is not opened, whatever it is,
 * and what is mounted when somebody comes is not. */
static int find_now(const struct weft__file_call *call)
{
    bool follow = !(call->flags & AT_SYMLINK_NOFOLLOW);
    struct how how = { .flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW), .resolve = CACHED };
    if (weft__load(&no_names, relaxed)) /* a hint */
        return -EAGAIN;
    int fd = (int)syscall(SYS_openat2, call->fd, call->path, &how, sizeof how);
    if (fd < 0 && (errno == ENOSYS || errno == EINVAL || errno == EPERM))
        weft__store(&no_names, true, relaxed);
    return fd < 0 ? -EAGAIN : fd;
}

/* File systems of which what the kernel has in memory is so. Others may ask a server or another
 * machine, or have it from one, and then it may be old. */
static bool is_local(int fd)
{
    struct statfs seen;
    if (fstatfs(fd, &seen) != 0)
        return false;
    switch ((uint32_t)seen.f_type) {
    case 0xef53:     /* ext2, ext3, ext4 */
    case 0x58465342: /* XFS */
    case 0xf2f52010: /* F2FS */
    case 0x4d44:     /* FAT */
    case 0x2011bab0: /* exFAT */
    case 0x73717368: /* SquashFS */
    case 0xe0f5e1e2: /* EROFS */
    case 0x9660:     /* ISO 9660 */
        return true;
    default:
        return false;
    }
}

/* Devices with such a file system; one may take another's place. */
static _Atomic(uint64_t) local[16];

static bool is_local_device(const struct statx *seen, int fd)
{
    uint64_t device = (uint64_t)seen->stx_dev_major << 32 | seen->stx_dev_minor;
    _Atomic(uint64_t) *place = &local[seen->stx_dev_minor % 16];
    if (weft__load(place, relaxed) == device)
        return device != 0;
    bool is = seen->stx_dev_major && is_local(fd);
    if (is)
        weft__store(place, device, relaxed);
    return is;
}

static int64_t look_now(const struct weft__file_call *call, int fd)
{
    struct statx *seen = call->buf;
    int rc = (int)syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, call->mask, seen);
    return rc == 0 && is_local_device(seen, fd) ? 0 : -EAGAIN;
}

static int64_t stat_now(const struct weft__file_call *call)
{
    if (call->flags & ~KNOWN)
        return -EAGAIN;
    if (call->flags & AT_EMPTY_PATH && !*call->path)
        return look_now(call, call->fd);
    int fd = find_now(call);
    if (fd < 0)
        return fd;
    int64_t result = look_now(call, fd);
    syscall(SYS_close, fd);
    return result;
}

int64_t weft__file_stat_now(const struct weft__file_call *call)
{
    int kept = errno;
    int64_t result = stat_now(call);
    errno = kept;
    return result;
}
