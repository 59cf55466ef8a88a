/* Looking at folders, to watch what is below them. The rules are in watcher.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/watcher.h"

static bool is_tree(const struct weft__file_entry *entry)
{
    return entry->watch->options & WEFT_FILE_WATCH_TREE;
}

static bool is_folder(DIR *dir, const struct dirent *found)
{
    struct stat stat;
    if (found->d_type != DT_UNKNOWN)
        return found->d_type == DT_DIR;
    return fstatat(dirfd(dir), found->d_name, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(stat.st_mode);
}

/* A folder may name an entry twice while it changes. */
static void note(weft_file_watcher *watcher, struct weft__file_entry *entry, const char *name,
                 bool folder)
{
    bool goes_on = folder && is_tree(entry);
    if ((entry->quiet && !goes_on) || weft__file_entry_find(watcher, entry, name))
        return;
    struct weft__file_entry *child =
        weft__file_entry_add(watcher, entry->watch, entry, name, goes_on);
    if (child && goes_on) {
        child->quiet = entry->quiet;
        weft__list_append(&watcher->to_look, &child->to_look);
    }
    if (!entry->quiet)
        weft__file_tell(watcher, WEFT_FILE_CREATED, (struct weft__file_name){ entry, name }, folder,
                        0);
}

/* Takes the descriptor. */
static int list(weft_file_watcher *watcher, struct weft__file_entry *entry, int fd)
{
    DIR *dir = fdopendir(fd);
    struct dirent *found;
    if (!dir) {
        close(fd);
        watcher->lost = true;
        return -ENOMEM;
    }
    rewinddir(dir); /* btrfs lists what was there when it was opened, before its watch stood */
    while (errno = 0, (found = readdir(dir))) {
        const char *name = found->d_name;
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
            note(watcher, entry, name, is_folder(dir, found));
    }
    int rc = -errno;
    closedir(dir);
    return rc;
}

/* From now until all has been consumed that is in the queue now. */
static void be_fresh(weft_file_watcher *watcher, struct weft__file_entry *entry)
{
    int waiting = 0;
    ioctl(watcher->fd, FIONREAD, &waiting);
    entry->fence = watcher->consumed + (watcher->end - watcher->start) + (uint64_t)waiting;
    entry->fresh = true;
    weft__list_remove(&entry->fresh_link);
    weft__list_append(&watcher->fresh, &entry->fresh_link);
}

static bool is_exhaustion(int error)
{
    return error == -ENOSPC || error == -ENOMEM || error == -EMFILE || error == -ENFILE;
}

static void refuse(weft_file_watcher *watcher, struct weft__file_entry *entry, int error)
{
    if (error == -ENOMEM) {
        watcher->lost = true; /* and looked for again */
        return;
    }
    if (!entry->refused)
        weft__file_tell(watcher, WEFT_FILE_UNWATCHED, (struct weft__file_name){ entry, NULL }, true,
                        error);
    entry->refused = true;
}

/* What was found by its name was something else. */
static void begin_anew(weft_file_watcher *watcher, struct weft__file_entry *entry)
{
    struct weft__list *all = &entry->children;
    for (struct weft__list *at = all->next; at != all && !entry->quiet; at = at->next) {
        struct weft__file_entry *child = weft__container_of(at, struct weft__file_entry, sibling);
        weft__file_tell(watcher, WEFT_FILE_REMOVED, (struct weft__file_name){ entry, child->name },
                        child->folder, 0);
    }
    weft__file_entry_forget_below(watcher, entry);
    weft__file_node_part(watcher, entry);
}

/* Takes the descriptor. */
static int look_into(weft_file_watcher *watcher, struct weft__file_entry *entry, int fd)
{
    int number = weft__file_watch_opened(watcher, entry, fd);
    if (number >= 0 && entry->node && entry->node->number == number) {
        close(fd); /* it is known */
        return 0;
    }
    begin_anew(watcher, entry);
    int rc = number < 0 ? number : weft__file_node_join(watcher, entry, number);
    if (rc == 0)
        return list(watcher, entry, fd);
    close(fd);
    return rc;
}

static int look(weft_file_watcher *watcher, struct weft__file_entry *entry)
{
    int fd = weft__file_open(entry);
    int rc = fd < 0 ? fd : look_into(watcher, entry, fd);
    if (fd < 0)
        begin_anew(watcher, entry);
    if (rc && weft__file_is_absent(rc))
        weft__file_look_firmly(entry);
    else if (rc)
        refuse(watcher, entry, rc);
    else
        entry->refused = false;
    be_fresh(watcher, entry);
    return rc;
}

