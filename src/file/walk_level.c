#include "file/walk_level.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file/dir.h"

#define HEAD (sizeof(uint64_t) + 1)
#define ROOM_FIRST 512

static int keep(struct weft__walk_level *level, const weft_dir_entry *entry)
{
    size_t size = HEAD + strlen(entry->name) + 1;
    if (level->room - level->end < size) {
        size_t room = level->room;
        do { /* a name may have more than 255 bytes: vfat, FUSE */
            room = room ? 2 * room : ROOM_FIRST;
        } while (room - level->end < size);
        char *names = realloc(level->names, room);
        if (!names)
            return -ENOMEM;
        level->names = names;
        level->room = room;
    }
    char *record = level->names + level->end;
    memcpy(record, &entry->inode, sizeof entry->inode);
    record[sizeof entry->inode] = (char)entry->type;
    memcpy(record + HEAD, entry->name, size - HEAD);
    level->end += size;
    return 0;
}

struct weft__walk_name weft__walk_level_name(const struct weft__walk_level *level)
{
    const char *record = level->names + level->at;
    struct weft__walk_name found = { .type = (unsigned char)record[sizeof found.inode],
                                     .name = record + HEAD };
    memcpy(&found.inode, record, sizeof found.inode);
    found.next = level->at + HEAD + strlen(found.name) + 1;
    return found;
}

static int read_names(struct weft__walk_level *level, weft_dir *dir)
{
    weft_dir_entry entry;
    int rc = weft_dir_next(dir, &entry);
    while (rc > 0) {
        rc = keep(level, &entry);
        if (rc == 0)
            rc = weft_dir_next(dir, &entry);
    }
    return rc;
}

static int identify(int fd, struct weft__file_identity *ret_identity)
{
    unsigned char type;
    return weft__file_type(fd, "", AT_EMPTY_PATH, &type, ret_identity);
}

int weft__walk_level_open(struct weft__walk_level *level, int folder, const char *name, int flags)
{
    weft_dir *dir;
    *level = (struct weft__walk_level){ .fd = -1 };
    int rc = weft__dir_open(folder, name, flags, &dir);
    if (rc)
        return rc;
    rc = identify(weft_dir_fd(dir), &level->identity);
    if (rc == 0)
        rc = read_names(level, dir);
    level->fd = weft__dir_release(dir);
    if (rc)
        weft__walk_level_close(level);
    return rc;
}

int weft__walk_level_reopen(struct weft__walk_level *level, const struct weft__walk_level *child)
{
    struct weft__file_identity found;
    struct weft__file_call call = { .verb = WEFT__FILE_OPEN,
                                    .fd = child->fd,
                                    .path = "..",
                                    .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC };
    int fd = child->fd < 0 ? -ESTALE : (int)weft__file_do(&call);
    if (fd < 0)
        return fd;
    int rc = identify(fd, &found);
    if (rc == 0 && (found.inode != level->identity.inode || found.device != level->identity.device))
        rc = -ESTALE;
    if (rc)
        weft__file_shut(fd);
    else
        level->fd = fd;
    return rc;
}

void weft__walk_level_shut(struct weft__walk_level *level)
{
    if (level->fd >= 0)
        weft__file_shut(level->fd);
    level->fd = -1;
}

void weft__walk_level_close(struct weft__walk_level *level)
{
    weft__walk_level_shut(level);
    free(level->names);
    level->names = NULL;
}
