/* weft/file_watch.h - changes of files and folders, as a stream of events.
 *
 *     weft_file_watcher_create(&watcher);
 *     weft_file_watcher_add(watcher, "/etc/app", WEFT_FILE_WRITTEN | WEFT_FILE_RENAMED,
 *                           WEFT_FILE_WATCH_TREE);
 *     while (weft_file_watcher_next(watcher, &event) == 0) {
 *         printf("%s\n", event.path);
 *         weft_file_event_clear(&event);
 *     }
 *
 * What is watched is a folder's entries, and with WEFT_FILE_WATCH_TREE those of all folders
 * below it, also of those that come later: a new folder is listed when its watch stands, and
 * what was put into it before is reported as created, each entry once. Links to folders are
 * not followed, but for the path that is given. One may watch a file as well; but many
 * programs write a new file and rename it, and then the one that is watched is gone: watch
 * its folder.
 *
 * Events come in the order of the changes. A rename whose two names are both watched is one
 * event, with both names. A file that comes from elsewhere is created, one that goes
 * elsewhere is removed. Nothing is waited for to tell that, and no times are compared.
 *
 * What cannot be told:
 * - The kernel's queue is bounded (/proc/sys/fs/inotify/max_queued_events). Who receives too
 *   slowly gets WEFT_FILE_LOST in place of what did not fit in.
 * - Changes that follow each other may be one event; and an event may be about something
 *   that has changed again since.
 * - Exchanges of two names (RENAME_EXCHANGE) are two renames, one after the other; of a
 *   folder, in a tree, WEFT_FILE_LOST.
 * - That a folder that was given has been removed, while somebody has it open or works in it: the
 *   kernel tells of it when he leaves it. Its path may lead to another one by then. To hear of
 *   it at once watch the folder above.
 * - That a folder above the one that was given was renamed. Its own end is an event.
 * - Changes through a mapping, or made by other machines in network file systems, and those
 *   in /proc and /sys: the kernel does not say.
 *
 * Each watcher is an inotify instance, and each folder one of its watches: the kernel has
 * limits for both, per user (/proc/sys/fs/inotify/max_user_instances, max_user_watches).
 *
 * In a forked child a watcher is of no use but for weft_file_watcher_destroy(): all other
 * calls return -EPERM, and its parent receives as before. */
#ifndef WEFT_FILE_WATCH_H
#define WEFT_FILE_WATCH_H

#include <stdbool.h>

#include <weft/common.h>

/* What can be asked for. Without WEFT_FILE_RENAMED a rename is a removal and a creation. */
#define WEFT_FILE_CREATED 0x1u     /* an entry has come to be in its folder */
#define WEFT_FILE_REMOVED 0x2u     /* it is not there any more, nor what was below it */
#define WEFT_FILE_RENAMED 0x4u     /* `from` is `path` now; what was `path` is gone */
#define WEFT_FILE_MODIFIED 0x8u    /* its content: written to, truncated */
#define WEFT_FILE_WRITTEN 0x10u    /* closed by somebody who could write to it */
#define WEFT_FILE_ATTRIBUTES 0x20u /* its mode, owner, times, links */

/* What is always told. */

/* Events were lost, of all watches (`watch` is 0): the kernel's queue, or memory, was full, or
 * a folder has changed places.
 * All folders that there are now are watched; what has changed in them one has to look for,
 * after this event. */
#define WEFT_FILE_LOST 0x100u
/* The watch is over, and has been removed: `error` is -ENOENT (what was watched is gone,
 * or its path leads elsewhere), -ESTALE (it has been renamed, so its path is not true any more),
 * -ENODEV (unmounted) or what else keeps it from being watched. */
#define WEFT_FILE_ENDED 0x200u
/* The folder `path`, and what is below it, is not watched: `error` says why. -ENOSPC: the
 * kernel's limit of watches. -EACCES: it cannot be read. -ENODEV: unmounted. -ENOENT: it
 * was renamed or removed while its watch was added, and has not been found again. */
#define WEFT_FILE_UNWATCHED 0x400u

/* Options. */

