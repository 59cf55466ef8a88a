/* weft/file.h - files.
 *
 * These functions have the shape of the POSIX ones that they name, and while the disk or a server
 * works the task is suspended instead of its worker. Descriptors are the kernel's: weft_read(),
 * weft_write() and weft_close() (weft/io.h) take them too, at the file's own position.
 *
 *     int fd = weft_file_open("log", O_RDONLY, 0);
 *     ssize_t n = weft_pread(fd, buf, sizeof buf, 0);
 *     weft_close(fd);
 *
 * Several may use that position at a time: no byte is read twice, or written to where another's
 * is. But a read of which only a part was in the page cache is made in two pieces, and another's
 * may come between them.
 *
 * How. What a task reads from the page cache is read at once, by one system call; what stat
 * tells of a file on a local disk is asked for at once, by three, if the kernel has it in memory.
 * All else is made by the kernel, through io_uring, where that is there and allowed, or by a
 * thread of the blocking pool, of a kind of its own (weft_blocking_files(): 64 at a time), so that
 * names that hang, or the program's blocking calls, never hold files up. The environment's
 * WEFT_FILES may be "ring" or "pool" to have it one way. A plain thread that has entered no scope
 * makes the system call itself.
 *
 * Cancelling. -ECANCELED or -ETIMEDOUT (a surrounding scope was cancelled, or its deadline
 * passed: weft/scope.h) means that the call did not happen. One that the kernel or a thread has
 * begun cannot always be stopped: then it is waited for, and its own result is returned. For
 * files that is short, but for a server that hangs; and to open a FIFO waits for its other end,
 * unless O_NONBLOCK is given. What one waits for otherwise, such as pipes, sockets and
 * terminals, is read and written by weft/io.h.
 *
 * A descriptor is closed when no call on it is under way: the kernel gives its number to the next
 * file. Paths are relative to `folder`, the descriptor of a folder, or AT_FDCWD: the working
 * folder. The constants O_..., AT_... are in <fcntl.h>, struct stat in <sys/stat.h>.
 * Buffers, paths and structures belong to the caller and must stay until the call returns.
 *
 * Common errors, not repeated below: -ECANCELED, -ETIMEDOUT, -ENOMEM, and what the system call
 * itself reports (-ENOENT, -EACCES, -EEXIST, -ENOSPC, -EIO, ...). Interrupted calls are repeated.
 *
 * A signal's handler must not leave one of these calls by a jump, nor may a thread be ended in it
 * by pthread_cancel() of the asynchronous type: the kernel, or a thread of the pool, may still be
 * at work for it.
 *
 * Any task or plain thread. All suspend and are cancellation points. */
#ifndef WEFT_FILE_H
#define WEFT_FILE_H

#include <sys/types.h>
#include <sys/uio.h>

#include <weft/common.h>

struct stat;
struct timespec;

WEFT__BEGIN

/* openat(2), close-on-exec. Returns the descriptor. Suspends; a cancellation point. */
WEFT_API int weft_file_open_at(int folder, const char *path, int flags, mode_t mode)
    WEFT__NONNULL(2);
#define weft_file_open(path, flags, mode) weft_file_open_at(AT_FDCWD, path, flags, mode)

/* pread(2), pwrite(2), preadv(2), pwritev(2): at `offset`, the file's own position stays. A read
 * gives less than was asked for at the end of the file only, and 0 there, unless it failed or
 * was cancelled after a part, or is larger than the kernel moves at a time (2 GiB). Suspend;
 * cancellation points. */
WEFT_API ssize_t weft_pread(int fd, void *buf, size_t size, int64_t offset);
WEFT_API ssize_t weft_pwrite(int fd, const void *buf, size_t size, int64_t offset);
WEFT_API ssize_t weft_preadv(int fd, const struct iovec *iov, int iov_count, int64_t offset);
WEFT_API ssize_t weft_pwritev(int fd, const struct iovec *iov, int iov_count, int64_t offset);

