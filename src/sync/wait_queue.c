#include "sync/wait_queue.h"

#include <errno.h>

#include "base/assert.h"
#include "task/scope.h"
#include "weft/time.h"

static void enter(struct weft__wait_list *list, struct weft__wait_node *node)
{
    WEFT_ASSERT(!node->list, "QUEUE-1");
    if (!list->nodes.next)
        weft__list_init(&list->nodes);
    node->list = list;
    weft__bump(&list->count, 1);
}

void weft__wait_list_append(struct weft__wait_list *list, struct weft__wait_node *node)
{
    enter(list, node);
    weft__list_append(&list->nodes, &node->link);
}

void weft__wait_list_prepend(struct weft__wait_list *list, struct weft__wait_node *node)
{
    enter(list, node);
    weft__list_prepend(&list->nodes, &node->link);
}

void weft__wait_list_remove(struct weft__wait_node *node)
{
    if (!node->list)
        return;
    weft__list_remove(&node->link);
    weft__bump(&node->list->count, -1u);
    node->list = NULL;
}

struct weft__wait_node *weft__wait_list_first(const struct weft__wait_list *list)
{
    if (weft__wait_list_empty(list))
        return NULL;
    return weft__container_of(list->nodes.next, struct weft__wait_node, link);
}

bool weft__wait_list_has_others(const struct weft__wait_list *list,
                                const struct weft__waiter *waiter)
{
    if (weft__wait_list_empty(list))
        return false;
    for (struct weft__list *at = list->nodes.next; at != &list->nodes; at = at->next) {
        if (weft__container_of(at, struct weft__wait_node, link)->waiter != waiter)
            return true;
    }
    return false;
}

struct weft__wait_node *weft__wait_list_take(struct weft__wait_list *list)
{
    struct weft__wait_node *node;
    while ((node = weft__wait_list_first(list))) {
        weft__wait_list_remove(node);
        if (weft__likely(weft__wait_claim(node->waiter, node->ticket, WEFT__EVENT))) {
            node->taken = true;
            return node;
        }
    }
    return NULL; /* QUEUE-2 */
}

void weft__wakes_take_all(struct weft__wakes *wakes, struct weft__wait_list *list)
{
    struct weft__wait_node *node;
    while ((node = weft__wait_list_take(list)))
        weft__wakes_add(wakes, node->waiter);
}

int weft__wait_node_park(struct weft__latch *lock, struct weft__wait_node *node)
{
    struct weft__waiter *waiter = node->waiter;
    struct weft__ended ended = weft__scope_park(waiter, WEFT_NEVER);
    if (weft__likely(ended.reason == WEFT__EVENT)) {
        if (weft__unlikely(weft__is_thread(waiter))) { /* QUEUE-3 */
            weft__latch_acquire(lock);
            weft__latch_release(lock);
        }
        return 0;
    }
    weft__latch_acquire(lock);
    weft__wait_list_remove(node);
    weft__latch_release(lock);
    int rc = weft__scope_error(waiter, ended);
    return rc ? rc : -EAGAIN;
}

void weft__wait_node_drop(struct weft__wait_node *node)
{
    weft__wait_drop(node->waiter, node->ticket);
}

int weft__wait_node_wait(struct weft__latch *lock, struct weft__wait_list *list,
                         struct weft__wait_node *node, bool waits)
{
    if (waits)
        weft__wait_list_append(list, node);
    weft__latch_release(lock);
    if (waits)
        return weft__wait_node_park(lock, node);
    weft__wait_node_drop(node);
    return 0;
}
