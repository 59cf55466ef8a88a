/* What the kernel tells, and what becomes of it. The rules are in watcher.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file/watcher.h"

#define ROOM 16384       /* of the buffer; at least one event fits in */
#define TOLD_AT_ONCE 128 /* enough to go on with */
#define MOST (1 << 20)   /* of the buffer, when the rest is read for one event's sake */

/* Of a folder's names: who tells of one of them holds its lock. */
#define OF_NAMES (IN_CREATE | IN_DELETE | IN_MOVE)

static struct inotify_event *event_at(const weft_file_watcher *watcher, size_t at)
{
    return (struct inotify_event *)(void *)(watcher->buffer + at);
}

static size_t size_of(const struct inotify_event *event)
{
    return sizeof *event + event->len;
}

/* Reading. */

/* Room for `wanted` more, behind what is left. */
static int make_room(weft_file_watcher *watcher, size_t wanted)
{
    size_t left = watcher->end - watcher->start;
    if (watcher->room - watcher->end >= wanted)
        return 0;
    char *buffer = malloc(left + wanted);
    if (!buffer)
        return -ENOMEM;
    for (size_t i = 0; i < left; i++)
        buffer[i] = watcher->buffer[watcher->start + i];
    free(watcher->buffer);
    watcher->buffer = buffer;
    watcher->room = left + wanted;
    watcher->start = 0;
    watcher->end = left;
    return 0;
}

static int read_on(weft_file_watcher *watcher, size_t wanted)
{
    int rc = make_room(watcher, wanted);
    if (rc)
        return rc;
    int kept = errno;
    long n = syscall(SYS_read, watcher->fd, watcher->buffer + watcher->end,
                     watcher->room - watcher->end);
    if (n > 0)
        watcher->end += (size_t)n;
    rc = n > 0 ? 0 : n < 0 ? -errno : -EAGAIN;
    errno = kept;
    return rc;
}

int weft__file_events_read(weft_file_watcher *watcher)
{
    watcher->start = watcher->end = 0; /* nothing is left */
    return read_on(watcher, ROOM);
}

bool weft__file_events_left(const weft_file_watcher *watcher)
{
    return watcher->start < watcher->end;
}

/* The halves of a rename. */

enum search { FOUND, NONE, PERHAPS };

/* Looks for the other half of the first event in the buffer. NONE: somebody has told of
 * another name in the same folder since. */
static enum search search(const weft_file_watcher *watcher, struct inotify_event **ret_other)
{
    struct inotify_event *first = event_at(watcher, watcher->start), *event;
    for (size_t at = watcher->start + size_of(first); at < watcher->end; at += size_of(event)) {
        event = event_at(watcher, at);
        if (event->mask & IN_MOVED_TO && event->cookie == first->cookie) {
            *ret_other = event;
            return FOUND;
        }
        if (event->wd == first->wd && event->mask & OF_NAMES)
            return NONE;
    }
    return PERHAPS;
}

/* FILE-4: what belongs to the first event has come. Moves the buffer. */
static void read_firmly(weft_file_watcher *watcher, const struct weft__file_node *node)
{
    int waiting = 0;
    weft__file_look_firmly(weft__container_of(node->places.next, struct weft__file_entry, place));
    ioctl(watcher->fd, FIONREAD, &waiting);
    if (waiting > 0 && watcher->end - watcher->start <= MOST)
        read_on(watcher, (size_t)waiting);
}

/* NULL: it has gone elsewhere. */
static struct inotify_event *other_half(weft_file_watcher *watcher,
                                        const struct weft__file_node *node)
{
    struct inotify_event *other = NULL;
    if (search(watcher, &other) == PERHAPS) {
        read_firmly(watcher, node);
        search(watcher, &other);
    }
    return other;
}

/* Two names that change places are told as two renames, there and back. */
struct back {
    struct inotify_event *from, *to;
};

static bool is_of(const struct inotify_event *event, uint32_t bit, const struct inotify_event *name)
{
    return event->mask & bit && event->wd == name->wd && strcmp(event->name, name->name) == 0;
}

/* Looks for the way back of the first event, whose other half this is. PERHAPS: the buffer ends
 * too soon. */
