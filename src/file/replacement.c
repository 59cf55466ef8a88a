#include "file/replacement.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "io/file.h"
#include "time/clock.h"
#include "weft/file.h"

#define NAME_KEPT 200 /* of the other's, which may be as long as names can be */

static int open_folder(int folder, const char *path, const char *name)
{
    char *way = name > path ? strndup(path, (size_t)(name - path)) : strdup(".");
    if (!way)
        return -ENOMEM;
    struct weft__file_call call = { .verb = WEFT__FILE_OPEN,
                                    .fd = folder,
                                    .path = way,
                                    .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC };
    int fd = (int)weft__file_do(&call);
    if (fd == -EACCES) { /* one may write to it, perhaps, but not list it */
        call.flags |= O_PATH;
        fd = (int)weft__file_do(&call);
    }
    free(way);
    return fd;
}

/* So many bytes of the name that none of UTF-8's characters is cut: there are file systems that
 * take no others. */
static int size_kept(const char *name)
{
    size_t size = strlen(name), kept = size < NAME_KEPT ? size : NAME_KEPT;
    for (int i = 0; i < 3 && kept < size && ((unsigned char)name[kept] & 0xc0) == 0x80; i++)
        kept--;
    return (int)kept;
}

static int make(struct weft__replacement *new, mode_t mode)
{
    int fd;
    do {
        uint64_t random;
        if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
            random = (uint64_t)weft__clock_now(); /* it need not be a secret: O_EXCL */
        snprintf(new->own, sizeof new->own, ".%.*s.%016llx.new", size_kept(new->name), new->name,
                 (unsigned long long)random);
        struct weft__file_call call = { .verb = WEFT__FILE_OPEN,
                                        .fd = new->folder,
                                        .path = new->own,
                                        .flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                                        .mode = mode };
        fd = (int)weft__file_do(&call);
    } while (fd == -EEXIST);
    return fd;
}

int weft__replacement_begin(struct weft__replacement *new, int folder, const char *path,
                            mode_t mode)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (!*path)
        return -ENOENT;
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -EISDIR;
    *new = (struct weft__replacement){ .name = name };
    new->folder = open_folder(folder, path, name);
    if (new->folder < 0)
        return new->folder;
    new->fd = make(new, mode);
    if (new->fd < 0)
        weft__file_shut(new->folder);
    return new->fd < 0 ? new->fd : 0;
}

static int rename_it(struct weft__replacement *new, unsigned flags)
{
    int rc = weft_file_rename_at(new->folder, new->own, new->folder, new->name, flags);
    new->renamed = rc == 0;
    return rc;
}

static int take_place(struct weft__replacement *new, bool exclusive)
{
    if (!exclusive)
        return rename_it(new, 0);
    int rc = rename_it(new, RENAME_NOREPLACE);
    if (rc != -EINVAL) /* the file system knows no such way */
        return rc;
    return weft_file_link_at(new->folder, new->own, new->folder, new->name, 0);
}

/* -EINVAL only says that folders are not synchronized there; -EBADF, that it is open as a place in
 * paths only, since it may not be read. */
static int sync_folder(int folder)
{
    struct weft__file_call call = { .verb = WEFT__FILE_FSYNC, .fd = folder };
    int rc = (int)weft__file_do_firmly(&call);
    return rc == -EINVAL ? 0 : rc == -EBADF ? -EACCES : rc;
}

static int close_it(struct weft__replacement *new)
{
    int fd = new->fd;
    new->fd = -1;
    return fd < 0 ? 0 : weft__file_close(fd);
}

int weft__replacement_commit(struct weft__replacement *new, bool exclusive, bool sync)
{
    int rc = sync ? weft_fsync(new->fd) : 0;
    if (rc == 0)
        rc = close_it(new); /* a server may say only now that something is missing */
    if (rc == 0)
        rc = take_place(new, exclusive);
    new->replaced = rc == 0;
    return rc == 0 && sync ? sync_folder(new->folder) : rc;
}

void weft__replacement_finish(struct weft__replacement *new)
{
    struct weft__file_call call = { .verb = WEFT__FILE_UNLINK,
                                    .fd = new->folder,
                                    .path = new->own };
    if (!new->renamed)
        weft__file_do_firmly(&call);
    close_it(new);
    weft__file_shut(new->folder);
}
