/* Walks through trees of folders.
 *
 * WALK-1  The levels are the folders on the way down, the last one is where the walk is. That
 *         one is open, unless it is lost; of those above it WALK_OPEN are, the others are opened
 *         anew on the way back, and only if they are the same as before. The way back is "..",
 *         which of what a link led to is another folder: so whatever holds such a link stays
 *         open.
 * WALK-2  A name is opened in the folder that it was read from, by descriptor, and not through a
 *         link: so the walk never leaves the tree, whatever somebody moves meanwhile.
 * WALK-3  Each step either happens whole, or changes nothing: one that was cancelled can be
 *         taken again. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file/walk_level.h"
#include "weft/dir.h"
#include "weft/scope.h"

#define WALK_OPEN 16
#define FLAGS (WEFT_WALK_FOLLOW | WEFT_WALK_BOTH | WEFT_WALK_ONE_FILE_SYSTEM)

struct weft_walk {
    int folder;
    weft_walk_attr attr;
    bool begun, ended;
    bool enter;  /* the last entry, before going on */
    bool linked; /* that may be a link to a folder */
    weft_walk_entry last;
    struct weft__walk_level *levels; /* WALK-1 */
    unsigned count, room;
    char *path; /* of the last entry */
    size_t path_room;
    size_t name_at; /* the last entry's, in it */
};

int weft_walk_open(int folder, const char *path, const weft_walk_attr *attr, weft_walk **ret_walk)
{
    static const uintptr_t zero[sizeof attr->reserved / sizeof *attr->reserved];
    if (!*path ||
        (attr && (attr->flags & ~FLAGS || memcmp(attr->reserved, zero, sizeof zero) != 0)))
        return -EINVAL;
    weft_walk *walk = calloc(1, sizeof *walk);
    char *copy = strdup(path);
    if (!walk || !copy) {
        free(walk);
        free(copy);
        return -ENOMEM;
    }
    walk->folder = folder;
    walk->path = copy;
    walk->path_room = strlen(copy) + 1;
    if (attr)
        walk->attr = *attr;
    *ret_walk = walk;
    return 0;
}

static bool is_cancelled(int rc)
{
    return rc == -ECANCELED || rc == -ETIMEDOUT;
}

static struct weft__walk_level *level_at(const weft_walk *walk, unsigned depth)
{
    return &walk->levels[depth];
}

/* Whose entries have this depth; -1: it is closed or lost. */
static int holder_of(const weft_walk *walk, unsigned depth)
{
    return depth ? level_at(walk, depth - 1)->fd : walk->folder;
}

/* Makes the last entry's path out of its folder's and `name`. */
static int extend_path(weft_walk *walk, const struct weft__walk_level *level, const char *name)
{
    size_t before = level->path_size, size = strlen(name);
    if (before + size + 2 > walk->path_room) {
        char *path = realloc(walk->path, 2 * (before + size + 2));
        if (!path)
            return -ENOMEM;
        walk->path = path;
        walk->path_room = 2 * (before + size + 2);
    }
    if (walk->path[before - 1] != '/')
        walk->path[before++] = '/';
    memcpy(walk->path + before, name, size + 1);
    walk->name_at = before;
    return 0;
}

/* An entry that the caller gets. Its type is known. */
static int tell(weft_walk *walk, weft_walk_entry entry, weft_walk_entry *ret_entry)
{
    entry.path = walk->path;
    entry.name = walk->path + walk->name_at;
    entry.folder = holder_of(walk, entry.depth);
    walk->enter = entry.what == WEFT_WALK_ENTRY && entry.type == DT_DIR &&
                  (walk->attr.depth == 0 || entry.depth < walk->attr.depth);
    walk->last = *ret_entry = entry;
    return 1;
}

/* The same of a level's folder itself. */
static int tell_folder(weft_walk *walk, unsigned depth, enum weft_walk_what what, int error,
                       weft_walk_entry *ret_entry)
{
    const struct weft__walk_level *level = level_at(walk, depth);
    walk->path[level->path_size] = 0;
    walk->name_at = level->name_at;
    weft_walk_entry entry = {
        .what = what, .error = error, .depth = depth, .type = DT_DIR, .inode = level->identity.inode
    };
    return tell(walk, entry, ret_entry);
}

static int find_type(weft_walk *walk, int folder, const char *name, unsigned char *type,
                     uint64_t *inode)
{
    struct weft__file_identity identity;
    int flags = walk->attr.flags & WEFT_WALK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW;
    int rc = weft__file_type(folder, name, flags, type, &identity);
    if (rc == -ENOENT && flags == 0) /* a link that leads nowhere is an entry, too */
        rc = weft__file_type(folder, name, AT_SYMLINK_NOFOLLOW, type, &identity);
    if (rc == 0)
        *inode = identity.inode;
    return rc;
}

static int begin(weft_walk *walk, weft_walk_entry *ret_entry)
{
    weft_walk_entry entry = { .what = WEFT_WALK_ENTRY };
    int rc = find_type(walk, walk->folder, walk->path, &entry.type, &entry.inode);
    if (is_cancelled(rc))
        return rc;
    walk->begun = true;
    walk->ended = rc < 0;
    return rc < 0 ? rc : tell(walk, entry, ret_entry);
}

static int make_room(weft_walk *walk)
{
    if (walk->count < walk->room)
        return 0;
    unsigned room = walk->room ? 2 * walk->room : WALK_OPEN;
    struct weft__walk_level *levels = realloc(walk->levels, room * sizeof *levels);
    if (!levels)
        return -ENOMEM;
    walk->levels = levels;
    walk->room = room;
    return 0;
}

