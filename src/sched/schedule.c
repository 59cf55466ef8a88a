#include "sched/schedule.h"

#include <sched.h>

#include "sched/bury.h"
#include "sched/enter.h"
#include "sched/locals.h"
#include "sched/lot.h"
#include "sched/poll.h"
#include "sched/section.h"
#include "sched/share.h"
#include "sched/start.h"
#include "sched/strand.h"
#include "sched/switch.h"
#include "time/clock.h"
#include "vthread/life.h"

/* Picks into a backlog before it is first looked at. */
#define FIRST_LOOK 16

static bool queue_empty(const struct weft__queue *queue)
{
    return queue->head == NULL;
}

bool weft__has_work(struct weft__worker *worker)
{
    return weft__front(worker) || !queue_empty(&worker->ready) || !queue_empty(&worker->fresh) ||
           (worker->lot && !weft__lot_empty(worker->lot));
}

/* Whether a task that was popped has left the CPU it ran on (WAIT-4). The other
 * side is a few instructions before its switch, unless the kernel took its CPU
 * away: then the task is put back. */
static WEFT_NOINLINE bool settles(struct weft_task *task)
{
    for (int i = 0; i < 200; i++) {
        /* acquire: pairs with the release in weft__arrive() */
        if (!weft__load(&task->on_cpu, acquire))
            return true;
        weft__spin_hint();
    }
    sched_yield();
    return false;
}

/* A thousand parked tasks do not fit into the first cache: by the time one is
 * picked, its control block and the top of its stack should be there. */
WEFT_INLINE void prefetch_queue(const struct weft__queue *queue)
{
    struct weft_task *task = queue->head;
    if (!task)
        return;
    uintptr_t sp = (uintptr_t)task->context.sp; /* a number: it may be NULL */
    __builtin_prefetch((void *)sp, 1);
    __builtin_prefetch((void *)(sp + 64), 1);
    if (task->next) { /* the one after: its stack pointer has to be there by then */
        __builtin_prefetch(task->next, 1);
        __builtin_prefetch(&task->next->context, 1);
    }
}

/* The same for tasks that have not started: what a start reads and writes. */
WEFT_INLINE struct weft_task *take_fresh(struct weft__worker *worker)
{
    struct weft_task *task = weft__queue_take(&worker->fresh), *after = worker->fresh.head;
    if (after) {
        __builtin_prefetch(&after->fn, 1);
        if (after->next) {
            __builtin_prefetch(after->next, 1);
            __builtin_prefetch(&after->next->context, 1);
        }
    }
    return task;
}

static struct weft_task *pick_fresh(struct weft__worker *worker)
{
    if (queue_empty(&worker->fresh)) {
        struct weft__chain bundle = weft__shelf_take_fresh(&worker->shelf, WEFT__NEWEST);
        if (bundle.head)
            weft__queue_splice(&worker->fresh, bundle);
    }
    return take_fresh(worker);
}

/* Ready and fresh tasks take turns. */
WEFT_INLINE struct weft_task *pick_queued(struct weft__worker *worker)
{
    if (!queue_empty(&worker->fresh)) {
        worker->fresh_turn = !worker->fresh_turn;
        if (worker->fresh_turn)
            return take_fresh(worker);
    }
    struct weft_task *task = weft__queue_take(&worker->ready);
    if (weft__likely(task != NULL)) {
        prefetch_queue(&worker->ready);
        return task;
    }
    return pick_fresh(worker);
}

/* There is no backlog, or none any more. The first look at the next one comes soon
 * when tasks are long, and after some picks when they are not: it reads the clock. */
WEFT_INLINE void end_backlog(struct weft__worker *worker)
{
    worker->look = worker->pick_time < WEFT__PATIENCE / FIRST_LOOK ? FIRST_LOOK : 1;
    worker->backlog_since = 0;
}

/* The first look notes the time, the next ones see whether it has come to share. In
 * between are as many picks as take WEFT__PATIENCE, if they are like the last ones;
 * tasks may have become longer, so each look is a tick, which measures again. */
static WEFT_NOINLINE void look_at_backlog(struct weft__worker *worker)
{
    weft__tick(worker);
    if (!worker->backlog_since) {
        worker->backlog_since = worker->ticked;
        weft__learn_patience(worker);
    } else if (worker->ticked - worker->backlog_since >= worker->patience) {
        weft__share(worker);
        end_backlog(worker);
        return;
    }
    worker->look = worker->patience / (int32_t)worker->pick_time + 1;
}

/* Somebody is hungry, and the queues have just had their turn. */
WEFT_INLINE void consider_sharing(struct weft__worker *worker)
{
    if (queue_empty(&worker->ready) && queue_empty(&worker->fresh)) {
        end_backlog(worker);
        return;
    }
    worker->look -= 1 + (int32_t)worker->front_runs;
    if (worker->look <= 0)
        look_at_backlog(worker);
}

