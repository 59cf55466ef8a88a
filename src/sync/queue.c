/* Queues: channels that elements may leave in another order, and which know what has been
 * got and is not done.
 *
 * DONE-1  What was put is in the queue (`count`) or under way until it is done: both are
 *         changed together, under the lock. An element that goes straight to a getter
 *         who waits is under way from then on.
 * DONE-2  Joiners wait only while something is in the queue or under way, and who makes
 *         it nothing takes them all. So does who drops what is in it.
 * DONE-3  Who joins passes the lock, or is woken after it was left (QUEUE-4): so a join that
 *         has returned is proof that who was done last touches the queue no more.
 * DONE-4  What is dropped leaves the queue with the memory that it is in, under the lock;
 *         drop() is called for it after that. Then the queue may be gone already.
 *
 * Whoever waits to put enters in turn, whatever order elements leave in (CHAN-3): an
 * element takes part in that order once it is in. There is always room for one, so an
 * element that nobody waits for has been in. */
#include <stdlib.h>

#include "sync/channel.h"
#include "sync/heap.h"
#include "sync/queue.h"

struct weft_queue {
    weft_channel channel; /* its lock is of all the rest */
    const struct weft__channel_order *order;
    size_t under_way;
    struct weft__wait_list joiners;
    struct weft__heap heap; /* of the ring, whose head stays 0: WEFT_QUEUE_PRIORITY */
    void (*drop)(void *element);
};

static weft_queue *queue_of(weft_channel *channel)
{
    return weft__container_of(channel, weft_queue, channel);
}

weft_channel *weft__queue_channel(weft_queue *queue)
{
    return &queue->channel;
}

static void pop_newest(weft_channel *channel, void *ret_element)
{
    size_t last = weft__load(&channel->count, relaxed) - 1;
    weft__channel_copy(channel, ret_element, weft__channel_slot(channel, last));
    weft__bump(&channel->count, (size_t)-1);
}

static void push_in_place(weft_channel *channel, const void *element)
{
    struct weft__heap *heap = &queue_of(channel)->heap;
    weft__channel_copy(channel, weft__channel_slot(channel, weft__heap_free_slot(heap)), element);
    weft__heap_push(heap, channel->ring, channel->size);
    weft__bump(&channel->count, 1);
}

static void pop_first(weft_channel *channel, void *ret_element)
{
    size_t first = weft__heap_pop(&queue_of(channel)->heap, channel->ring, channel->size);
    weft__channel_copy(channel, ret_element, weft__channel_slot(channel, first));
    weft__bump(&channel->count, (size_t)-1);
}

static const struct weft__channel_order orders[] = {
    [WEFT_QUEUE_FIFO] = { weft__channel_push, weft__channel_pop },
    [WEFT_QUEUE_LIFO] = { weft__channel_push, pop_newest },
    [WEFT_QUEUE_PRIORITY] = { push_in_place, pop_first },
};

/* A channel without room would do nothing for who forgets to say how much. */
static bool makes_sense(size_t capacity, const weft_queue_attr *attr)
{
    return capacity > 0 && (unsigned)attr->order <= WEFT_QUEUE_PRIORITY &&
           (attr->order == WEFT_QUEUE_PRIORITY) == (attr->compare != NULL);
}

static int build(weft_queue *queue, size_t size, size_t capacity, const weft_queue_attr *attr)
{
    queue->order = &orders[attr->order];
    queue->heap.compare = attr->compare;
    queue->drop = attr->drop;
    int rc = weft__channel_init(&queue->channel, size, capacity);
    if (rc || !attr->compare)
        return rc;
    struct weft__heap_place *places = weft__heap_make_places(queue->channel.room);
    if (!places) {
        free(queue->channel.ring);
        return -ENOMEM;
    }
    weft__heap_grow(&queue->heap, &places);
    return 0;
}

int weft_queue_create(size_t size, size_t capacity, const weft_queue_attr *attr,
                      weft_queue **ret_queue)
{
    static const weft_queue_attr usual;
    attr = attr ? attr : &usual;
    if (!makes_sense(capacity, attr))
        return -EINVAL;
    weft_queue *queue = calloc(1, sizeof *queue);
    int rc = queue ? build(queue, size, capacity, attr) : -ENOMEM;
    if (rc)
        free(queue);
    else
        *ret_queue = queue;
    return rc;
}

/* DONE-4: what was in it, for who has taken it out. */
struct remains {
    char *ring;
    size_t size, room, head, count;
    struct weft__heap_place *places;
    void (*drop)(void *element);
};

/* Under the lock, or by the last who has the queue. */
static void take_out(weft_queue *queue, struct remains *ret_remains)
{
    weft_channel *channel = &queue->channel;
    *ret_remains = (struct remains){ .ring = channel->ring,
                                     .size = channel->size,
                                     .room = channel->room,
                                     .head = channel->head,
                                     .count = weft__load(&channel->count, relaxed),
                                     .places = queue->heap.places,
                                     .drop = queue->drop };
    weft__store(&channel->count, 0, relaxed);
    channel->ring = NULL;
    queue->heap.places = NULL;
}

