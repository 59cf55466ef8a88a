/* list.h - an intrusive, circular, doubly linked list. */
#ifndef WEFT_BASE_LIST_H
#define WEFT_BASE_LIST_H

#include <stdbool.h>

#include "base/compiler.h"

struct weft__list {
    struct weft__list *next, *prev;
};

#define WEFT__LIST_INIT(name) \
    { \
        &(name), &(name) \
    }

static inline void weft__list_init(struct weft__list *list)
{
    list->next = list->prev = list;
}

static inline bool weft__list_empty(const struct weft__list *list)
{
    return list->next == list;
}

static inline void weft__list_append(struct weft__list *list, struct weft__list *node)
{
    node->next = list;
    node->prev = list->prev;
    list->prev->next = node;
    list->prev = node;
}

static inline void weft__list_prepend(struct weft__list *list, struct weft__list *node)
{
    weft__list_append(list->next, node);
}

/* Leaves the node linked to itself, so that removing it twice does no harm. */
static inline void weft__list_remove(struct weft__list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    weft__list_init(node);
}

static inline struct weft__list *weft__list_first(struct weft__list *list)
{
    return weft__list_empty(list) ? NULL : list->next;
}

#endif