static enum search search_back(const weft_file_watcher *watcher, const struct inotify_event *other,
                               struct back *back)
{
    const struct inotify_event *first = event_at(watcher, watcher->start);
    size_t at = (size_t)((const char *)other - watcher->buffer) + size_of(other);
    struct inotify_event *event;
    back->from = NULL;
    for (; at < watcher->end; at += size_of(event)) {
        event = back->to = event_at(watcher, at);
        if (back->from && event->mask & IN_MOVED_TO && event->cookie == back->from->cookie)
            return is_of(event, IN_MOVED_TO, first) ? FOUND : NONE;
        if (!back->from && is_of(event, IN_MOVED_FROM, other))
            back->from = event;
        else if (event->mask & OF_NAMES && (event->wd == other->wd || event->wd == first->wd))
            return NONE;
    }
    return PERHAPS;
}

/* The folder that a tree has under that name, and has had before any look that may have seen what
 * is still to be told; NULL: none. */
static struct weft__file_entry *known_folder(weft_file_watcher *watcher,
                                             const struct inotify_event *name)
{
    struct weft__file_node *node = weft__file_node_find(watcher, name->wd);
    struct weft__list *all = node ? &node->places : NULL;
    for (struct weft__list *at = all ? all->next : NULL; at != all; at = at->next) {
        struct weft__file_entry *place = weft__container_of(at, struct weft__file_entry, place);
        struct weft__file_entry *entry = weft__file_entry_find(watcher, place, name->name);
        if (entry && entry->folder && !entry->fresh && !place->fresh)
            return entry;
    }
    return NULL;
}

/* Whether it tells after the way back that it was renamed: then that was its own way. What was
 * replaced never tells that, and that it is no more perhaps late. */
static bool is_renamed(const weft_file_watcher *watcher, const struct weft__file_entry *folder,
                       const struct inotify_event *way_back)
{
    const struct inotify_event *event;
    size_t at = (size_t)((const char *)way_back - watcher->buffer);
    for (; at < watcher->end && folder->node; at += size_of(event)) {
        event = event_at(watcher, at);
        if (event->wd == folder->node->number && event->mask & IN_MOVE_SELF)
            return true;
    }
    return !folder->node || watcher->end - watcher->start > MOST; /* it cannot say so */
}

/* FILE-6. `other` is the first event's; it may move with the buffer. To wait for more at each
 * folder's rename takes too long for who has many: with what is no folder the kernel is believed
 * to have told of both ways at once. */
static bool change_places(weft_file_watcher *watcher, const struct weft__file_node *node,
                          struct inotify_event **other, struct back *back)
{
    bool folder = event_at(watcher, watcher->start)->mask & IN_ISDIR;
    const struct weft__file_entry *known = known_folder(watcher, *other);
    if (!folder && !known)
        return false;
    enum search found = search_back(watcher, *other, back);
    if (known && found != NONE) {
        read_firmly(watcher, node);
        search(watcher, other);
        found = search_back(watcher, *other, back);
    }
    if (found != FOUND)
        return false;
    return folder != !!(back->from->mask & IN_ISDIR) ||
           (known && is_renamed(watcher, known, back->to));
}

/* Of all places. */

/* The next that has not been told of this event; NULL: all have. What is told of one may
 * end another. */
static struct weft__file_entry *next_place(weft_file_watcher *watcher, struct weft__file_node *node)
{
    struct weft__list *all = &node->places;
    for (struct weft__list *at = all->next; at != all; at = at->next) {
        struct weft__file_entry *place = weft__container_of(at, struct weft__file_entry, place);
        if (place->stamp != watcher->stamp) {
            place->stamp = watcher->stamp;
            return place;
        }
    }
    return NULL;
}

static bool is_below(const struct weft__file_entry *entry, const struct weft__file_entry *above)
{
    while (entry && entry != above)
        entry = entry->parent;
    return entry;
}

/* A place that a look has found where it is to be later may be below what is renamed, or below
 * what that replaces: the rename was not there. */
static bool is_possible(weft_file_watcher *watcher, struct weft__file_name from,
                        struct weft__file_name to)
{
    const struct weft__file_entry *old = weft__file_entry_find(watcher, from.at, from.name);
    const struct weft__file_entry *new = weft__file_entry_find(watcher, to.at, to.name);
    return !(old && is_below(to.at, old)) && !(new &&is_below(from.at, new));
}

