/* watching.h - a folder of a test's own, what happens there, and what a watcher tells of it. */
#ifndef WEFT_TEST_WATCHING_H
#define WEFT_TEST_WATCHING_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"
#include "tasks.h"

#define NAMES (WEFT_FILE_CREATED | WEFT_FILE_REMOVED | WEFT_FILE_RENAMED)
#define TREE WEFT_FILE_WATCH_TREE
#define EXISTING WEFT_FILE_WATCH_EXISTING

struct place {
    char path[64];
    weft_file_watcher *watcher;
    char story[8192];
};

/* The folder is `path`, and "outside" beside it, on the same file system. */
static inline void place_open(struct place *place)
{
    const char *tmp = getenv("TMPDIR");
    char path[40];
    snprintf(path, sizeof path, "%.20s/weft-XXXXXX", tmp && strlen(tmp) <= 20 ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(path));
    snprintf(place->path, sizeof place->path, "%s/in", path);
    ck_assert_int_eq(mkdir(place->path, 0700), 0);
    ck_assert_int_eq(weft_file_watcher_create(&place->watcher), 0);
}

static inline int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void place_close(struct place *place)
{
    weft_file_watcher_destroy(place->watcher);
    *strrchr(place->path, '/') = 0;
    nftw(place->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path of a name in it; "../name" is outside. The last few stay; for one at a time. */
static inline const char *in(const struct place *place, const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s%s%s", place->path, *name ? "/" : "", name);
    return path;
}

static inline void make_folder(const struct place *place, const char *name)
{
    ck_assert_int_eq(mkdir(in(place, name), 0700), 0);
}

/* Writes a byte, to a new file or to one that is there. */
static inline void write_file(const struct place *place, const char *name)
{
    int fd = open(in(place, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "x", 1), 1);
    close(fd);
}

static inline void remove_entry(const struct place *place, const char *name)
{
    ck_assert_int_eq(remove(in(place, name)), 0);
}

static inline void move_entry(const struct place *place, const char *from, const char *to)
{
    ck_assert_int_eq(rename(in(place, from), in(place, to)), 0);
}

static inline int watch(const struct place *place, const char *name, unsigned events,
                        unsigned options)
{
    int id = weft_file_watcher_add(place->watcher, in(place, name), events, options);
    ck_assert_int_gt(id, 0);
    return id;
}

static inline const char *word_of(unsigned change)
{
    return change == WEFT_FILE_CREATED      ? "created"
           : change == WEFT_FILE_REMOVED    ? "removed"
           : change == WEFT_FILE_RENAMED    ? "renamed"
           : change == WEFT_FILE_MODIFIED   ? "modified"
           : change == WEFT_FILE_WRITTEN    ? "written"
           : change == WEFT_FILE_ATTRIBUTES ? "attributes"
           : change == WEFT_FILE_LOST       ? "lost"
           : change == WEFT_FILE_ENDED      ? "ended"
           : change == WEFT_FILE_UNWATCHED  ? "unwatched"
                                            : "?";
}

/* The path below the folder. */
static inline const char *short_path(const struct place *place, const char *path)
{
    size_t size = strlen(place->path);
    ck_assert_msg(strncmp(path, place->path, size) == 0, "%s is elsewhere", path);
    return path[size] ? path + size + 1 : ".";
}

static inline void tell_event(struct place *place, const weft_file_event *event)
{
    size_t size = strlen(place->story);
    char *to = place->story + size;
    const char *error = event->error == -ENOENT   ? " ENOENT"
                        : event->error == -ESTALE ? " ESTALE"
                        : event->error == -ENOSPC ? " ENOSPC"
                        : event->error == -EACCES ? " EACCES"
                        : event->error            ? " ?"
                                                  : "";
    snprintf(to, sizeof place->story - size, "%s%s%s%s%s%s%s%s", size ? ", " : "",
             word_of(event->change), event->from ? " " : "",
             event->from ? short_path(place, event->from) : "", event->path ? " " : "",
             event->path ? short_path(place, event->path) : "", event->folder ? "/" : "", error);
}

/* What is told until a file that is made now is seen, as text. Names have to be watched. */
static inline const char *story_of(struct place *place)
{
    weft_file_event event;
    bool last = false;
    place->story[0] = 0;
    write_file(place, "end");
    while (!last) {
        ck_assert_int_eq(weft_file_watcher_next(place->watcher, &event), 0);
        last = event.path && event.change == WEFT_FILE_CREATED &&
               strcmp(short_path(place, event.path), "end") == 0;
        if (!last && !(event.path && strcmp(short_path(place, event.path), "end") == 0))
            tell_event(place, &event);
        weft_file_event_clear(&event);
    }
    remove_entry(place, "end");
    return place->story;
}

/* Of so many events that are to come. */
static inline const char *next_events(struct place *place, int count)
{
    weft_file_event event;
    place->story[0] = 0;
    while (count-- > 0) {
        ck_assert_int_eq(weft_file_watcher_next(place->watcher, &event), 0);
        tell_event(place, &event);
        weft_file_event_clear(&event);
    }
    return place->story;
}

#endif