/* The front slot first, then the queues. */
WEFT_INLINE struct weft_task *pick(struct weft__worker *worker)
{
    struct weft_task *task = weft__front(worker);
    if (task) {
        weft__set_front(worker, NULL);
        if (weft__likely(worker->front_runs++ < WEFT__FRONT_RUNS))
            return task;
        weft__queue_append(&worker->ready, task);
    }
    task = pick_queued(worker);
    if (weft__sleepers_hungry(&weft__rt.sleepers))
        consider_sharing(worker);
    worker->front_runs = 0;
    return task;
}

/* With a seed. What came over the shelf or the inbox joins the others first. */
static WEFT_NOINLINE struct weft_task *draw(struct weft__worker *worker)
{
    struct weft_task *task;
    while ((task = weft__queue_take(&worker->ready)) || (task = weft__queue_take(&worker->fresh)))
        weft__lot_put(worker->lot, task);
    return weft__lot_draw(worker->lot, &worker->random);
}

/* Whether a picked task can run here and now; else it has been put elsewhere.
 * `*ret_leave`: its other CPU may be waiting in the same way for us, so our own
 * context has to be saved before we try again. */
WEFT_INLINE bool accept(struct weft__worker *worker, struct weft_task *self, struct weft_task *task,
                        bool *ret_leave)
{
    if (weft__unlikely(weft__load(&task->on_cpu, acquire)) && task != self && !settles(task)) {
        weft__queue_append(&worker->ready, task);
        *ret_leave = true;
        return false;
    }
    if (weft__unlikely(task->carrier != NULL) && task->carrier != worker->carrier) {
        weft__ready_outside(task); /* it came with stolen work: PIN-1 */
        return false;
    }
    return weft__likely(weft__task_started(task)) || weft__start(worker, task);
}

/* Before each pick. */
WEFT_INLINE void count_pick(struct weft__worker *worker)
{
    if (weft__unlikely(--worker->quantum == 0))
        weft__tick(worker);
}

/* After a pick was counted. */
WEFT_INLINE struct weft_task *next(struct weft__worker *worker, struct weft_task *self)
{
    for (;;) {
        if (weft__unlikely(weft__is_claimed(worker)))
            return NULL; /* the idle context gives the worker to another carrier */
        struct weft_task *task = weft__unlikely(worker->lot != NULL) ? draw(worker) : pick(worker);
        if (weft__unlikely(!task))
            return NULL;
        bool leave = false;
        if (weft__likely(accept(worker, self, task, &leave)))
            return task;
        if (leave)
            return NULL;
        count_pick(worker);
    }
}

struct weft_task *weft__next(struct weft__worker *worker)
{
    count_pick(worker);
    return next(worker, *worker->current);
}

/* Random order, or a task that may not run here. */
WEFT_INLINE bool ready_elsewhere(struct weft__worker *worker, struct weft_task *task)
{
    if (weft__unlikely(worker->lot != NULL)) {
        weft__lot_put(worker->lot, task);
        return true;
    }
    if (weft__unlikely(task->carrier != NULL) && task->carrier != worker->carrier) {
        weft__ready_outside(task);
        return true;
    }
    return false;
}

/* A plain thread's task may end, and the runtime, before the thread has told a worker of it:
 * GUEST-1. Until it is handed out it keeps the runtime. */
static void ready_from_outside(struct weft_task *self, struct weft_task *task)
{
    if (!self)
        weft__guest_enter();
    weft__ready_outside(task);
    if (!self)
        weft__guest_leave();
}

/* Admitted: STRAND-6. Under the seat. */
WEFT_INLINE void ready_next(struct weft__worker *worker, struct weft_task *task)
{
    if (weft__unlikely(ready_elsewhere(worker, task)))
        return;
    struct weft_task *before = weft__front(worker);
    if (before)
        weft__queue_append(&worker->ready, before);
    weft__set_front(worker, task);
    if (weft__unlikely(task->worker != worker))
        worker->came_back = true;
    uintptr_t sp = (uintptr_t)task->context.sp; /* a number: it may be NULL */
    __builtin_prefetch((void *)sp, 1);
    __builtin_prefetch((void *)(sp + 64), 1);
}

void weft__make_ready(struct weft_task *task)
{
    if (weft__unlikely(!weft__strand_admits(task)))
        return;
    struct weft_task *self = weft__self();
    struct weft__worker *worker = weft__enter_here(self);
    if (weft__unlikely(!worker)) {
        ready_from_outside(self, task);
        return;
    }
    ready_next(worker, task);
    weft__leave(self);
}

