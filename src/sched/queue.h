/* queue.h - a worker's private queues, and the shared shelf beside them.
 *
 * Private: plain intrusive lists that only the holder of the worker's seat
 * touches, so that putting and taking costs no atomic operation (one costs
 * 4.7 ns here, as much as two context switches).
 *
 *     ready   tasks that have run before, first in first out
 *     fresh   tasks that have not, last in first out: the newest runs first, so
 *             a tree of tasks is walked depth first and few stacks are alive
 *
 * Shared: the shelf, under a lock, holds bundles of tasks. Fresh tasks go there
 * 32 at a time when there are many, the owner takes the newest bundle back,
 * others take the oldest. What an owner gives away, and what plain threads
 * spawn, stands on the shelf's other half, first in first out. */
#ifndef WEFT_SCHED_QUEUE_H
#define WEFT_SCHED_QUEUE_H

#include "base/list.h"
#include "os/lock.h"
#include "sched/task.h"

struct weft__queue {
    struct weft_task *head, *tail;
    _Atomic(size_t) count; /* written by the owner; others may look */
};

static inline size_t weft__queue_count(struct weft__queue *queue)
{
    return weft__load(&queue->count, relaxed);
}

static inline void weft__queue_append(struct weft__queue *queue, struct weft_task *task)
{
    task->next = NULL;
    if (queue->head)
        queue->tail->next = task;
    else
        queue->head = task;
    queue->tail = task;
    weft__bump(&queue->count, 1);
}

static inline void weft__queue_prepend(struct weft__queue *queue, struct weft_task *task)
{
    task->next = queue->head;
    if (!queue->head)
        queue->tail = task;
    queue->head = task;
    weft__bump(&queue->count, 1);
}

static inline struct weft_task *weft__queue_take(struct weft__queue *queue)
{
    struct weft_task *task = queue->head;
    if (task) {
        queue->head = task->next;
        weft__bump(&queue->count, (size_t)-1);
    }
    return task;
}

/* Some tasks, linked by `next`, on their way between workers. */
struct weft__chain {
    struct weft_task *head, *tail;
    size_t count;
};

struct weft__shelf {
    struct weft__lock lock;
    /* Changed under the lock with seq_cst stores, read without: a producer's
     * half of PARK-2. */
    _Atomic(uint32_t) given_count, fresh_count; /* tasks; bundles */
    struct weft__chain given;
    /* Bundles of fresh tasks, oldest first, linked through their first tasks:
     * what has not started has no context yet, so its place serves. */
    struct weft__list fresh;
};

static inline void weft__shelf_init(struct weft__shelf *shelf)
{
    weft__list_init(&shelf->fresh);
}

static inline bool weft__shelf_empty(struct weft__shelf *shelf)
{
    return weft__load(&shelf->given_count, seq_cst) == 0 &&
           weft__load(&shelf->fresh_count, seq_cst) == 0; /* PARK-2 */
}

/* Any thread puts tasks there; they come out first in first out. */
void weft__shelf_give(struct weft__shelf *shelf, struct weft__chain tasks);

/* Takes all of them. The chain may be empty (head is NULL). */
struct weft__chain weft__shelf_take_given(struct weft__shelf *shelf);

enum weft__shelf_end { WEFT__OLDEST, WEFT__NEWEST };

/* Bundles of tasks that have not started. */
void weft__shelf_put_fresh(struct weft__shelf *shelf, enum weft__shelf_end end,
                           struct weft__chain bundle);
struct weft__chain weft__shelf_take_fresh(struct weft__shelf *shelf, enum weft__shelf_end end);

/* Appends a chain to a queue. */
void weft__queue_splice(struct weft__queue *queue, struct weft__chain tasks);

/* Takes all; the chain may be empty (head is NULL). */
struct weft__chain weft__queue_take_all(struct weft__queue *queue);

/* Takes the first `count` tasks (there are that many, at least 1). */
struct weft__chain weft__queue_split(struct weft__queue *queue, size_t count);

/* Takes the last `count` tasks, in time proportional to the queue. */
struct weft__chain weft__queue_split_last(struct weft__queue *queue, size_t count);

/* Takes the last task, in time proportional to the queue; NULL: empty. */
struct weft_task *weft__queue_take_last(struct weft__queue *queue);

#endif
