/* walk_level.h - a folder on a walk's way down: the names in it that have not come yet. */
#ifndef WEFT_FILE_WALK_LEVEL_H
#define WEFT_FILE_WALK_LEVEL_H

#include "io/file.h"

struct weft__walk_level {
    int fd;      /* -1: closed meanwhile, since too many are open; or lost, */
    int lost;    /* and then this is the error */
    bool linked; /* it may have been entered by a link */
    struct weft__file_identity identity;
    char *names; /* records: inode, type, name with its zero */
    size_t at, end, room;
    size_t path_size; /* of the walk's path, what is this folder's, */
    size_t name_at;   /* and where its name begins there */
};

struct weft__walk_name {
    uint64_t inode;
    unsigned char type;
    const char *name;
    size_t next; /* the `at` behind it */
};

/* Opens a folder and takes its names; `flags` as weft__dir_open() has them. A cancellation point,
 * that leaves nothing behind. Returns 0 or an error. */
int weft__walk_level_open(struct weft__walk_level *level, int folder, const char *name, int flags);

/* Opens it anew by way of `child`, a folder in it that is open. Returns 0, -ESTALE (that is in
 * another folder now) or an error. A cancellation point. */
int weft__walk_level_reopen(struct weft__walk_level *level, const struct weft__walk_level *child);

/* The first of its names that has not come; there is one. */
struct weft__walk_name weft__walk_level_name(const struct weft__walk_level *level);

/* Closes its descriptor, if that is open. */
void weft__walk_level_shut(struct weft__walk_level *level);

/* Shuts it, and frees the names. */
void weft__walk_level_close(struct weft__walk_level *level);

#endif
