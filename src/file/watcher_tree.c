/* Entries, nodes, and the tables that they are found by. The rules are in watcher.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "file/watcher.h"

/* Tables. */

static bool grow(struct weft__table *table)
{
    size_t size = table->size ? table->size * 2 : 64;
    struct weft__table_link **buckets = calloc(size, sizeof(*buckets)), *link;
    if (!buckets)
        return table->size > 0; /* longer chains will do */
    for (size_t i = 0; i < table->size; i++) {
        while ((link = table->buckets[i])) {
            struct weft__table_link **at = &buckets[link->hash & (size - 1)];
            table->buckets[i] = link->next;
            link->next = *at;
            *at = link;
        }
    }
    free(table->buckets);
    table->buckets = buckets;
    table->size = size;
    return true;
}

static int table_add(struct weft__table *table, struct weft__table_link *link, uint64_t hash)
{
    if (table->count == table->size && !grow(table))
        return -ENOMEM;
    struct weft__table_link **at = &table->buckets[hash & (table->size - 1)];
    link->hash = hash;
    link->next = *at;
    *at = link;
    table->count++;
    return 0;
}

static void table_remove(struct weft__table *table, struct weft__table_link *link)
{
    struct weft__table_link **at = &table->buckets[link->hash & (table->size - 1)];
    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    table->count--;
}

static struct weft__table_link *first_of(struct weft__table_link *link, uint64_t hash)
{
    while (link && link->hash != hash)
        link = link->next;
    return link;
}

static struct weft__table_link *table_find(const struct weft__table *table, uint64_t hash)
{
    return table->size ? first_of(table->buckets[hash & (table->size - 1)], hash) : NULL;
}

static struct weft__table_link *table_next(const struct weft__table_link *link)
{
    return first_of(link->next, link->hash);
}

/* splitmix64's last steps: numbers and addresses differ in few bits. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* Nodes. */

struct weft__file_node *weft__file_node_find(weft_file_watcher *watcher, int number)
{
    struct weft__table_link *link = table_find(&watcher->nodes, mix((uint64_t)number));
    for (; link; link = table_next(link)) {
        struct weft__file_node *node = weft__container_of(link, struct weft__file_node, by_number);
        if (node->number == number)
            return node;
    }
    return NULL;
}

static struct weft__file_node *add_node(weft_file_watcher *watcher, int number)
{
    struct weft__file_node *node = calloc(1, sizeof *node);
    if (node && table_add(&watcher->nodes, &node->by_number, mix((uint64_t)number))) {
        free(node);
        node = NULL;
    }
    if (!node) {
        inotify_rm_watch(watcher->fd, number);
        return NULL;
    }
    node->number = number;
    weft__list_init(&node->places);
    weft__list_init(&node->unused);
    return node;
}

int weft__file_node_join(weft_file_watcher *watcher, struct weft__file_entry *entry, int number)
{
    struct weft__file_node *node = weft__file_node_find(watcher, number);
    if (!node)
        node = add_node(watcher, number);
    if (!node)
        return -ENOMEM;
    weft__file_node_part(watcher, entry);
    weft__list_remove(&node->unused);
    weft__list_append(&node->places, &entry->place);
    entry->node = node;
    return 0;
}

void weft__file_node_part(weft_file_watcher *watcher, struct weft__file_entry *entry)
{
    struct weft__file_node *node = entry->node;
    if (!node)
        return;
    weft__list_remove(&entry->place);
    entry->node = NULL;
    if (weft__list_empty(&node->places))
        weft__list_append(&watcher->unused, &node->unused);
}

void weft__file_node_gone(weft_file_watcher *watcher, struct weft__file_node *node)
{
    struct weft__list *link;
    node->gone = true;
    while ((link = weft__list_first(&node->places)))
        weft__file_node_part(watcher, weft__container_of(link, struct weft__file_entry, place));
}

void weft__file_nodes_sweep(weft_file_watcher *watcher)
{
    struct weft__list *link;
    int kept = errno;
    while ((link = weft__list_first(&watcher->unused))) {
        struct weft__file_node *node = weft__container_of(link, struct weft__file_node, unused);
        weft__list_remove(link);
        table_remove(&watcher->nodes, &node->by_number);
        if (!node->gone)
            inotify_rm_watch(watcher->fd, node->number); /* perhaps the kernel was first */
        free(node);
    }
    errno = kept;
}

/* Entries. */

