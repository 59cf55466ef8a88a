/* switch.h - giving the CPU from one task to the next.
 *
 * There is no detour over a scheduler stack: the task that leaves picks its
 * successor and switches to it. Whatever must not happen before its context is
 * saved happens on the other side, in weft__arrive(): clearing on_cpu, which
 * lets others run it (WAIT-4), and burying a task that has ended. */
#ifndef WEFT_SCHED_SWITCH_H
#define WEFT_SCHED_SWITCH_H

#include "os/critical.h"
#include "sched/hooks.h"
#include "sched/schedule.h"
#include "vthread/block.h"

/* STAY-2: inside an interposed call a light task leaves its thread only to come back
 * to it. A virtual thread counts no such calls. */
WEFT_INLINE void weft__assert_stays(const struct weft_task *self)
{
    WEFT_ASSERT(!self->interposed || self->carrier, "STAY-2");
    (void)self;
}

/* First thing on the stack that was switched to. */
WEFT_INLINE void weft__arrive(struct weft_task *self)
{
    struct weft__worker *worker = self->worker;
    struct weft_task *left = worker->leaving;
    weft__annotate_arrive(&self->annotation);
    if (weft__unlikely(left->flags & WEFT__TASK_ENDING))
        weft__bury(worker, left);
    else
        weft__store(&left->on_cpu, 0, release); /* pairs with the acquire in accept() */
}

/* From or to a virtual thread. `block` NULL: to a task that uses the carrier's. */
WEFT_INLINE void weft__change_block(void *block, void *carriers)
{
    weft__change_fn *watcher = atomic_load_explicit(&weft__on_change, memory_order_relaxed);
    if (weft__unlikely(watcher != NULL))
        watcher(carriers);
    if (block)
        weft__block_set_home(block, carriers);
    weft__context_set_thread_pointer(block ? block : carriers);
}

WEFT_INLINE void weft__hand_over(struct weft__worker *worker, struct weft_task *self,
                                 struct weft_task *next)
{
    WEFT_ASSERT(weft__load(&worker->seat->inside, relaxed) == 1, "SEAT-1");
    WEFT_ASSERT(!next->carrier || next->carrier == worker->carrier, "PIN-1");
    WEFT_ASSERT(!weft__critical_inside(), "CRITICAL-1");
    weft__assert_stays(self);
    next->worker = worker;
    next->seat = worker->seat;
    struct weft__carrier *carrier = weft__carrier_of(next);
    carrier->budget = WEFT__BUDGET;
    carrier->sections = 0;                  /* beside it: both are one store */
    weft__store(&next->on_cpu, 1, relaxed); /* ours: we popped it */
    worker->leaving = self;
    weft__bump(&worker->switches, 1);
    *worker->current = next;
    if (weft__unlikely(next->context.thread_pointer != self->context.thread_pointer))
        weft__change_block(next->context.thread_pointer, worker->carrier->thread_pointer);
}

/* Switches from `self` to `next`, both different. Returns when `self` is resumed,
 * perhaps by another worker. The seat is held, before and after. */
WEFT_INLINE void weft__switch(struct weft__worker *worker, struct weft_task *self,
                              struct weft_task *next)
{
    weft__hand_over(worker, self, next);
    weft__annotate_leave(&self->annotation, &next->annotation, 0);
    weft__context_switch(&self->context, &next->context);
    weft__arrive(self);
}

#endif
