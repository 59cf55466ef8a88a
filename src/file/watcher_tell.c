/* What a watcher tells its receiver. Memory that is out is not hidden: it is `lost`. */
#include <errno.h>
#include <stdlib.h>

#include "file/watcher.h"

#define ALWAYS (WEFT_FILE_LOST | WEFT_FILE_ENDED | WEFT_FILE_UNWATCHED)

struct told {
    struct weft__list link;
    weft_file_event event;
};

static void queue(weft_file_watcher *watcher, weft_file_event event, bool complete)
{
    struct told *told = complete ? malloc(sizeof *told) : NULL;
    if (!told) {
        weft_file_event_clear(&event);
        watcher->lost = true;
        return;
    }
    told->event = event;
    weft__list_append(&watcher->told, &told->link);
    watcher->told_count++;
}

void weft__file_tell(weft_file_watcher *watcher, unsigned change, struct weft__file_name name,
                     bool folder, int error)
{
    struct weft__file_watch *watch = name.at->watch;
    if (!(change & (watch->events | ALWAYS)))
        return;
    char *path = weft__file_entry_path(name.at, name.name);
    weft_file_event event = {
        .change = change, .watch = watch->id, .folder = folder, .error = error, .path = path
    };
    queue(watcher, event, path);
}

void weft__file_tell_renamed(weft_file_watcher *watcher, struct weft__file_name from,
                             struct weft__file_name to, bool folder)
{
    struct weft__file_watch *watch = from.at->watch;
    weft_file_event event = { .change = WEFT_FILE_RENAMED,
                              .watch = watch->id,
                              .folder = folder,
                              .path = weft__file_entry_path(to.at, to.name),
                              .from = weft__file_entry_path(from.at, from.name) };
    queue(watcher, event, event.path && event.from);
}

static void take(weft_file_watcher *watcher, struct told *told)
{
    weft__list_remove(&told->link);
    watcher->told_count--;
    free(told);
}

int weft__file_told(weft_file_watcher *watcher, weft_file_event *ret_event)
{
    struct weft__list *link = weft__list_first(&watcher->told);
    if (!link)
        return -EAGAIN;
    struct told *told = weft__container_of(link, struct told, link);
    *ret_event = told->event;
    take(watcher, told);
    return 0;
}

void weft__file_untell(weft_file_watcher *watcher, int watch)
{
    struct weft__list *all = &watcher->told, *next;
    for (struct weft__list *at = all->next; at != all; at = next) {
        struct told *told = weft__container_of(at, struct told, link);
        next = at->next;
        if (watch == 0 || told->event.watch == watch) {
            weft_file_event_clear(&told->event);
            take(watcher, told);
        }
    }
}
