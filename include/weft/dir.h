/* weft/dir.h - folders: their entries, whole trees of them.
 *
 * As for files (weft/file.h), tasks are suspended while the disk works, paths are relative to
 * `folder`, and errors are those of the system calls. Names are what the kernel keeps: bytes
 * without a slash. The constants DT_... are in <dirent.h>, AT_FDCWD in <fcntl.h>.
 *
 * A signal's handler must not leave one of these calls by a jump (weft/file.h).
 *
 * Any task or plain thread; an iterator is used by one at a time, any. */
#ifndef WEFT_DIR_H
#define WEFT_DIR_H

#include <sys/types.h>

#include <weft/common.h>
#include <weft/file.h>

WEFT__BEGIN

/* mkdirat(2); rmdir(2), of an empty folder (weft/file.h). Suspends; a cancellation point. */
WEFT_API int weft_dir_make_at(int folder, const char *path, mode_t mode) WEFT__NONNULL(2);
#define weft_dir_make(path, mode) weft_dir_make_at(AT_FDCWD, path, mode)
#define weft_dir_remove(path) weft_file_unlink_at(AT_FDCWD, path, AT_REMOVEDIR)

/* What a folder holds. */
typedef struct weft_dir weft_dir;

typedef struct weft_dir_entry {
    const char *name; /* the iterator's, until it goes on */
    uint64_t inode;
    unsigned char type; /* DT_REG, DT_DIR, DT_LNK, ...; DT_UNKNOWN: the file system does not say */
} weft_dir_entry;

/* Opens a folder. *ret_dir is the caller's, who closes it. Suspends; a cancellation point.
 * Returns 0, -ENOTDIR, -ENOMEM, -ECANCELED, -ETIMEDOUT or another error of openat(2). */
WEFT_API int weft_dir_open(int folder, const char *path, weft_dir **ret_dir) WEFT__NONNULL(2, 3);

/* The next entry, "." and ".." left out, in the order of the file system. Entries that come or go
 * meanwhile may be seen or not. Suspends now and then; a cancellation point, and nothing is
 * skipped then.
 * Returns 1, 0 at the end, -ECANCELED, -ETIMEDOUT or another error of getdents64(2). */
WEFT_API int weft_dir_next(weft_dir *dir, weft_dir_entry *ret_entry) WEFT__NONNULL(1, 2);

/* Its descriptor, for weft_file_open_at(weft_dir_fd(dir), entry.name, ...) and the like; the
 * iterator's. Never suspends. */
WEFT_API int weft_dir_fd(const weft_dir *dir) WEFT__NONNULL(1);

/* Closes it. NULL is ignored. Never suspends. */
WEFT_API void weft_dir_close(weft_dir *dir);

/* A walk through a tree of folders. */
typedef struct weft_walk weft_walk;

/* Symbolic links to folders are entered; one that leads back to where the walk is, is an error
 * of its entry, -ELOOP. Without this flag they are entries as others. */
#define WEFT_WALK_FOLLOW 0x1u
/* A folder comes again after all that it holds: WEFT_WALK_AFTER. */
#define WEFT_WALK_BOTH 0x2u
/* Folders of other file systems come, but are not entered. */
#define WEFT_WALK_ONE_FILE_SYSTEM 0x4u

enum weft_walk_what {
    WEFT_WALK_ENTRY,  /* an entry; a folder comes before what it holds */
    WEFT_WALK_AFTER,  /* a folder, after all that it holds */
    WEFT_WALK_FAILED, /* a folder, whose entry has come before, and of whose content, or of the
                       * rest of it, nothing comes: `error` says why */
};

typedef struct weft_walk_entry {
    enum weft_walk_what what;
    int error;          /* of WEFT_WALK_FAILED; else 0 */
    int folder;         /* a descriptor of the folder that holds it, the walk's; -1: that is lost */
    const char *name;   /* its name in there (where the walk began: its path), */
    const char *path;   /* and its path, which begins with that of the walk; the walk's, all */
    unsigned depth;     /* 0: where the walk began */
    unsigned char type; /* DT_...; always known, but where it could not be found out */
    uint64_t inode;
} weft_walk_entry;

/* How to walk. All zero means: the defaults. */
typedef struct weft_walk_attr {
    unsigned flags;        /* WEFT_WALK_* */
    unsigned depth;        /* folders at this depth are not entered; 0: no limit */
    uintptr_t reserved[4]; /* must be zero */
} weft_walk_attr;

/* Begins a walk at `path`, whatever that is; `attr` may be NULL. *ret_walk is the caller's, who
 * closes it. Looks at nothing yet. Never suspends. Returns 0, -EINVAL (attributes out of range, or
 * no path) or -ENOMEM. */
WEFT_API int weft_walk_open(int folder, const char *path, const weft_walk_attr *attr,
                            weft_walk **ret_walk) WEFT__NONNULL(2, 4);

/* The next entry: `path` itself first, then all below it, each folder before what it holds. What
 * *ret_entry points at is the walk's and stays until the next call. A folder that cannot be read
 * is an entry of its own, WEFT_WALK_FAILED, and the walk goes on. Links are not followed, those
 * that somebody puts in the place of a folder meanwhile neither (but with WEFT_WALK_FOLLOW). The
 * names of the folders on the way down are in memory, and up to 16 of them are open. Of what
 * changes meanwhile some may be seen and some not; a folder that is moved while the walk is
 * further down, and those above it, may be lost: they do not come again, not with WEFT_WALK_BOTH
 * either, and those of which names are left fail with -ESTALE.
 *
 * Suspends now and then; a cancellation point, and nothing is skipped then: the walk can go on.
 * Returns 1, 0 at the end, -ECANCELED, -ETIMEDOUT, -ENOMEM, or the error of looking at `path`
 * itself; after that there is nothing more. */
WEFT_API int weft_walk_next(weft_walk *walk, weft_walk_entry *ret_entry) WEFT__NONNULL(1, 2);

/* The folder that has just come as an entry is not entered (nor does it come again). Never
 * suspends. */
WEFT_API void weft_walk_skip(weft_walk *walk) WEFT__NONNULL(1);

/* Ends a walk. NULL is ignored. Never suspends. */
WEFT_API void weft_walk_close(weft_walk *walk);

/* Makes a folder and those above it that are missing, with `mode` without the umask's. It may be
 * there already.
 * Returns 0, -ENOTDIR (something on the way, or at its end, is not a folder) or another error;
 * then, as after -ECANCELED or -ETIMEDOUT, some of those above it may have been made. Suspends; a
 * cancellation point. */
WEFT_API int weft_dir_make_all(int folder, const char *path, mode_t mode) WEFT__NONNULL(2);

/* Removes a file, a link, or a folder with all that it holds; nothing there is fine. Links are
 * removed, never followed, those neither that somebody puts in the place of a folder meanwhile:
 * only what lies below `path` is ever removed.
 *
 * What cannot be removed is left, the rest is removed, and the first error returned. After
 * -ECANCELED or -ETIMEDOUT a file is whole, and a folder is still there, with what has not been
 * removed yet. Suspends; a cancellation point.
 * Returns 0 or an error; -ENOTEMPTY: somebody goes on putting files there. */
WEFT_API int weft_dir_remove_all(int folder, const char *path) WEFT__NONNULL(2);

WEFT__END

#endif
