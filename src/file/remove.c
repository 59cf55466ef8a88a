/* Trees of folders: making the way to one, removing one. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "weft/dir.h"
#include "weft/file.h"

#define ROUNDS 3 /* while somebody puts files there */

/* It was in the way: 0 if it is a folder. */
static int expect_folder(int folder, const char *path)
{
    struct weft__file_identity identity;
    unsigned char type;
    int rc = weft__file_type(folder, path, 0, &type, &identity);
    return rc ? rc : type == DT_DIR ? 0 : -ENOTDIR;
}

static int make_above(int folder, char *path, mode_t mode)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int rc = weft_dir_make_at(folder, path, mode);
        *slash = '/';
        if (rc && rc != -EEXIST)
            return rc;
    }
    return 0;
}

int weft_dir_make_all(int folder, const char *path, mode_t mode)
{
    int rc = weft_dir_make_at(folder, path, mode);
    if (rc == -ENOENT && *path) {
        char *copy = strdup(path);
        rc = copy ? make_above(folder, copy, mode) : -ENOMEM;
        free(copy);
        if (rc == 0)
            rc = weft_dir_make_at(folder, path, mode);
    }
    return rc == -EEXIST ? expect_folder(folder, path) : rc;
}

/* What does not exist any more is as good as removed. */
static int remove_one(int folder, const char *path, int flags)
{
    int rc = weft_file_unlink_at(folder, path, flags);
    return rc == -ENOENT ? 0 : rc;
}

static int remove_entry(const weft_walk_entry *entry)
{
    if (entry->what == WEFT_WALK_ENTRY)
        return entry->type == DT_DIR ? 0 : remove_one(entry->folder, entry->name, 0);
    int rc = remove_one(entry->folder, entry->name, AT_REMOVEDIR);
    bool says_more = entry->what == WEFT_WALK_FAILED && rc && rc != -ECANCELED && rc != -ETIMEDOUT;
    return says_more ? entry->error : rc;
}

/* The tree's own last one. To ask the walk for another would be a cancellation point more. */
static bool is_last(const weft_walk_entry *entry)
{
    return entry->depth == 0 && (entry->what != WEFT_WALK_ENTRY || entry->type != DT_DIR);
}

static size_t without_slashes(const char *path)
{
    size_t end = strlen(path);
    while (end && path[end - 1] == '/')
        end--;
    return end;
}

static int remove_tree(int folder, const char *path)
{
    weft_walk_attr attr = { .flags = WEFT_WALK_BOTH };
    weft_walk *walk;
    weft_walk_entry entry;
    int rc = weft_walk_open(folder, path, &attr, &walk), error = 0;
    if (rc)
        return rc;
    while ((rc = weft_walk_next(walk, &entry)) > 0) {
        rc = remove_entry(&entry);
        if (rc == -ECANCELED || rc == -ETIMEDOUT)
            break;
        error = error ? error : rc;
        rc = 0;
        if (is_last(&entry))
            break;
    }
    weft_walk_close(walk);
    return rc ? rc : error;
}

/* Slashes behind it do not count. */
static bool ends_in_dots(const char *path)
{
    size_t end = without_slashes(path), dots = 0;
    while (dots < end && path[end - 1 - dots] == '.')
        dots++;
    return (dots == 1 || dots == 2) && (dots == end || path[end - 1 - dots] == '/');
}

/* Behind a slash the kernel follows a link, and somebody may put one there meanwhile. */
static int remove_folder(int folder, const char *path)
{
    size_t end = without_slashes(path);
    char *copy = strndup(path, end ? end : 1);
    int rc = copy ? -ENOTEMPTY : -ENOMEM;
    for (int i = 0; i < ROUNDS && rc == -ENOTEMPTY; i++)
        rc = remove_tree(folder, copy);
    free(copy);
    return rc == -ENOENT ? 0 : rc;
}

int weft_dir_remove_all(int folder, const char *path)
{
    if (ends_in_dots(path))
        return -EINVAL; /* the kernel would not remove it, but all that is in it had gone */
    int rc = remove_one(folder, path, 0);
    /* The folder above may forbid it before anybody has looked at what it is. */
    if (rc != -EISDIR && rc != -EACCES && rc != -EPERM)
        return rc;
    return remove_folder(folder, path);
}