static void drop(struct remains *remains)
{
    for (size_t i = 0; remains->drop && i < remains->count; i++) {
        size_t slot =
            remains->places ? remains->places[i].slot : (remains->head + i) % remains->room;
        remains->drop(remains->ring + slot * remains->size);
    }
    free(remains->ring);
    free(remains->places);
}

void weft_queue_destroy(weft_queue *queue)
{
    struct remains remains;
    if (!queue)
        return;
    weft__channel_assert_unused(&queue->channel, "weft_queue_destroy");
    take_out(queue, &remains);
    drop(&remains);
    free(queue);
}

/* DONE-1 */
static int put(weft_channel *channel, void *element, struct weft__waiter **ret_wake)
{
    weft_queue *queue = queue_of(channel);
    int rc = weft__channel_put(channel, element, ret_wake, queue->order);
    if (*ret_wake)
        queue->under_way++;
    return rc;
}

static int get(weft_channel *channel, void *ret_element, struct weft__waiter **ret_wake)
{
    weft_queue *queue = queue_of(channel);
    int rc = weft__channel_get(channel, ret_element, ret_wake, queue->order);
    if (rc == 0)
        queue->under_way++;
    return rc;
}

static int make_room(weft_channel *channel)
{
    weft_queue *queue = queue_of(channel);
    return weft__channel_grow(channel, queue->heap.compare ? &queue->heap : NULL);
}

static int put_slowly(weft_channel *channel, void *element);
static int get_slowly(weft_channel *channel, void *ret_element);

static const struct weft__channel_way putting = { .move = put,
                                                  .looks_barred = weft__channel_looks_full,
                                                  .grow = make_room,
                                                  .slowly = put_slowly,
                                                  .sends = true,
                                                  .what = "put in queue" };
static const struct weft__channel_way getting = { .move = get,
                                                  .looks_barred = weft__channel_looks_empty,
                                                  .slowly = get_slowly,
                                                  .what = "get from queue" };

static WEFT_NOINLINE int put_slowly(weft_channel *channel, void *element)
{
    return weft__channel_pass_slowly(channel, element, &putting);
}

static WEFT_NOINLINE int get_slowly(weft_channel *channel, void *ret_element)
{
    return weft__channel_pass_slowly(channel, ret_element, &getting);
}

int weft_queue_put(weft_queue *queue, const void *element)
{
    return weft__channel_pass(&queue->channel, (void *)(uintptr_t)element, &putting);
}

int weft_queue_get(weft_queue *queue, void *ret_element)
{
    return weft__channel_pass(&queue->channel, ret_element, &getting);
}

int weft_queue_try_put(weft_queue *queue, const void *element)
{
    return weft__channel_try(&queue->channel, (void *)(uintptr_t)element, weft__self(), &putting);
}

int weft_queue_try_get(weft_queue *queue, void *ret_element)
{
    return weft__channel_try(&queue->channel, ret_element, weft__self(), &getting);
}

size_t weft_queue_count(const weft_queue *queue)
{
    return weft_channel_count(&queue->channel);
}

static bool all_done(const weft_queue *queue)
{
    return queue->under_way == 0 && weft__load(&queue->channel.count, relaxed) == 0;
}

int weft_queue_task_done(weft_queue *queue)
{
    struct weft__wakes wakes;
    weft__wakes_init(&wakes);
    struct weft_task *self = weft__self();
    struct weft__worker *worker = weft__channel_acquire(&queue->channel, self);
    bool expected = queue->under_way > 0;
    if (expected && (queue->under_way--, all_done(queue)))
        weft__wakes_take_all(&wakes, &queue->joiners); /* DONE-2 */
    weft__channel_release(&queue->channel, self, worker);
    if (worker)
        weft__leave(self);
    weft__wakes_carry_out(&wakes);
    return expected ? 0 : -EINVAL;
}

/* 0, -EAGAIN or an error. Who was dropped: as in event.c. */
static int join_once(weft_queue *queue, struct weft__waiter *waiter)
{
    struct weft__wait_node node = { .number = 0 };
    weft__wait_node_begin(&node, waiter, "join queue", queue);
    weft__latch_acquire(&queue->channel.lock);
    int rc = weft__wait_node_wait(&queue->channel.lock, &queue->joiners, &node, !all_done(queue));
    return rc == -EAGAIN && node.dropped ? 0 : rc;
}

int weft_queue_join(weft_queue *queue)
{
    struct weft__waiter *waiter = weft__waiter_self();
    int rc = waiter ? weft__checkpoint(waiter) : -ENOMEM;
    if (rc)
        return rc;
    do {
        rc = join_once(queue, waiter);
    } while (rc == -EAGAIN);
    return rc;
}

int weft_queue_shutdown(weft_queue *queue, bool immediate)
{
    struct weft__wakes wakes;
    struct remains remains = { .ring = NULL };
    weft__wakes_init(&wakes);
    weft__latch_acquire(&queue->channel.lock);
    bool open = weft__channel_shut(&queue->channel, &wakes);
    if (immediate)
        take_out(queue, &remains);
    if (immediate && all_done(queue))
        weft__wakes_take_all(&wakes, &queue->joiners); /* DONE-2 */
    weft__latch_release(&queue->channel.lock);
    weft__wakes_carry_out(&wakes);
    drop(&remains);
    return open ? 0 : -EALREADY;
}