void weft__make_ready_here(struct weft__worker *worker, struct weft_task *task)
{
    if (weft__likely(weft__strand_admits(task)))
        ready_next(worker, task);
}

WEFT_INLINE void ready_queued(struct weft__worker *worker, struct weft_task *task)
{
    if (weft__likely(!ready_elsewhere(worker, task)))
        weft__queue_append(&worker->ready, task);
}

void weft__ready_queued(struct weft__worker *worker, struct weft_task *task)
{
    if (weft__likely(weft__strand_admits(task)))
        ready_queued(worker, task);
}

void weft__requeue(struct weft__worker *worker, struct weft_task *task)
{
    ready_queued(worker, task);
}

void weft__ready_next(struct weft__worker *worker, struct weft_task *task)
{
    if (weft__front(worker))
        ready_queued(worker, task);
    else if (!ready_elsewhere(worker, task))
        weft__set_front(worker, task);
}

void weft__ready_fresh(struct weft__worker *worker, struct weft_task *task)
{
    if (weft__unlikely(ready_elsewhere(worker, task)))
        return;
    if (weft__queue_count(&worker->fresh) >= WEFT__FRESH_PRIVATE)
        weft__shelf_put_fresh(&worker->shelf, WEFT__NEWEST,
                              weft__queue_split(&worker->fresh, WEFT__FRESH_PRIVATE));
    weft__queue_prepend(&worker->fresh, task);
}

/* The next tick should come in TICK_TIME. What a pick takes is learnt at once when it
 * has become more, and forgotten slowly when it has become less: a few short tasks do
 * not make the next long ones keep everybody waiting. */
static void adjust_quantum(struct weft__worker *worker, int64_t now)
{
    uint32_t picks = worker->quanta - worker->quantum;
    int64_t elapsed = now - worker->ticked;
    worker->ticked = now;
    if (2 * picks >= worker->quanta || elapsed > WEFT__TICK_TIME) { /* else it says little */
        int64_t pick = elapsed / (picks ? picks : 1) + 1;
        worker->pick_time -= worker->pick_time / 16;
        if (worker->pick_time < pick)
            worker->pick_time = pick < WEFT__TICK_TIME ? (uint32_t)pick : WEFT__TICK_TIME;
    }
    if (elapsed > 2 * WEFT__TICK_TIME)
        worker->look = 1; /* tasks have become longer: a backlog is looked at next */
    uint32_t quanta = WEFT__TICK_TIME / worker->pick_time;
    worker->quantum = worker->quanta = quanta < WEFT__TICK ? quanta : WEFT__TICK;
}

/* What an event makes ready goes to the end of the queue: to ask for it before the
 * queue has gone round once brings its turn no nearer, and its memory, which the
 * event touches, has left the cache when the turn comes. */
static bool poll_due(struct weft__worker *worker, int64_t now)
{
    int64_t elapsed = now - worker->polled;
    if (elapsed < WEFT__TICK_TIME)
        return false;
    return weft__load(&worker->switches, relaxed) >= worker->round || elapsed >= WEFT__POLL_TIME;
}

void weft__tick(struct weft__worker *worker)
{
    int64_t now = weft__clock_now();
    adjust_quantum(worker, now);
    weft__take_inbox(worker);
    weft__take_oldest(worker);
    weft__help(worker);
    weft__store(&worker->now, now, relaxed); /* single writer; for dumps */
    weft__expire_timers(worker, worker, now);
    if (poll_due(worker, now))
        weft__poll(worker, worker, 0);
}

/* It was made runnable before it could go, and has popped itself: nothing has told that its
 * section has ended (sched/section.h). */
static WEFT_NOINLINE void go_on(struct weft__worker *worker)
{
    worker->carrier->sections = 0;
    weft__section_unmark(worker);
}

void weft__suspend(struct weft_task *self)
{
    struct weft__worker *worker = self->worker;
    if (weft__unlikely(self->flags & WEFT__TASK_STRAND))
        weft__strand_park(worker, self);
    count_pick(worker);
    struct weft_task *task = next(worker, self);
    if (weft__unlikely(!task))
        task = &worker->carrier->idle;
    if (weft__likely(task != self))
        weft__switch(worker, self, task);
    else
        go_on(worker);
}

void weft__pass(struct weft_task *self)
{
    struct weft__worker *worker = weft__enter(self);
    bool in_line =
        weft__unlikely(self->flags & WEFT__TASK_STRAND) && weft__strand_yield(worker, self);
    if (weft__unlikely(!weft__has_work(worker)) && !in_line &&
        worker->quantum > 1) { /* no tick is due */
        worker->quantum--;
        weft__leave(self);
        return;
    }
    count_pick(worker); /* what a tick finds has been due while we ran: it goes first */
    if (weft__likely(!in_line))
        ready_queued(worker, self);
    struct weft_task *task = next(worker, self);
    if (weft__unlikely(!task)) /* put elsewhere, or still leaving another CPU */
        task = &worker->carrier->idle;
    if (task != self)
        weft__switch(worker, self, task);
    else
        go_on(worker);
    weft__leave(self);
}

