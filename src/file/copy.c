/* Copying files.
 *
 * COPY-1  The copy is a replacement (file/replacement.h): nobody sees a part of it.
 * COPY-2  Between two chunks there is a cancellation point, and the caller's progress(). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/replacement.h"
#include "io/file.h"
#include "weft/file.h"

/* By the kernel, or through memory: disks do as much in some milliseconds. */
#define CHUNK ((int64_t)8 << 20)
#define BUFFER ((size_t)512 << 10)
#define FLAGS (WEFT_COPY_EXCLUSIVE | WEFT_COPY_SYNC | WEFT_COPY_TIMES | WEFT_COPY_NO_CLONE)

struct copy {
    const weft_copy_attr *attr;
    int from, to;
    int64_t size, done; /* the file's, and how far it has come */
    bool ended;         /* the file has, before its size */
    char *buffer;       /* not NULL: it goes through memory */
};

static int report(struct copy *copy)
{
    int64_t size = copy->done > copy->size ? copy->done : copy->size; /* that it does not tell */
    return copy->attr->progress ? copy->attr->progress(copy->attr->arg, copy->done, size) : 0;
}

static int take_buffer(struct copy *copy)
{
    if (!copy->buffer)
        copy->buffer = malloc(BUFFER);
    return copy->buffer ? 0 : -ENOMEM;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Up to `end`; *ret_count 0: the file ends here. */
static int move_by_memory(struct copy *copy, int64_t end, int64_t *ret_count)
{
    size_t size = (size_t)least(end - copy->done, (int64_t)BUFFER);
    ssize_t n = weft_pread(copy->from, copy->buffer, size, copy->done);
    *ret_count = n < 0 ? 0 : n;
    return n <= 0 ? (int)n : weft_pwrite_all(copy->to, copy->buffer, (size_t)n, copy->done, NULL);
}

/* -ENOSYS: not between these files. */
static int move_by_kernel(struct copy *copy, int64_t end, int64_t *ret_count)
{
    struct weft__file_call call = { .verb = WEFT__FILE_COPY_RANGE,
                                    .fd = copy->from,
                                    .to_fd = copy->to,
                                    .offset = copy->done,
                                    .to_offset = copy->done,
                                    .size = (size_t)least(end - copy->done, CHUNK) };
    int64_t n = weft__file_do(&call);
    *ret_count = n < 0 ? 0 : n;
    switch (n) {
    case 0: /* some file systems mean that they cannot */
    case -EXDEV:
    case -EINVAL:
    case -EOPNOTSUPP:
    case -EPERM:
    case -ENOSYS:
        return -ENOSYS;
    default:
        return n < 0 ? (int)n : 0;
    }
}

static int move_chunk(struct copy *copy, int64_t end)
{
    int64_t count = 0;
    int rc = copy->buffer ? -ENOSYS : move_by_kernel(copy, end, &count);
    if (rc == -ENOSYS) {
        rc = take_buffer(copy);
        if (rc == 0)
            rc = move_by_memory(copy, end, &count);
    }
    copy->done += count;
    copy->ended = rc == 0 && count == 0;
    return rc || copy->ended ? rc : report(copy);
}

static int64_t seek(struct copy *copy, int64_t offset, int whence)
{
    struct weft__file_call call = {
        .verb = WEFT__FILE_SEEK, .fd = copy->from, .offset = offset, .flags = whence
    };
    return weft__file_do(&call);
}

/* Where data begins next, and where it ends, if that is known. -ENXIO: nowhere, all the rest is a
 * hole. */
static int find_data(struct copy *copy, int64_t *ret_end)
{
    int64_t data = seek(copy, copy->done, SEEK_DATA);
    if (data == -EINVAL || data == -EOPNOTSUPP) /* not known: it is all data */
        return 0;
    int64_t hole = data < 0 ? data : seek(copy, data, SEEK_HOLE);
    if (hole < 0)
        return (int)hole;
    copy->done = least(data, copy->size);
    *ret_end = least(hole, copy->size);
    return 0;
}

static int copy_data(struct copy *copy)
{
    while (copy->done < copy->size && !copy->ended) {
        int64_t end = copy->size;
        int rc = find_data(copy, &end);
        if (rc == -ENXIO) {
            copy->done = copy->size;
            return report(copy);
        }
        while (rc == 0 && copy->done < end && !copy->ended)
            rc = move_chunk(copy, end);
        if (rc)
            return rc;
    }
    return 0;
}

/* Such as those in /proc, that do not tell their size. */
static int copy_unsized(struct copy *copy)
{
    int rc = take_buffer(copy);
    while (rc == 0 && !copy->ended)
        rc = move_chunk(copy, INT64_MAX);
    return rc;
}

static int clone(struct copy *copy)
{
    struct weft__file_call call = { .verb = WEFT__FILE_CLONE, .fd = copy->from, .to_fd = copy->to };
    int rc = (int)weft__file_do(&call);
    if (rc == 0)
        copy->done = copy->size;
    return rc;
}

static int copy_content(struct copy *copy)
{
    if (copy->size == 0)
        return copy_unsized(copy);
    int rc = copy->attr->flags & WEFT_COPY_NO_CLONE ? take_buffer(copy) : clone(copy);
    if (rc == -ECANCELED || rc == -ETIMEDOUT || rc == -ENOMEM)
        return rc;
    if (copy->done == copy->size)
        return report(copy);
    rc = copy_data(copy);
    return rc ? rc : weft_ftruncate(copy->to, copy->done); /* its last hole */
}

static int copy_rest(struct copy *copy, const struct stat *file)
{
    struct timespec times[] = { file->st_atim, file->st_mtim };
    int rc = weft_fchmod(copy->to, file->st_mode & 0777);
    return rc == 0 && copy->attr->flags & WEFT_COPY_TIMES ? weft_futimens(copy->to, times) : rc;
}

static int copy_open(int from, const struct stat *file, int folder, const char *path,
                     const weft_copy_attr *attr)
{
    struct weft__replacement new;
    struct stat before;
    bool exclusive = attr->flags & WEFT_COPY_EXCLUSIVE;
    if (exclusive && weft_file_stat_at(folder, path, &before, AT_SYMLINK_NOFOLLOW) == 0)
        return -EEXIST; /* at once; later ones are seen in the end */
    int rc = weft__replacement_begin(&new, folder, path, 0600);
    if (rc)
        return rc;
    struct copy copy = { .attr = attr, .from = from, .to = new.fd, .size = file->st_size };
    rc = copy_content(&copy);
    if (rc == 0)
        rc = copy_rest(&copy, file);
    if (rc == 0)
        rc = weft__replacement_commit(&new, exclusive, attr->flags & WEFT_COPY_SYNC);
    weft__replacement_finish(&new);
    free(copy.buffer);
    return rc;
}

/* Not blocked by a FIFO's other end. */
static int open_original(int folder, const char *path)
{
    struct weft__file_call call = { .verb = WEFT__FILE_OPEN,
                                    .fd = folder,
                                    .path = path,
                                    .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK };
    int fd = (int)weft__file_do(&call);
    if (fd >= 0)
        fcntl(fd, F_SETFL, 0);
    return fd;
}

int weft_file_copy(int from_folder, const char *from, int to_folder, const char *to,
                   const weft_copy_attr *attr)
{
    static const uintptr_t zero[sizeof attr->reserved / sizeof *attr->reserved];
    static const weft_copy_attr none;
    struct stat file;
    attr = attr ? attr : &none;
    if (attr->flags & ~FLAGS || memcmp(attr->reserved, zero, sizeof zero) != 0)
        return -EINVAL;
    int fd = open_original(from_folder, from);
    if (fd < 0)
        return fd;
    int rc = weft_fstat(fd, &file);
    if (rc == 0 && !S_ISREG(file.st_mode))
        rc = S_ISDIR(file.st_mode) ? -EISDIR : -EINVAL;
    if (rc == 0)
        rc = copy_open(fd, &file, to_folder, to, attr);
    weft__file_shut(fd);
    return rc;
}
