/* replacement.h - a file that takes another one's place when it is whole.
 *
 * REPLACE-1  It has a name of its own in the folder of the other, which is held by descriptor, so
 *            that both names stay in one folder whatever becomes of that.
 * REPLACE-2  It has either taken the other's place, once, or is removed by
 *            weft__replacement_finish(), whatever is in force then. */
#ifndef WEFT_FILE_REPLACEMENT_H
#define WEFT_FILE_REPLACEMENT_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct weft__replacement {
    int folder;
    int fd;           /* to write to; -1: it is closed */
    const char *name; /* whose place it takes; the caller's */
    bool replaced;    /* it has taken it, */
    bool renamed;     /* by a rename, and so has its own name no more: */
    char own[NAME_MAX + 1];
};

/* Makes the file. Returns 0, -EISDIR (the path does not end in a name) or an error. A cancellation
 * point. */
int weft__replacement_begin(struct weft__replacement *new, int folder, const char *path,
                            mode_t mode);

/* Takes the place; `exclusive`: -EEXIST if there is a file; `sync`: both are synchronized. A
 * cancellation point until it has taken it. Returns 0 or an error; `replaced` tells. */
int weft__replacement_commit(struct weft__replacement *new, bool exclusive, bool sync);

/* REPLACE-2. Suspends; no cancellation point. */
void weft__replacement_finish(struct weft__replacement *new);

#endif