/* A task that ends goes straight to its joiner, if that is a task that may run
 * here: JOIN-4. */
static struct weft_task *claimed_joiner(struct weft__worker *worker, struct weft_task *self)
{
    struct weft__waiter *waiter = weft__claim_joiner(self);
    if (!waiter || weft__is_thread(waiter) || worker->lot || worker->front_runs >= WEFT__FRONT_RUNS)
        return NULL;
    struct weft_task *joiner = weft__task_of(waiter);
    if (weft__load(&joiner->on_cpu, acquire) || joiner->flags & WEFT__TASK_STRAND ||
        (joiner->carrier && joiner->carrier != worker->carrier))
        return NULL;
    worker->front_runs++;
    self->flags |= WEFT__TASK_HANDED;
    return joiner;
}

void (*weft__tell_end)(struct weft_task *task);
int (*weft__refuse)(struct weft__waiter *waiter);

/* What they would lead to is on the stack that the task leaves: CLEANUP-1, SCOPE-1. */
static WEFT_COLD WEFT_NORETURN void ended_inside(const struct weft_task *self)
{
    weft__panic("a task has ended %s",
                self->cleanups ? "with a handler of weft_cleanup_push() that it has not popped"
                               : "inside a scope or group that it has not left");
}

/* Unless it was cancelled before it began. */
WEFT_INLINE void call(struct weft_task *self)
{
    struct weft_scope *scope = self->waiter.scope; /* the group's that it was spawned in */
    uintptr_t family = weft__load(&self->waiter.family, relaxed); /* looked at again there */
    bool plain = ((uintptr_t)scope | family) == 0;
    int refused = weft__likely(plain) ? 0 : weft__refuse(&self->waiter);
    int (*fn)(void *arg) = self->fn;
    self->cleanups = NULL; /* where `fn` was */
    self->result = weft__likely(!refused) ? fn(self->arg) : refused;
    if (weft__unlikely(self->cleanups || self->waiter.scope != scope))
        ended_inside(self);
}

WEFT_INLINE void finish(struct weft_task *self)
{
    if (weft__unlikely(self->locals != NULL))
        weft__locals_end(&self->locals);
}

/* Inlined into the task's first function: a call that never returns would spoil the
 * prediction of the successor's returns (arch/context_x86_64.S). */
WEFT_INLINE WEFT_NORETURN void end(struct weft_task *self)
{
    if (weft__unlikely(self->flags & WEFT__TASK_TELLS)) {
        weft__tell_end(self);
        finish(self); /* what a callback has set */
    }
    struct weft__worker *worker = weft__enter(self);
    self->flags |= WEFT__TASK_ENDING;
    if (weft__unlikely(self->flags & WEFT__TASK_STRAND))
        weft__strand_end(worker, self);
    struct weft_task *task = claimed_joiner(worker, self);
    if (!task) {
        count_pick(worker);
        task = next(worker, self);
    }
    if (weft__unlikely(!task))
        task = &worker->carrier->idle;
    weft__hand_over(worker, self, task);
    weft__annotate_leave(&self->annotation, &task->annotation, 1);
    weft__context_jump(&task->context);
}

void weft__finish(struct weft_task *self)
{
    self->cleanups = NULL;
    finish(self);
}

void weft__end(struct weft_task *self)
{
    finish(self);
    end(self);
}

void weft__task_main(void *arg)
{
    struct weft_task *self = arg;
    weft__arrive(self);
    weft__leave(self);
    call(self);
    finish(self);
    end(self);
}

/* VT-6: also where a virtual thread comes that calls pthread_exit(), and again if a
 * destructor does. */
struct begun {
    struct weft_task *task;
    struct weft_scope *scope; /* as it was: those entered since were on frames that are gone */
};

static WEFT_NORETURN void end_virtual(void *arg)
{
    const struct begun *begun = arg;
    begun->task->waiter.scope = begun->scope;
    weft__finish(begun->task);
    weft__vthread_end();
    weft__end(begun->task);
}

void weft__virtual_main(void *arg)
{
    struct weft_task *self = arg;
    weft__arrive(self);
    weft__leave(self);
    weft__vthread_begin();
    struct begun begun = { self, self->waiter.scope };
    pthread_cleanup_push(end_virtual, &begun);
    call(self);
    end_virtual(&begun);
    pthread_cleanup_pop(0);
}