/* Where the name in a place has gone to, with the new name. */
static struct weft__file_entry *new_place(weft_file_watcher *watcher,
                                          struct weft__file_node *target,
                                          struct weft__file_name from, const char *name)
{
    struct weft__file_entry *place = from.at;
    struct weft__list *all = &target->places;
    if (target == place->node)
        return place;
    for (struct weft__list *at = all->next; at != all; at = at->next) {
        struct weft__file_entry *to = weft__container_of(at, struct weft__file_entry, place);
        if (to->watch == place->watch && to->stamp != watcher->stamp &&
            is_possible(watcher, from, (struct weft__file_name){ to, name })) {
            to->stamp = watcher->stamp;
            return to;
        }
    }
    return NULL;
}

/* `other` NULL: it has gone elsewhere. */
static void moved(weft_file_watcher *watcher, struct weft__file_node *node,
                  const struct inotify_event *event, const struct inotify_event *other)
{
    bool folder = event->mask & IN_ISDIR;
    struct weft__file_node *target = other ? weft__file_node_find(watcher, other->wd) : NULL;
    struct weft__file_entry *place;
    while ((place = next_place(watcher, node))) {
        struct weft__file_name from = { place, event->name };
        struct weft__file_entry *to = target ? new_place(watcher, target, from, other->name) : NULL;
        if (to)
            weft__file_renamed(watcher, from, (struct weft__file_name){ to, other->name }, folder);
        else
            weft__file_removed(watcher, from, folder);
    }
    while (target && (place = next_place(watcher, target)))
        weft__file_created(watcher, (struct weft__file_name){ place, other->name }, folder);
}

static void tell_place(weft_file_watcher *watcher, struct weft__file_entry *place,
                       const struct inotify_event *event)
{
    struct weft__file_name what = { place, event->name };
    bool folder = event->mask & IN_ISDIR;
    if (event->len == 0)
        weft__file_itself(watcher, place, event->mask);
    else if (event->mask & (IN_CREATE | IN_MOVED_TO))
        weft__file_created(watcher, what, folder);
    else if (event->mask & IN_DELETE)
        weft__file_removed(watcher, what, folder);
    else
        weft__file_changed(watcher, what, event->mask);
}

static void tell(weft_file_watcher *watcher, struct weft__file_node *node,
                 const struct inotify_event *event)
{
    struct weft__file_entry *place;
    while ((place = next_place(watcher, node)))
        tell_place(watcher, place, event);
    if (event->mask & IN_IGNORED)
        weft__file_node_gone(watcher, node);
}

static void consume_rename(weft_file_watcher *watcher, struct weft__file_node *node)
{
    struct inotify_event *other = other_half(watcher, node);
    struct back back;
    if (other && change_places(watcher, node, &other, &back)) {
        back.from->wd = back.to->wd = -1;
        watcher->lost = true;
    } else {
        moved(watcher, node, event_at(watcher, watcher->start), other);
    }
    if (other)
        other->wd = -1; /* nobody's */
}

static void consume_one(weft_file_watcher *watcher)
{
    struct inotify_event *event = event_at(watcher, watcher->start);
    weft__file_look_done(watcher);
    struct weft__file_node *node = weft__file_node_find(watcher, event->wd);
    watcher->stamp++;
    if (event->mask & IN_Q_OVERFLOW)
        watcher->lost = true;
    if (node && event->mask & IN_MOVED_FROM)
        consume_rename(watcher, node);
    else if (node)
        tell(watcher, node, event);
    event = event_at(watcher, watcher->start); /* the buffer may be another */
    watcher->start += size_of(event);
    watcher->consumed += size_of(event);
    weft__file_nodes_sweep(watcher);
}

bool weft__file_events_long(weft_file_watcher *watcher)
{
    const struct inotify_event *event = event_at(watcher, watcher->start);
    struct inotify_event *other;
    if (event->mask & IN_MOVED_FROM && search(watcher, &other) == PERHAPS)
        return true;
    if (event->mask & IN_ATTRIB && event->len == 0)
        return !(event->mask & IN_ISDIR); /* weft__file_is_there() */
    return event->mask & IN_ISDIR && event->mask & (IN_CREATE | IN_MOVE);
}

void weft__file_events_consume(weft_file_watcher *watcher, bool apart)
{
    do {
        consume_one(watcher);
    } while (weft__file_events_left(watcher) && watcher->told_count < TOLD_AT_ONCE &&
             !watcher->lost && (apart || !weft__file_events_long(watcher)));
}
