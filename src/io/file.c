/* The public calls: each describes itself. */
#include "io/file.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "io/fd.h"
#include "weft/dir.h"
#include "weft/file.h"

#define DO(...) weft__file_do(&(struct weft__file_call){ __VA_ARGS__ })

/* The description cannot keep a const that only some of the calls promise. */
static void *unconst(const void *pointer)
{
    return (void *)(uintptr_t)pointer;
}

int weft_file_open_at(int folder, const char *path, int flags, mode_t mode)
{
    int fd = (int)DO(.verb = WEFT__FILE_OPEN, .fd = folder, .path = path,
                     .flags = flags | O_CLOEXEC, .mode = mode);
    if (fd >= 0)
        weft__fd_renew(fd, flags & O_DIRECT ? WEFT__FD_DIRECT : 0);
    return fd;
}

/* The kernel takes -1 for the file's own position, and so does the description. */
static ssize_t transfer(enum weft__file_verb verb, int fd, void *buf, size_t size, int64_t offset)
{
    if (offset < 0)
        return -EINVAL;
    return (ssize_t)DO(.verb = verb, .fd = fd, .buf = buf, .size = size, .offset = offset);
}

ssize_t weft_pread(int fd, void *buf, size_t size, int64_t offset)
{
    return transfer(WEFT__FILE_READ, fd, buf, size, offset);
}

ssize_t weft_pwrite(int fd, const void *buf, size_t size, int64_t offset)
{
    return transfer(WEFT__FILE_WRITE, fd, unconst(buf), size, offset);
}

ssize_t weft_preadv(int fd, const struct iovec *iov, int iov_count, int64_t offset)
{
    if (iov_count < 0 || iov_count > IOV_MAX)
        return -EINVAL;
    return transfer(WEFT__FILE_READV, fd, unconst(iov), (size_t)iov_count, offset);
}

ssize_t weft_pwritev(int fd, const struct iovec *iov, int iov_count, int64_t offset)
{
    if (iov_count < 0 || iov_count > IOV_MAX)
        return -EINVAL;
    return transfer(WEFT__FILE_WRITEV, fd, unconst(iov), (size_t)iov_count, offset);
}

static int transfer_all(enum weft__file_verb verb, int fd, char *buf, size_t size, int64_t offset,
                        size_t *ret_done)
{
    size_t done = 0;
    int rc = 0;
    while (done < size && rc == 0) {
        ssize_t n = transfer(verb, fd, buf + done, size - done, offset + (int64_t)done);
        if (n > 0)
            done += (size_t)n;
        else
            rc = n < 0 ? (int)n : verb == WEFT__FILE_READ ? -ENODATA : -EIO;
    }
    if (ret_done)
        *ret_done = done;
    return rc;
}

int weft_pread_all(int fd, void *buf, size_t size, int64_t offset, size_t *ret_done)
{
    return transfer_all(WEFT__FILE_READ, fd, buf, size, offset, ret_done);
}

int weft_pwrite_all(int fd, const void *buf, size_t size, int64_t offset, size_t *ret_done)
{
    return transfer_all(WEFT__FILE_WRITE, fd, unconst(buf), size, offset, ret_done);
}

int weft_fsync(int fd)
{
    return (int)DO(.verb = WEFT__FILE_FSYNC, .fd = fd);
}

int weft_fdatasync(int fd)
{
    return (int)DO(.verb = WEFT__FILE_FDATASYNC, .fd = fd);
}

int weft_ftruncate(int fd, int64_t size)
{
    return (int)DO(.verb = WEFT__FILE_TRUNCATE, .fd = fd, .length = size);
}

int weft_fallocate(int fd, int mode, int64_t offset, int64_t size)
{
    return (int)DO(.verb = WEFT__FILE_ALLOCATE, .fd = fd, .flags = mode, .offset = offset,
                   .length = size);
}

static struct timespec time_of(struct statx_timestamp time)
{
    return (struct timespec){ .tv_sec = time.tv_sec, .tv_nsec = time.tv_nsec };
}

