/* watcher.h - file watchers: what they know of the folders that they watch.
 *
 *     watch --> its root --> entries below, a tree of names
 *                              |  each folder's entry is a place of
 *                            node: an inotify watch, one per inode, of all watches
 *
 * The kernel's queue tells of the past, a look at a folder of the present. Both have to
 * make one story:
 *
 * FILE-1  The tree of entries is what the events up to now, `consumed`, have told. An entry's
 *         path is its ancestors' names, so a rename is one change of the tree.
 * FILE-2  A folder is looked at after its inotify watch stands. Until all that was in the
 *         queue at the end of the look (its `fence`) has been consumed the folder is fresh,
 *         and has an entry for each name that has been told as created: what the queue tells
 *         of others, or again, was part of what the look has seen. So each entry is created
 *         once, and removed only if it was created. (A quiet folder's content is not told:
 *         it has entries for folders alone, and no name is dropped.)
 * FILE-3  A fresh folder was found by a path that was true at `consumed`; what has been
 *         renamed since the kernel tells before the fence. So after a rename every fresh
 *         folder below is found again; if it is another one, or was not there, its
 *         content begins anew, after what was told of it is told as removed.
 * FILE-4  The kernel changes a folder's names, and tells of it, while it holds that folder's
 *         lock, which who lists the folder takes, too. So when one of its folders has been
 *         listed after the first half of a rename has been read, the second half is in the
 *         queue, or there is none. The same for a path that is not there: the rename or
 *         removal that was the cause is in the queue after the folder above was listed.
 * FILE-5  `lock` guards all. Who receives has `turn`, too, for as long as he waits: the buffer
 *         is his. `closed` is set before `wake` is made readable, who wakes looks after.
 * FILE-6  When a folder and another name change places (RENAME_EXCHANGE) the kernel tells of
 *         two renames, there and back; that there is something under both names in between it
 *         does not say, and one of the two would be forgotten. So that is not told, but `lost`:
 *         all is looked at anew. It is known by a folder that was there under the second name,
 *         and that tells of its own rename, which one that is replaced does not (FILE-7); or by
 *         what comes back, which is none.
 * FILE-7 The kernel does not tell what its queue's last event says in the same words, and does not
 *         compare the cookies: a folder that is renamed, and at once replaced by one from
 *         elsewhere, would be one event. So each folder that is watched tells of its own rename,
 *         which comes in between. What was renamed before it was watched is fresh, and looked at
 *         when the one event is consumed. */
#ifndef WEFT_FILE_WATCHER_H
#define WEFT_FILE_WATCHER_H

#include <sys/types.h>

#include "base/atomic.h"
#include "base/list.h"
#include "weft/file_watch.h"
#include "weft/mutex.h"

/* A table of things by hash. */
struct weft__table_link {
    struct weft__table_link *next;
    uint64_t hash;
};

struct weft__table {
    struct weft__table_link **buckets;
    size_t size, count; /* a power of 2, or 0 */
};

struct weft__file_node {
    struct weft__table_link by_number;
    int number;               /* inotify's */
    bool gone;                /* the kernel has removed it */
    struct weft__list places; /* entries; none: to be swept */
    struct weft__list unused;
};

struct weft__file_watch {
    struct weft__list link;
    int id;
    unsigned events, options;
    struct weft__file_entry *root;
    char *base;   /* the working directory that its path began in; NULL: none is needed or known */
    dev_t device; /* of a root that is no folder */
    ino_t inode;
};

struct weft__file_entry {
    struct weft__table_link by_name;
    struct weft__file_watch *watch;
    struct weft__file_entry *parent; /* NULL: the root */
    struct weft__list children, sibling;
    struct weft__file_node *node; /* NULL: it is not watched */
    struct weft__list place;
    struct weft__list to_look, fresh_link;
    uint64_t fence, stamp; /* stamp: the last event that it was told of */
    bool folder, fresh, quiet;
    bool refused; /* was told as WEFT_FILE_UNWATCHED */
    char *name;   /* the root's: a path, without a slash at its end */
};

struct weft_file_watcher {
    weft_mutex turn, lock; /* FILE-5 */
    int fd, wake;
    pid_t owner;
    _Atomic(bool) closed;
    bool lost; /* to be told, after a look at all */
    int last_id;
    struct weft__list told; /* events */
    unsigned told_count;
    struct weft__list watches, unused, to_look, fresh; /* fresh: by their fences */
    struct weft__table nodes, names;
    char *buffer; /* from the kernel: [start, end) */
    size_t room, start, end;
    uint64_t consumed, stamp;
};

/* watcher_tree.c. Under the lock, as all that follows. */

/* NULL: memory is out, which is `lost`. */
struct weft__file_entry *weft__file_entry_add(weft_file_watcher *watcher,
                                              struct weft__file_watch *watch,
                                              struct weft__file_entry *parent, const char *name,
                                              bool folder);
struct weft__file_entry *weft__file_entry_find(weft_file_watcher *watcher,
                                               struct weft__file_entry *parent, const char *name);
/* With all that is below. NULL is ignored. */
void weft__file_entry_forget(weft_file_watcher *watcher, struct weft__file_entry *entry);
void weft__file_entry_forget_below(weft_file_watcher *watcher, struct weft__file_entry *entry);
/* False: memory is out, it is forgotten. */
bool weft__file_entry_move(weft_file_watcher *watcher, struct weft__file_entry *entry,
                           struct weft__file_entry *parent, const char *name);