/* The folders below it, too. */
#define WEFT_FILE_WATCH_TREE 0x1u
/* What is there already is reported as created, once, before all changes. */
#define WEFT_FILE_WATCH_EXISTING 0x2u

WEFT__BEGIN

/* Receives the changes of any number of files and folders. */
typedef struct weft_file_watcher weft_file_watcher;

/* Its names are the receiver's, until weft_file_event_clear(). */
typedef struct weft_file_event {
    unsigned change; /* one of the above */
    int watch;       /* what weft_file_watcher_add() has returned */
    bool folder;
    int error;  /* 0 or negative */
    char *path; /* the path that was added, and what is below it; NULL: WEFT_FILE_LOST */
    char *from; /* WEFT_FILE_RENAMED: as `path`; else NULL */
} weft_file_event;

/* Creates a watcher that watches nothing. Any task or plain thread; never suspends.
 * Returns 0, -EMFILE (descriptors, or the kernel's limit of inotify instances), -ENFILE or
 * -ENOMEM. */
WEFT_API int weft_file_watcher_create(weft_file_watcher **ret_watcher) WEFT__NONNULL(1);

/* Frees the watcher and what has not been received. Nobody uses it. NULL is ignored. Any task
 * or plain thread; never suspends. The kernel takes some time for many watches. */
WEFT_API void weft_file_watcher_destroy(weft_file_watcher *watcher);

/* Nothing is received any more: whoever waits in weft_file_watcher_next(), or comes later,
 * gets -EPIPE. Closing twice does no more than once. Any task or plain thread; never
 * suspends. */
WEFT_API void weft_file_watcher_close(weft_file_watcher *watcher) WEFT__NONNULL(1);

/* Watches `path`, a file or a folder, for the changes in `events`, with options or 0. What
 * changes after it has returned is reported. With WEFT_FILE_WATCH_TREE it looks at all
 * folders that there are, on a thread of the blocking pool (weft_blocking_files()). Those
 * below that may not be read are reported as WEFT_FILE_UNWATCHED. The same may be watched
 * several times; each watch is told. A relative path begins in the working directory of now, also
 * when the program works elsewhere later; if that one has a path that may be followed.
 *
 * Suspends (blocks a plain thread); a cancellation point. Any task or plain thread.
 * Returns the watch, greater than 0; or -EINVAL (no events or unknown ones, unknown options),
 * -ENOENT, -ENOTDIR, -EACCES, -ELOOP, -ENAMETOOLONG, -ENOSPC (not the disk: the kernel's
 * limit of watches, max_user_watches, would be exceeded), -EMFILE, -ENFILE, -ENOMEM, -EPIPE
 * (closed), -EPERM (a forked child), -ECANCELED or -ETIMEDOUT. After an error nothing is
 * watched. */
WEFT_API int weft_file_watcher_add(weft_file_watcher *watcher, const char *path, unsigned events,
                                   unsigned options) WEFT__NONNULL(1, 2);

/* Ends a watch. What it has not told yet is dropped.
 *
 * Suspends while somebody else looks at folders; a cancellation point. Any task or plain
 * thread.
 * Returns 0, -ENOENT (there is no such watch, or it has ended), -EPERM (a forked child),
 * -ENOMEM, -ECANCELED or -ETIMEDOUT (it is still there). */
WEFT_API int weft_file_watcher_remove(weft_file_watcher *watcher, int watch) WEFT__NONNULL(1);

/* Waits for the next event. Of several who wait one gets it. What is below new folders is
 * looked for on a thread of the blocking pool.
 *
 * Suspends (blocks a plain thread); a cancellation point. Any task or plain thread.
 * Returns 0, -EPIPE (closed), -EPERM (a forked child), -ENOMEM, -ECANCELED or -ETIMEDOUT
 * (nothing was received). */
WEFT_API int weft_file_watcher_next(weft_file_watcher *watcher, weft_file_event *ret_event)
    WEFT__NONNULL(1, 2);

/* Frees the event's names. Any caller; never suspends. */
WEFT_API void weft_file_event_clear(weft_file_event *event) WEFT__NONNULL(1);

WEFT__END

#endif
