/* Folders: their entries, one after the other, by buffers full. */
#include "file/dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/file.h"
#include "weft/scope.h"

#define BUFFER ((size_t)32 << 10)

struct weft_dir {
    int fd;
    size_t at, end; /* of the records in the buffer */
    bool ended;     /* there are no more behind them */
    char buffer[] __attribute__((aligned(8)));
};

int weft__dir_open(int folder, const char *path, int flags, weft_dir **ret_dir)
{
    weft_dir *dir = malloc(sizeof *dir + BUFFER);
    if (!dir)
        return -ENOMEM;
    struct weft__file_call call = { .verb = WEFT__FILE_OPEN,
                                    .fd = folder,
                                    .path = path,
                                    .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags };
    int fd = (int)weft__file_do(&call);
    if (fd < 0) {
        free(dir);
        return fd;
    }
    *dir = (weft_dir){ .fd = fd };
    *ret_dir = dir;
    return 0;
}

int weft_dir_open(int folder, const char *path, weft_dir **ret_dir)
{
    return weft__dir_open(folder, path, 0, ret_dir);
}

/* Returns as weft_dir_next(). */
static int fill(weft_dir *dir)
{
    struct weft__file_call call = { .verb = WEFT__FILE_ENTRIES,
                                    .fd = dir->fd,
                                    .buf = dir->buffer,
                                    .size = BUFFER,
                                    .ret_ended = &dir->ended };
    if (dir->ended)
        return weft_checkpoint();
    int n = (int)weft__file_do(&call);
    if (n == -ENOENT) /* it has been removed */
        n = 0;
    if (n <= 0)
        return n;
    dir->at = 0;
    dir->end = (size_t)n;
    return 1;
}

int weft_dir_next(weft_dir *dir, weft_dir_entry *ret_entry)
{
    for (;;) {
        int rc = dir->at < dir->end ? weft_checkpoint() : fill(dir);
        if (rc < 0 || dir->at == dir->end)
            return rc;
        const struct dirent64 *found = (const void *)(dir->buffer + dir->at);
        dir->at += found->d_reclen;
        if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
            continue;
        *ret_entry = (weft_dir_entry){ found->d_name, found->d_ino, found->d_type };
        return 1;
    }
}

int weft_dir_fd(const weft_dir *dir)
{
    return dir->fd;
}

int weft__dir_release(weft_dir *dir)
{
    int fd = dir->fd;
    free(dir);
    return fd;
}

void weft_dir_close(weft_dir *dir)
{
    if (dir)
        weft__file_shut(weft__dir_release(dir)); /* of a folder: nothing is to be written */
}