static uint64_t hash_of(const struct weft__file_entry *parent, const char *name)
{
    uint64_t hash = (uintptr_t)parent;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u; /* FNV-1a's */
    return mix(hash);
}

struct weft__file_entry *weft__file_entry_find(weft_file_watcher *watcher,
                                               struct weft__file_entry *parent, const char *name)
{
    struct weft__table_link *link = table_find(&watcher->names, hash_of(parent, name));
    for (; link; link = table_next(link)) {
        struct weft__file_entry *entry = weft__container_of(link, struct weft__file_entry, by_name);
        if (entry->parent == parent && strcmp(entry->name, name) == 0)
            return entry;
    }
    return NULL;
}

/* Roots are found by their watches. */
static int put_into(weft_file_watcher *watcher, struct weft__file_entry *entry,
                    struct weft__file_entry *parent)
{
    entry->parent = parent;
    if (!parent)
        return 0;
    int rc = table_add(&watcher->names, &entry->by_name, hash_of(parent, entry->name));
    if (rc == 0)
        weft__list_append(&parent->children, &entry->sibling);
    return rc;
}

struct weft__file_entry *weft__file_entry_add(weft_file_watcher *watcher,
                                              struct weft__file_watch *watch,
                                              struct weft__file_entry *parent, const char *name,
                                              bool folder)
{
    struct weft__file_entry *entry = calloc(1, sizeof *entry);
    if (entry) {
        entry->watch = watch;
        entry->folder = folder;
        entry->stamp = watcher->stamp;
        entry->name = strdup(name);
        weft__list_init(&entry->children);
        weft__list_init(&entry->sibling);
        weft__list_init(&entry->place);
        weft__list_init(&entry->to_look);
        weft__list_init(&entry->fresh_link);
    }
    if (entry && entry->name && put_into(watcher, entry, parent) == 0)
        return entry;
    if (entry)
        free(entry->name);
    free(entry);
    watcher->lost = true;
    return NULL;
}

static void forget_one(weft_file_watcher *watcher, struct weft__file_entry *entry)
{
    weft__file_node_part(watcher, entry);
    if (entry->parent)
        table_remove(&watcher->names, &entry->by_name);
    weft__list_remove(&entry->sibling);
    weft__list_remove(&entry->to_look);
    weft__list_remove(&entry->fresh_link);
    free(entry->name);
    free(entry);
}

void weft__file_entry_forget_below(weft_file_watcher *watcher, struct weft__file_entry *entry)
{
    struct weft__file_entry *at = entry;
    for (;;) {
        struct weft__list *link = weft__list_first(&at->children);
        if (link) {
            at = weft__container_of(link, struct weft__file_entry, sibling);
        } else if (at == entry) {
            return;
        } else {
            struct weft__file_entry *parent = at->parent;
            forget_one(watcher, at);
            at = parent;
        }
    }
}

void weft__file_entry_forget(weft_file_watcher *watcher, struct weft__file_entry *entry)
{
    if (!entry)
        return;
    weft__file_entry_forget_below(watcher, entry);
    forget_one(watcher, entry);
}

bool weft__file_entry_move(weft_file_watcher *watcher, struct weft__file_entry *entry,
                           struct weft__file_entry *parent, const char *name)
{
    char *copy = strdup(name);
    if (!copy) {
        watcher->lost = true;
        weft__file_entry_forget(watcher, entry);
        return false;
    }
    table_remove(&watcher->names, &entry->by_name);
    weft__list_remove(&entry->sibling);
    free(entry->name);
    entry->name = copy;
    put_into(watcher, entry, parent); /* the table has room: one was removed */
    return true;
}

/* From the end to the beginning; `to` NULL: only the length. */
static size_t write_path(const struct weft__file_entry *entry, const char *name, char *to)
{
    size_t length = 0;
    if (!name && !entry->parent && !*entry->name)
        name = ""; /* the root of all: "/" */
    for (; name || entry; name = NULL) {
        const char *part = name ? name : entry->name;
        size_t size = strlen(part);
        length += size;
        if (to)
            memcpy(to -= size, part, size);
        entry = name ? entry : entry->parent;
        if (entry && (length += 1) && to)
            *--to = '/';
    }
    return length;
}

char *weft__file_entry_path(const struct weft__file_entry *entry, const char *name)
{
    size_t length = write_path(entry, name, NULL);
    char *path = malloc(length + 1);
    if (path) {
        path[length] = 0;
        write_path(entry, name, path + length);
    }
    return path;
}
