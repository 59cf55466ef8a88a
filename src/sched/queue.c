#include "sched/queue.h"

/* seq_cst: PARK-2. Under the shelf's lock, so there is one writer. */
static void set_count(_Atomic(uint32_t) *count, size_t value)
{
    weft__store(count, (uint32_t)value, seq_cst);
}

void weft__shelf_give(struct weft__shelf *shelf, struct weft__chain tasks)
{
    weft__lock_acquire(&shelf->lock);
    if (shelf->given.head)
        shelf->given.tail->next = tasks.head;
    else
        shelf->given.head = tasks.head;
    shelf->given.tail = tasks.tail;
    shelf->given.count += tasks.count;
    set_count(&shelf->given_count, shelf->given.count);
    weft__lock_release(&shelf->lock);
}

struct weft__chain weft__shelf_take_given(struct weft__shelf *shelf)
{
    struct weft__chain tasks = { 0 };
    if (weft__load(&shelf->given_count, relaxed) == 0) /* a hint; sleepers look again */
        return tasks;
    weft__lock_acquire(&shelf->lock);
    tasks = shelf->given;
    shelf->given = (struct weft__chain){ 0 };
    set_count(&shelf->given_count, 0);
    weft__lock_release(&shelf->lock);
    return tasks;
}

void weft__shelf_put_fresh(struct weft__shelf *shelf, enum weft__shelf_end end,
                           struct weft__chain bundle)
{
    bundle.head->bundle_tail = bundle.tail;
    bundle.head->bundle_count = (uint32_t)bundle.count;
    weft__lock_acquire(&shelf->lock);
    weft__list_append(end == WEFT__NEWEST ? &shelf->fresh : shelf->fresh.next,
                      &bundle.head->bundle.node);
    set_count(&shelf->fresh_count, weft__load(&shelf->fresh_count, relaxed) + 1);
    weft__lock_release(&shelf->lock);
}

struct weft__chain weft__shelf_take_fresh(struct weft__shelf *shelf, enum weft__shelf_end end)
{
    struct weft__chain bundle = { 0 };
    if (weft__load(&shelf->fresh_count, relaxed) == 0) /* a hint; sleepers look again */
        return bundle;
    weft__lock_acquire(&shelf->lock);
    if (!weft__list_empty(&shelf->fresh)) {
        struct weft__list *node = end == WEFT__NEWEST ? shelf->fresh.prev : shelf->fresh.next;
        weft__list_remove(node);
        bundle.head = weft__container_of(node, struct weft_task, bundle.node);
        bundle.tail = bundle.head->bundle_tail;
        bundle.count = bundle.head->bundle_count;
        bundle.head->stack = NULL;
        bundle.head->bundle_count = 0;
        set_count(&shelf->fresh_count, weft__load(&shelf->fresh_count, relaxed) - 1);
    }
    weft__lock_release(&shelf->lock);
    return bundle;
}

void weft__queue_splice(struct weft__queue *queue, struct weft__chain tasks)
{
    if (queue->head)
        queue->tail->next = tasks.head;
    else
        queue->head = tasks.head;
    queue->tail = tasks.tail;
    weft__bump(&queue->count, tasks.count);
}

struct weft__chain weft__queue_take_all(struct weft__queue *queue)
{
    struct weft__chain tasks = { queue->head, queue->tail, weft__queue_count(queue) };
    queue->head = NULL;
    weft__bump(&queue->count, -tasks.count);
    return tasks;
}

struct weft__chain weft__queue_split(struct weft__queue *queue, size_t count)
{
    struct weft__chain tasks = { queue->head, queue->head, count };
    for (size_t i = 1; i < count; i++)
        tasks.tail = tasks.tail->next;
    queue->head = tasks.tail->next;
    tasks.tail->next = NULL;
    weft__bump(&queue->count, -count);
    return tasks;
}

struct weft__chain weft__queue_split_last(struct weft__queue *queue, size_t count)
{
    size_t rest = weft__queue_count(queue) - count;
    if (rest == 0)
        return weft__queue_split(queue, count);
    struct weft_task *before = queue->head;
    for (size_t i = 1; i < rest; i++)
        before = before->next;
    struct weft__chain tasks = { before->next, queue->tail, count };
    before->next = NULL;
    queue->tail = before;
    weft__bump(&queue->count, -count);
    return tasks;
}

struct weft_task *weft__queue_take_last(struct weft__queue *queue)
{
    return queue->head ? weft__queue_split_last(queue, 1).head : NULL;
}