/* Of the entry, or of a name below it. malloc'd; NULL: memory is out. */
char *weft__file_entry_path(const struct weft__file_entry *entry, const char *name);

struct weft__file_node *weft__file_node_find(weft_file_watcher *watcher, int number);
/* The entry is a place of the node of that number, and of no other. 0 or -ENOMEM. */
int weft__file_node_join(weft_file_watcher *watcher, struct weft__file_entry *entry, int number);
void weft__file_node_part(weft_file_watcher *watcher, struct weft__file_entry *entry);
/* The kernel has removed it. */
void weft__file_node_gone(weft_file_watcher *watcher, struct weft__file_node *node);
/* Removes those without a place. */
void weft__file_nodes_sweep(weft_file_watcher *watcher);

/* watcher_tell.c: events for the receiver, if the watch is for them. */

struct weft__file_name {
    struct weft__file_entry *at;
    const char *name; /* below `at`; NULL: `at` itself */
};

void weft__file_tell(weft_file_watcher *watcher, unsigned change, struct weft__file_name name,
                     bool folder, int error);
void weft__file_tell_renamed(weft_file_watcher *watcher, struct weft__file_name from,
                             struct weft__file_name to, bool folder);
/* The first; 0 or -EAGAIN. */
int weft__file_told(weft_file_watcher *watcher, weft_file_event *ret_event);
/* Drops all, or those of a watch. */
void weft__file_untell(weft_file_watcher *watcher, int watch);

/* watcher_open.c. */

/* The folder: a descriptor or an error. */
int weft__file_open(const struct weft__file_entry *entry);
/* It, as it was opened: inotify's number or an error. */
int weft__file_watch_opened(weft_file_watcher *watcher, const struct weft__file_entry *entry,
                            int fd);
/* A root that is no folder. 0 or an error. */
int weft__file_watch_file(weft_file_watcher *watcher, struct weft__file_entry *root);
/* Errors by which a path says that nothing is there, or that it is no folder any more. */
bool weft__file_is_absent(int error);
/* Whether its path leads to it still, as far as can be told. That a file is gone the kernel tells
 * only when nobody has it open any more; that it has a name less (IN_ATTRIB), at once. */
bool weft__file_is_there(const struct weft__file_entry *root);
/* FILE-4: lists the folder, or the first above it that is there. */
void weft__file_look_firmly(const struct weft__file_entry *entry);

/* watcher_look.c. */

/* Of a watch whose root is new. 0 or an error. */
int weft__file_look_first(weft_file_watcher *watcher, struct weft__file_watch *watch);
/* Looks at a new folder and all below. The first error that no folder is the cause of. */
int weft__file_look(weft_file_watcher *watcher, struct weft__file_entry *entry, bool quiet);
/* FILE-3. */
void weft__file_look_again(weft_file_watcher *watcher, struct weft__file_entry *entry);
/* After events were lost. */
void weft__file_look_at_all(weft_file_watcher *watcher);
/* Those whose fence has been consumed. */
void weft__file_look_done(weft_file_watcher *watcher);

/* watcher_watch.c. */

/* Ends a watch, and tells it. */
void weft__file_watch_end(weft_file_watcher *watcher, struct weft__file_watch *watch, int error);
void weft__file_watch_drop(weft_file_watcher *watcher, struct weft__file_watch *watch);

/* watcher_story.c: what the kernel has told of a place. */

void weft__file_created(weft_file_watcher *watcher, struct weft__file_name what, bool folder);
void weft__file_removed(weft_file_watcher *watcher, struct weft__file_name what, bool folder);
void weft__file_renamed(weft_file_watcher *watcher, struct weft__file_name from,
                        struct weft__file_name to, bool folder);
/* `bits`: IN_MODIFY and the like. */
void weft__file_changed(weft_file_watcher *watcher, struct weft__file_name what, uint32_t bits);
/* Of what is watched itself. Of folders below a root the folder above tells, too. */
void weft__file_itself(weft_file_watcher *watcher, struct weft__file_entry *at, uint32_t bits);

/* watcher_events.c. */

/* Reads what the kernel has, once. 0, -EAGAIN or an error. */
int weft__file_events_read(weft_file_watcher *watcher);
bool weft__file_events_left(const weft_file_watcher *watcher);
/* Whether the next one needs a look at a folder, or at a path. */
bool weft__file_events_long(weft_file_watcher *watcher);
/* At least one, and others until something was lost; `apart`: also those that need a look. */
void weft__file_events_consume(weft_file_watcher *watcher, bool apart);

/* watcher.c. */

/* 0, -EPIPE or -EPERM. */
int weft__file_usable(weft_file_watcher *watcher);
/* A cancellation point, also where nobody holds it. */
int weft__file_lock(weft_mutex *mutex);
void weft__file_wake(weft_file_watcher *watcher);
/* What asks the kernel and does not suspend: errno is as it was. */
int weft__file_here(int (*fn)(void *arg), void *arg);
/* What takes long, on a thread of the blocking pool; a plain thread may block itself, and who
 * gets no thread has no choice. 0, or -ECANCELED and the like: it has not begun. */
int weft__file_apart(int (*fn)(void *arg), void *arg, int *ret_result);

#endif
