/* What is watched: adding, removing, and the end of it. The rules are in watcher.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/watcher.h"

#define EVENTS 0x3fu
#define OPTIONS (WEFT_FILE_WATCH_TREE | WEFT_FILE_WATCH_EXISTING)

void weft__file_watch_drop(weft_file_watcher *watcher, struct weft__file_watch *watch)
{
    weft__list_remove(&watch->link);
    weft__file_entry_forget(watcher, watch->root);
    free(watch->base);
    free(watch);
}

void weft__file_watch_end(weft_file_watcher *watcher, struct weft__file_watch *watch, int error)
{
    struct weft__file_entry *root = watch->root;
    weft__file_tell(watcher, WEFT_FILE_ENDED, (struct weft__file_name){ root, NULL }, root->folder,
                    error);
    weft__file_watch_drop(watcher, watch);
}

struct addition {
    weft_file_watcher *watcher;
    struct weft__file_watch *watch;
};

/* malloc'd; NULL: it has no path, or none that may be followed. */
static char *working_directory(void)
{
    struct stat found;
    char *path = getcwd(NULL, 0);
    if (path && stat(path, &found) == 0)
        return path;
    free(path);
    return NULL;
}

static int look(void *arg)
{
    struct addition *addition = arg;
    const char *path = addition->watch->root->name;
    if (*path && *path != '/')
        addition->watch->base = working_directory();
    return weft__file_look_first(addition->watcher, addition->watch);
}

static struct weft__file_watch *make_watch(weft_file_watcher *watcher, const char *path,
                                           unsigned events, unsigned options)
{
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] == '/')
        length--;
    char *name = strndup(path, length);
    struct weft__file_watch *watch = name ? calloc(1, sizeof *watch) : NULL;
    if (watch) {
        watch->events = events;
        watch->options = options;
        watch->root = weft__file_entry_add(watcher, watch, NULL, name, false);
    }
    free(name);
    if (watch && !watch->root) {
        free(watch);
        return NULL;
    }
    return watch;
}

/* Under the lock. */
static int add(weft_file_watcher *watcher, const char *path, unsigned events, unsigned options)
{
    struct weft__file_watch *watch = make_watch(watcher, path, events, options);
    struct addition addition = { watcher, watch };
    int result = 0;
    if (!watch)
        return -ENOMEM;
    watch->id = ++watcher->last_id;
    weft__list_append(&watcher->watches, &watch->link);
    int rc =
        options ? weft__file_apart(look, &addition, &result) : weft__file_here(look, &addition);
    rc = rc ? rc : result;
    if (rc) {
        weft__file_untell(watcher, watch->id);
        weft__file_watch_drop(watcher, watch);
    }
    weft__file_nodes_sweep(watcher);
    if (watcher->told_count || watcher->lost)
        weft__file_wake(watcher);
    return rc ? rc : watcher->last_id;
}

int weft_file_watcher_add(weft_file_watcher *watcher, const char *path, unsigned events,
                          unsigned options)
{
    int rc = weft__file_usable(watcher);
    if (rc == 0 && (events == 0 || events & ~EVENTS || options & ~OPTIONS))
        rc = -EINVAL;
    if (rc == 0 && !*path)
        rc = -ENOENT;
    if (rc == 0)
        rc = weft__file_lock(&watcher->lock);
    if (rc == 0) {
        rc = add(watcher, path, events, options);
        weft_mutex_unlock(&watcher->lock);
    }
    return rc;
}

static struct weft__file_watch *find(weft_file_watcher *watcher, int id)
{
    struct weft__list *all = &watcher->watches;
    for (struct weft__list *at = all->next; at != all; at = at->next) {
        struct weft__file_watch *watch = weft__container_of(at, struct weft__file_watch, link);
        if (watch->id == id)
            return watch;
    }
    return NULL;
}

int weft_file_watcher_remove(weft_file_watcher *watcher, int watch)
{
    int rc = weft__file_usable(watcher);
    if (rc == -EPERM)
        return rc;
    rc = weft__file_lock(&watcher->lock);
    if (rc)
        return rc;
    struct weft__file_watch *found = find(watcher, watch);
    if (found) {
        weft__file_untell(watcher, watch);
        weft__file_watch_drop(watcher, found);
        weft__file_nodes_sweep(watcher);
    }
    weft_mutex_unlock(&watcher->lock);
    return found ? 0 : -ENOENT;
}
