#include "sched/schedule.h"

#include <sched.h>

#include "sched/lot.h"
#include "sched/poll.h"
#include "sched/share.h"
#include "sched/start.h"
#include "sched/switch.h"
#include "time/clock.h"

static bool queue_empty(const struct weft__queue *queue)
{
    return queue->head == NULL;
}

bool weft__has_work(struct weft__worker *worker)
{
    return weft__front(worker) || !queue_empty(&worker->ready) || !queue_empty(&worker->fresh) ||
           !queue_empty(&worker->carrier->pinned) || (worker->lot && !weft__lot_empty(worker->lot));
}

/* Whether a task that was popped has left the CPU it ran on (WAIT-4). The other
 * side is a few instructions before its switch, unless the kernel took its CPU
 * away: then the task is put back. */
static bool settled(struct weft_task *task, const struct weft_task *self)
{
    for (int i = 0; i < 200; i++) {
        /* acquire: pairs with the release in weft__arrive() */
        if (task == self || !weft__load(&task->on_cpu, acquire))
            return true;
        weft__spin_hint();
    }
    return false;
}

static struct weft_task *pick_fresh(struct weft__worker *worker)
{
    if (queue_empty(&worker->fresh)) {
        struct weft__chain bundle = weft__shelf_take_fresh(&worker->shelf, WEFT__NEWEST);
        if (bundle.head)
            weft__queue_splice(&worker->fresh, bundle);
    }
    return weft__queue_take(&worker->fresh);
}

/* The front slot first, then ready and fresh tasks in turns. */
WEFT_INLINE struct weft_task *pick(struct weft__worker *worker)
{
    struct weft_task *task = weft__front(worker);
    if (task) {
        weft__set_front(worker, NULL);
        if (weft__likely(worker->front_runs++ < WEFT__FRONT_RUNS))
            return task;
        weft__queue_append(&worker->ready, task);
    }
    worker->front_runs = 0;
    if (weft__unlikely(!queue_empty(&worker->carrier->pinned)) && (worker->quantum & 1))
        return weft__queue_take(&worker->carrier->pinned);
    worker->fresh_turn = !worker->fresh_turn;
    if (worker->fresh_turn && !queue_empty(&worker->fresh))
        return weft__queue_take(&worker->fresh);
    if (!queue_empty(&worker->ready))
        return weft__queue_take(&worker->ready);
    task = pick_fresh(worker);
    return task ? task : weft__queue_take(&worker->carrier->pinned);
}

struct weft_task *weft__next(struct weft__worker *worker)
{
    struct weft_task *self = *worker->carrier->current;
    for (;;) {
        if (weft__unlikely(--worker->quantum == 0))
            weft__tick(worker);
        if (weft__sleepers_hungry(&weft__rt.sleepers))
            weft__share(worker);
        struct weft_task *task = worker->lot ? weft__lot_draw(worker->lot, &worker->random)
                                             : pick(worker);
        if (weft__unlikely(!task))
            return NULL;
        if (weft__unlikely(!settled(task, self))) {
            weft__ready_queued(worker, task);
            sched_yield();
            continue;
        }
        if (weft__likely(weft__task_started(task)) || weft__start(worker, task))
            return task;
    }
}

/* PIN-1: a pinned task is only ever in its own carrier's queue or inbox. */
static bool ready_elsewhere(struct weft__worker *worker, struct weft_task *task)
{
    if (weft__likely(!task->carrier && !worker->lot))
        return false;
    if (worker->lot) {
        weft__lot_put(worker->lot, task);
    } else if (task->carrier == worker->carrier) {
        weft__queue_append(&task->carrier->pinned, task);
    } else {
        weft__ready_outside(task);
    }
    return true;
}

void weft__ready_front(struct weft__worker *worker, struct weft_task *task)
{
    if (weft__unlikely(ready_elsewhere(worker, task)))
        return;
    struct weft_task *before = weft__front(worker);
    if (before)
        weft__queue_append(&worker->ready, before);
    weft__set_front(worker, task);
}

void weft__ready_queued(struct weft__worker *worker, struct weft_task *task)
{
    if (weft__likely(!ready_elsewhere(worker, task)))
        weft__queue_append(&worker->ready, task);
}

void weft__ready_fresh(struct weft__worker *worker, struct weft_task *task)
{
    if (weft__unlikely(ready_elsewhere(worker, task)))
        return;
    if (weft__queue_count(&worker->fresh) == WEFT__FRESH_PRIVATE)
        weft__shelf_put_fresh(&worker->shelf, WEFT__NEWEST,
                              weft__queue_split(&worker->fresh, WEFT__FRESH_PRIVATE));
    weft__queue_prepend(&worker->fresh, task);
}

void weft__tick(struct weft__worker *worker)
{
    worker->quantum = WEFT__TICK;
    weft__take_inbox(worker);
    weft__take_oldest(worker);
    int64_t now = weft__clock_now();
    weft__store(&worker->now, now, relaxed); /* single writer; for dumps */
    weft__expire_timers(worker, worker, now);
    if (now - worker->polled >= WEFT__POLL_EVERY)
        weft__poll(worker, worker, 0);
}

void weft__suspend(struct weft_task *self)
{
    struct weft__worker *worker = self->worker;
    struct weft_task *next = weft__next(worker);
    if (!next)
        next = &worker->carrier->idle;
    if (next != self) /* else: somebody has made us runnable, and we popped ourselves */
        weft__switch(worker, self, next);
}

void weft__pass(struct weft_task *self)
{
    struct weft__worker *worker = self->worker;
    weft__seat_enter(&worker->seat);
    if (weft__has_work(worker)) {
        weft__ready_queued(worker, self);
        struct weft_task *next = weft__next(worker);
        if (next != self)
            weft__switch(worker, self, next);
    } else if (weft__unlikely(--worker->quantum == 0)) {
        weft__tick(worker);
    }
    weft__seat_leave(&self->worker->seat);
}

void weft__task_main(void *arg)
{
    struct weft_task *self = arg;
    weft__arrive(self);
    weft__seat_leave(&self->worker->seat);
    self->result = self->fn(self->arg);
    weft__end(self);
}

void weft__end(struct weft_task *self)
{
    struct weft__worker *worker = self->worker;
    weft__seat_enter(&worker->seat);
    self->flags |= WEFT__TASK_ENDING;
    struct weft_task *next = weft__next(worker);
    if (!next)
        next = &worker->carrier->idle;
    weft__hand_over(worker, self, next);
    weft__annotate_leave(&self->annotation, &next->annotation, 1);
    weft__context_jump(&next->context);
}
