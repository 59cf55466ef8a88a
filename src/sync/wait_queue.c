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

static struct weft__wait_node *waiting_of(struct weft__list *link)
{
    return weft__container_of(link, struct weft__wait_node, link);
}

/* Numbers may wrap: who waits while 2^31 others come, or come back as each select does, has
 * lost count of his place, and no more than that, if he is to be placed again. */
static bool came_before(const struct weft__wait_node *node, const struct weft__wait_node *other)
{
    return (int32_t)(node->number - other->number) < 0;
}

static void draw_number(struct weft__wait_list *list, struct weft__wait_node *node)
{
    if (++list->last_number == 0)
        list->last_number = 1;
    node->number = list->last_number;
}

/* QUEUE-6. Returns what it is to stand before. From both ends at once: when many come again, one
 * after the other, each has its place near one of them. */
static struct weft__list *place_again(struct weft__wait_list *list,
                                      const struct weft__wait_node *node)
{
    struct weft__list *at = list->nodes.next, *behind = &list->nodes;
    while (at != &list->nodes && came_before(waiting_of(at), node)) {
        if (came_before(waiting_of(behind->prev), node))
            return behind;
        at = at->next;
        behind = behind->prev;
    }
    return at;
}

bool weft__wait_list_would_be_first(const struct weft__wait_list *list,
                                    const struct weft__wait_node *node)
{
    const struct weft__wait_node *first = weft__wait_list_first(list);
    return node->number != 0 && (!first || came_before(node, first));
}

void weft__wait_list_enter(struct weft__wait_list *list, struct weft__wait_node *node)
{
    enter(list, node);
    if (weft__likely(node->number == 0)) {
        draw_number(list, node);
        weft__list_append(&list->nodes, &node->link);
    } else {
        weft__list_append(place_again(list, node), &node->link);
    }
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
    return waiting_of(list->nodes.next);
}

bool weft__wait_list_has_others(const struct weft__wait_list *list,
                                const struct weft__waiter *waiter)
{
    if (weft__wait_list_empty(list))
        return false;
    for (struct weft__list *at = list->nodes.next; at != &list->nodes; at = at->next) {
        if (waiting_of(at)->waiter != waiter)
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
        node->dropped = true;
    }
    return NULL; /* QUEUE-2 */
}

void weft__wakes_take_all(struct weft__wakes *wakes, struct weft__wait_list *list)
{
    struct weft__wait_node *node;
    while ((node = weft__wait_list_take(list)))
        weft__wakes_add(wakes, node->waiter);
}

/* QUEUE-7. False: somebody has dropped it meanwhile. */
static bool stay_listed(struct weft__latch *lock, struct weft__wait_node *node)
{
    struct weft__waiter *waiter = node->waiter;
    const char *what = weft__load(&waiter->what, relaxed); /* its own */
    uint64_t ticket = weft__wait_begin(waiter, what, weft__load(&waiter->object, relaxed));
    weft__latch_acquire(lock);
    bool listed = node->list != NULL;
    node->ticket = ticket;
    weft__latch_release(lock);
    if (!listed)
        weft__wait_node_drop(node);
    return listed;
}

static void drop_out(struct weft__latch *lock, struct weft__wait_node *node)
{
    weft__latch_acquire(lock);
    weft__wait_list_remove(node);
    weft__latch_release(lock);
}

int weft__wait_node_park(struct weft__latch *lock, struct weft__wait_node *node)
{
    struct weft__waiter *waiter = node->waiter;
    do {
        struct weft__ended ended = weft__scope_park_for_long(waiter);
        if (weft__likely(ended.reason == WEFT__EVENT))
            return 0;
        if (ended.reason == WEFT__INTERRUPTED) { /* a handler finds no wait under way */
            drop_out(lock, node);
            int rc = weft__scope_error(waiter, ended);
            return rc ? rc : -EAGAIN;
        }
        int rc = weft__scope_error(waiter, ended);
        if (rc) {
            drop_out(lock, node);
            return rc;
        }
    } while (stay_listed(lock, node));
    return -EAGAIN;
}

void weft__wait_node_drop(struct weft__wait_node *node)
{
    weft__wait_drop(node->waiter, node->ticket);
}

int weft__wait_node_wait(struct weft__latch *lock, struct weft__wait_list *list,
                         struct weft__wait_node *node, bool waits)
{
    if (waits)
        weft__wait_list_enter(list, node);
    weft__latch_release(lock);
    if (waits)
        return weft__wait_node_park(lock, node);
    weft__wait_node_drop(node);
    return 0;
}