/* Those that were found on the way, and what is below them. */
static int look_on(weft_file_watcher *watcher)
{
    struct weft__list *link;
    int first = 0;
    while ((link = weft__list_first(&watcher->to_look))) {
        weft__list_remove(link);
        int rc = look(watcher, weft__container_of(link, struct weft__file_entry, to_look));
        first = first ? first : is_exhaustion(rc) ? rc : 0;
    }
    return first;
}

int weft__file_look(weft_file_watcher *watcher, struct weft__file_entry *entry, bool quiet)
{
    entry->quiet = quiet;
    weft__list_append(&watcher->to_look, &entry->to_look);
    return look_on(watcher);
}

void weft__file_look_again(weft_file_watcher *watcher, struct weft__file_entry *entry)
{
    struct weft__list again, *all = &watcher->fresh, *next;
    weft__list_init(&again);
    for (struct weft__list *at = all->next; at != all; at = next) {
        struct weft__file_entry *above =
            weft__container_of(at, struct weft__file_entry, fresh_link);
        next = at->next;
        while (above && above != entry)
            above = above->parent;
        if (above) {
            weft__list_remove(at);
            weft__list_append(&again, at);
        }
    }
    while (!weft__list_empty(&again)) { /* one may forget others */
        struct weft__file_entry *first =
            weft__container_of(again.next, struct weft__file_entry, fresh_link);
        weft__list_remove(again.next);
        weft__list_append(&watcher->to_look, &first->to_look);
        look_on(watcher);
    }
}

/* Roots. */

static int watch_folder(weft_file_watcher *watcher, struct weft__file_entry *root, int fd)
{
    bool looks = root->watch->options & (WEFT_FILE_WATCH_TREE | WEFT_FILE_WATCH_EXISTING);
    if (looks)
        return look_into(watcher, root, fd);
    int number = weft__file_watch_opened(watcher, root, fd);
    close(fd);
    return number < 0 ? number : weft__file_node_join(watcher, root, number);
}

int weft__file_look_first(weft_file_watcher *watcher, struct weft__file_watch *watch)
{
    struct weft__file_entry *root = watch->root;
    root->quiet = !(watch->options & WEFT_FILE_WATCH_EXISTING);
    int fd = weft__file_open(root), rc;
    if (fd == -ENOTDIR)
        return weft__file_watch_file(watcher, root);
    root->folder = true;
    rc = fd < 0 ? fd : watch_folder(watcher, root, fd);
    if (rc == 0)
        be_fresh(watcher, root);
    return rc ? rc : look_on(watcher);
}

/* Whether its path leads where it did: its end may be among what was lost. 0 or an error. */
static int renew(weft_file_watcher *watcher, struct weft__file_watch *watch)
{
    struct weft__file_entry *root = watch->root;
    int number = root->node ? root->node->number : -1;
    weft__file_entry_forget_below(watcher, root);
    weft__file_node_part(watcher, root);
    root->quiet = true;
    int fd = root->folder ? weft__file_open(root) : -1, rc;
    if (root->folder)
        rc = fd < 0 ? fd : watch_folder(watcher, root, fd);
    else
        rc = weft__file_watch_file(watcher, root);
    if (rc == 0 && root->node->number != number)
        rc = -ESTALE;
    if (rc == 0 && root->folder)
        be_fresh(watcher, root);
    return rc;
}

void weft__file_look_at_all(weft_file_watcher *watcher)
{
    struct weft__list *all = &watcher->watches, *next;
    for (struct weft__list *at = all->next; at != all; at = next) {
        struct weft__file_watch *watch = weft__container_of(at, struct weft__file_watch, link);
        next = at->next;
        int rc = renew(watcher, watch);
        if (rc)
            weft__file_watch_end(watcher, watch, weft__file_is_absent(rc) ? -ENOENT : rc);
        else
            look_on(watcher);
    }
}

void weft__file_look_done(weft_file_watcher *watcher)
{
    struct weft__list *link, *next;
    while ((link = weft__list_first(&watcher->fresh))) {
        struct weft__file_entry *entry =
            weft__container_of(link, struct weft__file_entry, fresh_link);
        if (entry->fence > watcher->consumed)
            return;
        weft__list_remove(link);
        entry->fresh = false;
        if (!entry->node && entry->folder)
            refuse(watcher, entry, -ENOENT);
        for (link = entry->children.next; link != &entry->children; link = next) {
            struct weft__file_entry *child =
                weft__container_of(link, struct weft__file_entry, sibling);
            next = link->next;
            if (!child->folder)
                weft__file_entry_forget(watcher, child);
        }
    }
}