/* Move the whole buffer. `ret_done`, unless NULL, receives how many bytes were moved, on failure
 * too: a deadline that passes between two parts has moved the first.
 * Return 0 or an error; weft_pread_all() returns -ENODATA when the end came first.
 * Suspend; cancellation points. */
WEFT_API int weft_pread_all(int fd, void *buf, size_t size, int64_t offset, size_t *ret_done);
WEFT_API int weft_pwrite_all(int fd, const void *buf, size_t size, int64_t offset,
                             size_t *ret_done);

/* fsync(2), fdatasync(2), ftruncate(2), fallocate(2). Suspend; cancellation points. */
WEFT_API int weft_fsync(int fd);
WEFT_API int weft_fdatasync(int fd);
WEFT_API int weft_ftruncate(int fd, int64_t size);
WEFT_API int weft_fallocate(int fd, int mode, int64_t offset, int64_t size);

/* fstatat(2). Suspends; a cancellation point. */
WEFT_API int weft_file_stat_at(int folder, const char *path, struct stat *ret_stat, int flags)
    WEFT__NONNULL(2, 3);
#define weft_file_stat(path, ret_stat) weft_file_stat_at(AT_FDCWD, path, ret_stat, 0)
#define weft_file_lstat(path, ret_stat) \
    weft_file_stat_at(AT_FDCWD, path, ret_stat, AT_SYMLINK_NOFOLLOW)
#define weft_fstat(fd, ret_stat) weft_file_stat_at(fd, "", ret_stat, AT_EMPTY_PATH)

/* renameat2(2): `flags` is 0, RENAME_NOREPLACE (-EEXIST if there is one) or RENAME_EXCHANGE.
 * Suspends; a cancellation point. */
WEFT_API int weft_file_rename_at(int from_folder, const char *from, int to_folder, const char *to,
                                 unsigned flags) WEFT__NONNULL(2, 4);
#define weft_file_rename(from, to) weft_file_rename_at(AT_FDCWD, from, AT_FDCWD, to, 0)

/* unlinkat(2): `flags` is 0, or AT_REMOVEDIR for an empty folder. Whole trees: weft/dir.h.
 * Suspends; a cancellation point. */
WEFT_API int weft_file_unlink_at(int folder, const char *path, int flags) WEFT__NONNULL(2);
#define weft_file_unlink(path) weft_file_unlink_at(AT_FDCWD, path, 0)

/* linkat(2), symlinkat(2) (`target` is what the link says). Suspend; cancellation points. */
WEFT_API int weft_file_link_at(int from_folder, const char *from, int to_folder, const char *to,
                               int flags) WEFT__NONNULL(2, 4);
#define weft_file_link(from, to) weft_file_link_at(AT_FDCWD, from, AT_FDCWD, to, 0)
WEFT_API int weft_file_symlink_at(const char *target, int folder, const char *path)
    WEFT__NONNULL(1, 3);
#define weft_file_symlink(target, path) weft_file_symlink_at(target, AT_FDCWD, path)

/* readlinkat(2), but with a zero at the end of the text. Returns its length, without that;
 * -ENAMETOOLONG: it does not fit into `size`. Suspends; a cancellation point. */
WEFT_API ssize_t weft_file_readlink_at(int folder, const char *path, char *ret_text, size_t size)
    WEFT__NONNULL(2, 3);
#define weft_file_readlink(path, ret_text, size) \
    weft_file_readlink_at(AT_FDCWD, path, ret_text, size)

/* fchmodat(2), utimensat(2) (`times` may be NULL: now). `path` NULL: the descriptor `folder`
 * itself. Suspend; cancellation points. */
WEFT_API int weft_file_chmod_at(int folder, const char *path, mode_t mode);
#define weft_file_chmod(path, mode) weft_file_chmod_at(AT_FDCWD, path, mode)
#define weft_fchmod(fd, mode) weft_file_chmod_at(fd, NULL, mode)
WEFT_API int weft_file_utimes_at(int folder, const char *path, const struct timespec *times,
                                 int flags);
