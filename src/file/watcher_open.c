/* Opening folders and asking inotify to watch them. The rules are in watcher.h.
 *
 * A folder is opened first, and then watched by its descriptor's name in /proc: so what is
 * watched is what is listed, whatever has been renamed meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file/watcher.h"

#define NAMES (WEFT_FILE_CREATED | WEFT_FILE_REMOVED | WEFT_FILE_RENAMED)

static uint32_t bits_of(const struct weft__file_entry *entry)
{
    unsigned events = entry->watch->events;
    uint32_t bits = IN_EXCL_UNLINK | IN_MASK_ADD | IN_MOVE_SELF; /* others may watch it; FILE-7 */
    if (events & NAMES || entry->watch->options & WEFT_FILE_WATCH_TREE)
        bits |= IN_CREATE | IN_DELETE | IN_MOVE;
    bits |= events & WEFT_FILE_MODIFIED ? IN_MODIFY : 0;
    bits |= events & WEFT_FILE_WRITTEN ? IN_CLOSE_WRITE : 0;
    bits |= events & WEFT_FILE_ATTRIBUTES ? IN_ATTRIB : 0;
    bits |= entry->parent ? 0 : IN_DELETE_SELF;
    bits |= entry->parent || entry->folder ? 0 : IN_ATTRIB; /* weft__file_is_there() */
    return bits;
}

static int add_watch(weft_file_watcher *watcher, const struct weft__file_entry *entry,
                     const char *path)
{
    int number = inotify_add_watch(watcher->fd, path, bits_of(entry));
    return number < 0 ? -errno : number;
}

/* What leads to it, also from another working directory. malloc'd; NULL: memory is out. */
static char *path_of(const struct weft__file_entry *entry)
{
    char *path = weft__file_entry_path(entry, NULL), *whole = NULL;
    if (!path || !entry->watch->base)
        return path;
    if (asprintf(&whole, "%s/%s", entry->watch->base, path) < 0)
        whole = NULL;
    free(path);
    return whole;
}

static int open_as(const struct weft__file_entry *entry, int flags)
{
    char *path = path_of(entry);
    int fd = path ? open(path, flags | O_CLOEXEC) : -1, rc = fd < 0 ? -errno : fd;
    free(path);
    return path ? rc : -ENOMEM;
}

/* The path that was given may be a link. */
int weft__file_open(const struct weft__file_entry *entry)
{
    return open_as(entry, O_RDONLY | O_DIRECTORY | (entry->parent ? O_NOFOLLOW : 0));
}

int weft__file_watch_opened(weft_file_watcher *watcher, const struct weft__file_entry *entry,
                            int fd)
{
    char name[40];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    int number = add_watch(watcher, entry, name);
    if (number != -ENOENT)
        return number;
    char *path = path_of(entry); /* there is no /proc */
    number = path ? add_watch(watcher, entry, path) : -ENOMEM;
    free(path);
    return number;
}

/* Its name may have been lost before the watch stood: nothing would tell of that. */
int weft__file_watch_file(weft_file_watcher *watcher, struct weft__file_entry *root)
{
    struct stat stat;
    int fd = open_as(root, O_PATH), number = fd;
    if (fd >= 0) {
        number = fstat(fd, &stat) ? -errno : weft__file_watch_opened(watcher, root, fd);
        close(fd);
    }
    int rc = number < 0 ? number : weft__file_node_join(watcher, root, number);
    if (rc)
        return rc;
    root->watch->device = stat.st_dev;
    root->watch->inode = stat.st_ino;
    return weft__file_is_there(root) ? 0 : -ENOENT;
}

bool weft__file_is_absent(int error)
{
    return error == -ENOENT || error == -ENOTDIR || error == -ELOOP;
}

bool weft__file_is_there(const struct weft__file_entry *root)
{
    struct stat found;
    char *path = path_of(root);
    int rc = path ? stat(path, &found) ? -errno : 0 : -ENOMEM;
    free(path);
    if (rc)
        return !weft__file_is_absent(rc);
    return found.st_dev == root->watch->device && found.st_ino == root->watch->inode;
}

void weft__file_look_firmly(const struct weft__file_entry *entry)
{
    char buffer[1024];
    int fd;
    do {
        fd = weft__file_open(entry);
        entry = entry->parent;
    } while (fd < 0 && entry);
    if (fd >= 0) {
        syscall(SYS_getdents64, fd, buffer, sizeof buffer);
        close(fd);
    }
}