/* 0, -ELOOP, or 1: it is of another file system, and they are not wanted. */
static int judge(const weft_walk *walk, const struct weft__walk_level *found)
{
    for (unsigned i = 0; i < walk->count; i++) {
        const struct weft__file_identity *above = &level_at(walk, i)->identity;
        if (above->inode == found->identity.inode && above->device == found->identity.device)
            return -ELOOP;
    }
    return walk->attr.flags & WEFT_WALK_ONE_FILE_SYSTEM && walk->count &&
           level_at(walk, 0)->identity.device != found->identity.device;
}

/* The folder that was the last entry. 0: it is a level now, or not wanted; or an error. */
static int enter(weft_walk *walk)
{
    int flags = walk->attr.flags & WEFT_WALK_FOLLOW ? 0 : O_NOFOLLOW; /* WALK-2 */
    int rc = make_room(walk);
    if (rc)
        return rc;
    struct weft__walk_level found;
    rc = weft__walk_level_open(&found, holder_of(walk, walk->last.depth), walk->last.name, flags);
    if (rc)
        return rc;
    rc = judge(walk, &found);
    if (rc) {
        weft__walk_level_close(&found);
        return rc < 0 ? rc : 0;
    }
    found.path_size = strlen(walk->path);
    found.name_at = walk->name_at;
    found.linked = walk->linked;
    *level_at(walk, walk->count++) = found;
    if (walk->count > WALK_OPEN && !level_at(walk, walk->count - WALK_OPEN)->linked)
        weft__walk_level_shut(level_at(walk, walk->count - 1 - WALK_OPEN)); /* WALK-1 */
    return 0;
}

/* The last level, all of whose names have come. 0: there is nothing to tell. */
static int leave(weft_walk *walk, weft_walk_entry *ret_entry)
{
    unsigned depth = walk->count - 1;
    struct weft__walk_level *level = level_at(walk, depth);
    struct weft__walk_level *above = depth ? level_at(walk, depth - 1) : NULL;
    if (above && above->fd < 0) {
        int rc = weft__walk_level_reopen(above, level);
        if (is_cancelled(rc))
            return rc;
        above->lost = rc;
    }
    weft__walk_level_close(level);
    walk->count--;
    if (!(walk->attr.flags & WEFT_WALK_BOTH) || (above && above->lost))
        return 0;
    return tell_folder(walk, depth, WEFT_WALK_AFTER, 0, ret_entry);
}

/* The next name of the last level. 0: it has gone meanwhile. */
static int step(weft_walk *walk, weft_walk_entry *ret_entry)
{
    unsigned depth = walk->count - 1;
    struct weft__walk_level *level = level_at(walk, depth);
    struct weft__walk_name found = weft__walk_level_name(level);
    weft_walk_entry entry = {
        .what = WEFT_WALK_ENTRY, .depth = depth + 1, .type = found.type, .inode = found.inode
    };
    bool unclear =
        entry.type == DT_UNKNOWN || (entry.type == DT_LNK && walk->attr.flags & WEFT_WALK_FOLLOW);
    int rc = unclear ? find_type(walk, level->fd, found.name, &entry.type, &entry.inode) : 0;
    if (is_cancelled(rc))
        return rc;
    if (rc != -ENOENT) /* of any other error who uses it will hear */
        rc = extend_path(walk, level, found.name);
    if (rc == -ENOMEM)
        return rc;
    level->at = found.next;
    walk->linked = unclear && walk->attr.flags & WEFT_WALK_FOLLOW;
    return rc ? 0 : tell(walk, entry, ret_entry);
}

static int tell_failed(weft_walk *walk, int error, weft_walk_entry *ret_entry)
{
    weft_walk_entry entry = walk->last;
    entry.what = WEFT_WALK_FAILED;
    entry.error = error;
    return tell(walk, entry, ret_entry);
}

/* Something has to be done next. 0: and something else after that. */
static int advance(weft_walk *walk, weft_walk_entry *ret_entry)
{
    if (walk->enter) {
        int rc = enter(walk);
        if (is_cancelled(rc))
            return rc;
        walk->enter = false;
        return rc ? tell_failed(walk, rc, ret_entry) : 0;
    }
    struct weft__walk_level *level = level_at(walk, walk->count - 1);
    if (level->lost && level->at < level->end) {
        level->at = level->end;
        return tell_folder(walk, walk->count - 1, WEFT_WALK_FAILED, level->lost, ret_entry);
    }
    return level->at == level->end ? leave(walk, ret_entry) : step(walk, ret_entry);
}

int weft_walk_next(weft_walk *walk, weft_walk_entry *ret_entry)
{
    int rc = weft_checkpoint();
    if (rc)
        return rc;
    if (!walk->begun)
        return begin(walk, ret_entry);
    while (rc == 0 && !walk->ended) {
        if (walk->enter || walk->count)
            rc = advance(walk, ret_entry);
        else
            walk->ended = true;
    }
    return rc;
}

void weft_walk_skip(weft_walk *walk)
{
    walk->enter = false;
}

void weft_walk_close(weft_walk *walk)
{
    if (!walk)
        return;
    while (walk->count)
        weft__walk_level_close(level_at(walk, --walk->count));
    free(walk->levels);
    free(walk->path);
    free(walk);
}