#define weft_futimens(fd, times) weft_file_utimes_at(fd, NULL, times, 0)

/* Reads a file whole, of up to `limit` bytes. *ret_data is the caller's, who frees it with
 * free(); a zero follows its last byte, which *ret_size (may be NULL) does not count. It may be
 * a file that does not tell its size, such as those in /proc. For text:
 *
 *     void *data;
 *     int rc = weft_file_load(AT_FDCWD, "config", 1 << 20, &data, NULL);
 *     const char *text = rc == 0 ? (const char *)data : "";
 *
 * Returns 0, -EFBIG (it is larger; nothing is returned) or another error. Suspends; a
 * cancellation point. */
WEFT_API int weft_file_load(int folder, const char *path, size_t limit, void **ret_data,
                            size_t *ret_size) WEFT__NONNULL(2, 4);

/* Writes a file whole, and replaces the one that was there, if any, at one stroke: whoever opens
 * `path` finds the old file or the new one, after a crash of the machine too. It is written
 * under another name in the same folder, synchronized, and renamed; then the folder is
 * synchronized. Its permissions are `mode` without the umask's, whatever the old one's were, and
 * a symbolic link is replaced, not followed.
 *
 * On an error, -ECANCELED and -ETIMEDOUT among them, `path` is as it was and the other name is
 * gone; but if only the folder could not be synchronized, then it has been replaced, and
 * *ret_replaced (may be NULL) tells: -EACCES then says that the folder may not be read. A process
 * that is killed in between leaves ".NAME.RANDOM.new" behind.
 * Returns 0 or an error. Suspends; a cancellation point. */
WEFT_API int weft_file_save(int folder, const char *path, const void *data, size_t size,
                            mode_t mode, bool *ret_replaced) WEFT__NONNULL(2);

/* -EEXIST if there is one of that name; else it is replaced. */
#define WEFT_COPY_EXCLUSIVE 0x1u
/* The copy, and then its folder, is synchronized. */
#define WEFT_COPY_SYNC 0x2u
/* The copy has the times of last access and change of the original. */
#define WEFT_COPY_TIMES 0x4u
/* The data is copied, even where the file system could let both share it. */
#define WEFT_COPY_NO_CLONE 0x8u

/* How to copy. All zero means: the defaults. */
typedef struct weft_copy_attr {
    unsigned flags; /* WEFT_COPY_* */
    /* Called by the copying task after each chunk of some megabytes, with how many bytes of
     * `size` have been dealt with, holes counted. Not 0: copying stops with this as the error,
     * which should be negative. It may suspend. May be NULL. */
    int (*progress)(void *arg, int64_t done, int64_t size);
    void *arg;
    uintptr_t reserved[4]; /* must be zero */
} weft_copy_attr;

/* Copies a regular file with its permissions (without set-user-id and the like), and so that
 * holes stay holes. Data is shared between both where the file system can do that, else it is
 * copied by the kernel, else through memory. `attr` may be NULL. A symbolic link `from` is
 * followed; `to` is replaced, not followed.
 *
 * The copy is made under another name in the folder of `to`, and renamed when it is whole. So on
 * an error, -ECANCELED and -ETIMEDOUT among them, which may come between two chunks, `to` is as
 * it was, and nothing else is left; but with WEFT_COPY_SYNC, if only the folder could not be
 * synchronized, `to` has been replaced. While somebody writes to the original the copy is a
 * mixture of before and after.
 * Returns 0, -EINVAL (not a regular file, or attributes out of range), -EISDIR (a folder) or
 * another error. Suspends; a cancellation point. */
WEFT_API int weft_file_copy(int from_folder, const char *from, int to_folder, const char *to,
                            const weft_copy_attr *attr) WEFT__NONNULL(2, 4);

WEFT__END

#endif