int weft_file_stat_at(int folder, const char *path, struct stat *ret_stat, int flags)
{
    struct statx seen;
    int rc = (int)DO(.verb = WEFT__FILE_STAT, .fd = folder, .path = path,
                     .flags = flags | AT_NO_AUTOMOUNT, .mask = STATX_BASIC_STATS, .buf = &seen);
    if (rc)
        return rc;
    *ret_stat = (struct stat){ .st_dev = makedev(seen.stx_dev_major, seen.stx_dev_minor),
                               .st_ino = seen.stx_ino,
                               .st_mode = seen.stx_mode,
                               .st_nlink = seen.stx_nlink,
                               .st_uid = seen.stx_uid,
                               .st_gid = seen.stx_gid,
                               .st_rdev = makedev(seen.stx_rdev_major, seen.stx_rdev_minor),
                               .st_size = (off_t)seen.stx_size,
                               .st_blksize = (blksize_t)seen.stx_blksize,
                               .st_blocks = (blkcnt_t)seen.stx_blocks,
                               .st_atim = time_of(seen.stx_atime),
                               .st_mtim = time_of(seen.stx_mtime),
                               .st_ctim = time_of(seen.stx_ctime) };
    return 0;
}

int weft__file_type(int folder, const char *path, int flags, unsigned char *ret_type,
                    struct weft__file_identity *ret_identity)
{
    struct statx seen;
    int rc =
        (int)DO(.verb = WEFT__FILE_STAT, .fd = folder, .path = path,
                .flags = flags | AT_NO_AUTOMOUNT, .mask = STATX_TYPE | STATX_INO, .buf = &seen);
    if (rc)
        return rc;
    *ret_type = (unsigned char)((seen.stx_mode & S_IFMT) >> 12); /* as IFTODT() has it */
    *ret_identity = (struct weft__file_identity){ makedev(seen.stx_dev_major, seen.stx_dev_minor),
                                                  seen.stx_ino };
    return 0;
}

int weft_file_rename_at(int from_folder, const char *from, int to_folder, const char *to,
                        unsigned flags)
{
    return (int)DO(.verb = WEFT__FILE_RENAME, .fd = from_folder, .path = from, .to_fd = to_folder,
                   .to_path = to, .flags = (int)flags);
}

int weft_file_unlink_at(int folder, const char *path, int flags)
{
    return (int)DO(.verb = WEFT__FILE_UNLINK, .fd = folder, .path = path, .flags = flags);
}

int weft_dir_make_at(int folder, const char *path, mode_t mode)
{
    return (int)DO(.verb = WEFT__FILE_MKDIR, .fd = folder, .path = path, .mode = mode);
}

int weft_file_link_at(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    return (int)DO(.verb = WEFT__FILE_LINK, .fd = from_folder, .path = from, .to_fd = to_folder,
                   .to_path = to, .flags = flags);
}

int weft_file_symlink_at(const char *target, int folder, const char *path)
{
    return (int)DO(.verb = WEFT__FILE_SYMLINK, .path = target, .to_fd = folder, .to_path = path);
}

ssize_t weft_file_readlink_at(int folder, const char *path, char *ret_text, size_t size)
{
    if (size == 0)
        return -ENAMETOOLONG;
    ssize_t n = (ssize_t)DO(.verb = WEFT__FILE_READLINK, .fd = folder, .path = path,
                            .buf = ret_text, .size = size);
    if (n == (ssize_t)size)
        return -ENAMETOOLONG;
    if (n >= 0)
        ret_text[n] = 0;
    return n;
}

int weft_file_chmod_at(int folder, const char *path, mode_t mode)
{
    return (int)DO(.verb = WEFT__FILE_CHMOD, .fd = folder, .path = path, .mode = mode);
}

int weft_file_utimes_at(int folder, const char *path, const struct timespec *times, int flags)
{
    return (int)DO(.verb = WEFT__FILE_UTIMES, .fd = folder, .path = path, .buf = unconst(times),
                   .flags = flags);
}

int weft__file_close(int fd)
{
    return (int)weft__file_do_firmly(
        &(struct weft__file_call){ .verb = WEFT__FILE_CLOSE, .fd = fd });
}
