#include "sched/start.h"

#include <errno.h>

#include "sched/carrier.h"
#include "sched/schedule.h"
#include "sched/strand.h"
#include "vthread/block.h"

/* An ending task picks its successor while it still stands on its stack, so the
 * successor may have that: it starts at the top, and the dead frames below are
 * overwritten only after the jump. */
static struct weft__stack *inherit(struct weft__worker *worker, struct weft_task *task)
{
    struct weft_task *self = *worker->current;
    if (!(self->flags & WEFT__TASK_ENDING) || !self->stack || self->stack_size != task->stack_size)
        return NULL;
    struct weft__stack *stack = self->stack;
    self->stack = NULL;
    weft__stack_recycle(stack);
    return stack;
}

/* A virtual thread's thread-local block. Our own pointer to the running task is in
 * there, too: right wherever it runs. */
static WEFT_NOINLINE bool take_block(struct weft__worker *worker, struct weft_task *task)
{
    struct weft__block *block = weft__block_take(&worker->blocks);
    if (!block)
        return false;
    *weft__current_at(block->tp) = task;
    task->context.thread_pointer = block->tp;
    return true;
}

/* False: memory is out; what the task has by then goes with it. The stack comes last: one
 * that was inherited is in use, and could not be given back. */
static bool equip(struct weft__worker *worker, struct weft_task *task)
{
    bool is_virtual = task->flags & WEFT__TASK_VIRTUAL;
    if (weft__unlikely(is_virtual) && !take_block(worker, task))
        return false;
    task->stack = inherit(worker, task);
    if (!task->stack)
        task->stack = weft__stack_take(&weft__rt.stacks, worker->stacks, task->stack_size);
    if (weft__unlikely(!task->stack))
        return false;
    if (weft__unlikely(is_virtual))
        weft__block_set_stack(weft__block_at(task->context.thread_pointer), task->stack->low,
                              task->stack->size, weft__stack_guard_size());
    return true;
}

bool weft__start(struct weft__worker *worker, struct weft_task *task)
{
    if (weft__unlikely(task->flags & WEFT__TASK_TIMED)) /* it may have been cancelled */
        weft__timer_disarm(worker, ((struct weft__timed *)(void *)task->args)->timer);
    if (weft__unlikely(!equip(worker, task))) {
        task->flags |= WEFT__TASK_ENDING | WEFT__TASK_NO_STACK;
        task->result = -ENOMEM;
        if (task->flags & WEFT__TASK_TELLS)
            weft__tell_end(task);
        if (task->flags & WEFT__TASK_STRAND)
            weft__strand_end(worker, task);
        weft__bury(worker, task);
        return false;
    }
    weft__context_prepare(&task->context, task->stack->top,
                          weft__is_virtual(task) ? weft__virtual_main : weft__task_main, task);
    weft__annotate_create(&task->annotation, task->stack->low, task->stack->size);
    return true;
}
