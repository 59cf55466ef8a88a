/* What the kernel tells of a name in one place, and what becomes of it. The rules are in
 * watcher.h. */
#include <errno.h>
#include <sys/inotify.h>

#include "file/watcher.h"

/* FILE-2: nothing but what was told as created can be told of. */
static bool is_strict(const struct weft__file_entry *at)
{
    return at->fresh && !at->quiet;
}

/* A look may have seen what is told of. But a folder that was known before, and has been moved
 * there, is replaced. */
static bool is_seen(const struct weft__file_entry *at, const struct weft__file_entry *known)
{
    return known && at->fresh && (known->fresh || !known->folder);
}

void weft__file_created(weft_file_watcher *watcher, struct weft__file_name what, bool folder)
{
    struct weft__file_entry *at = what.at, *known = weft__file_entry_find(watcher, at, what.name);
    bool goes_on = folder && at->watch->options & WEFT_FILE_WATCH_TREE;
    if (!is_seen(at, known) || !is_strict(at))
        weft__file_tell(watcher, WEFT_FILE_CREATED, what, folder, 0);
    if (is_seen(at, known)) { /* perhaps another was there before, and what was found */
        weft__file_look_again(watcher, known);
        return;
    }
    weft__file_entry_forget(watcher, known);
    if (!goes_on && !is_strict(at))
        return;
    known = weft__file_entry_add(watcher, at->watch, at, what.name, goes_on);
    if (known && goes_on)
        weft__file_look(watcher, known, false);
}

void weft__file_removed(weft_file_watcher *watcher, struct weft__file_name what, bool folder)
{
    struct weft__file_entry *known = weft__file_entry_find(watcher, what.at, what.name);
    if (!known && is_strict(what.at))
        return;
    weft__file_tell(watcher, WEFT_FILE_REMOVED, what, folder, 0);
    weft__file_entry_forget(watcher, known);
}

/* A look has already found it under its new name, and all that is below. */
static bool is_found(const struct weft__file_entry *from, const struct weft__file_entry *to)
{
    return from && to && from->folder && to->folder && to->fresh &&
           (!from->node || from->node == to->node);
}

/* What a look has found under the old name has come there since. */
static bool is_another(const struct weft__file_entry *old, bool folder)
{
    return old->watch->options & WEFT_FILE_WATCH_TREE && old->folder != folder;
}

void weft__file_renamed(weft_file_watcher *watcher, struct weft__file_name from,
                        struct weft__file_name to, bool folder)
{
    struct weft__file_entry *old = weft__file_entry_find(watcher, from.at, from.name);
    struct weft__file_entry *new = weft__file_entry_find(watcher, to.at, to.name);
    bool goes_on = folder && to.at->watch->options & WEFT_FILE_WATCH_TREE;
    if (!old && is_strict(from.at)) {
        weft__file_created(watcher, to, folder);
        return;
    }
    if (is_found(old, new)) {
        weft__file_removed(watcher, from, folder);
        weft__file_look_again(watcher, new);
        return;
    }
    if (!(from.at->watch->events & WEFT_FILE_RENAMED) || (old && is_another(old, folder))) {
        weft__file_removed(watcher, from, folder);
        weft__file_created(watcher, to, folder);
        return;
    }
    weft__file_tell_renamed(watcher, from, to, folder);
    weft__file_entry_forget(watcher, new);
    if (old && (goes_on || is_strict(to.at))) {
        if (weft__file_entry_move(watcher, old, to.at, to.name))
            weft__file_look_again(watcher, old);
        return;
    }
    weft__file_entry_forget(watcher, old);
    if (!goes_on && !is_strict(to.at))
        return;
    new = weft__file_entry_add(watcher, to.at->watch, to.at, to.name, goes_on);
    if (new &&goes_on)
        weft__file_look(watcher, new, false);
}

void weft__file_changed(weft_file_watcher *watcher, struct weft__file_name what, uint32_t bits)
{
    bool folder = bits & IN_ISDIR;
    if (is_strict(what.at) && what.name && !weft__file_entry_find(watcher, what.at, what.name))
        return;
    if (bits & IN_MODIFY)
        weft__file_tell(watcher, WEFT_FILE_MODIFIED, what, folder, 0);
    if (bits & IN_CLOSE_WRITE)
        weft__file_tell(watcher, WEFT_FILE_WRITTEN, what, folder, 0);
    if (bits & IN_ATTRIB)
        weft__file_tell(watcher, WEFT_FILE_ATTRIBUTES, what, folder, 0);
}

void weft__file_itself(weft_file_watcher *watcher, struct weft__file_entry *at, uint32_t bits)
{
    int error = bits & IN_UNMOUNT ? -ENODEV : bits & IN_MOVE_SELF ? -ESTALE : -ENOENT;
    bool ends = bits & (IN_UNMOUNT | IN_MOVE_SELF | IN_DELETE_SELF | IN_IGNORED);
    if (at->parent && bits & IN_UNMOUNT) {
        at->refused = true;
        weft__file_tell(watcher, WEFT_FILE_UNWATCHED, (struct weft__file_name){ at, NULL }, true,
                        error);
    }
    if (at->parent)
        return;
    if (!ends) {
        weft__file_changed(watcher, (struct weft__file_name){ at, NULL }, bits);
        ends = bits & IN_ATTRIB && !at->folder && !weft__file_is_there(at);
    }
    if (ends)
        weft__file_watch_end(watcher, at->watch, error);
}
