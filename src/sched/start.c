#include "sched/start.h"

#include "sched/schedule.h"

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

bool weft__start(struct weft__worker *worker, struct weft_task *task)
{
    struct weft__stack *stack = inherit(worker, task);
    if (!stack)
        stack = weft__stack_take(&weft__rt.stacks, &worker->stacks, task->stack_size);
    if (weft__unlikely(!stack)) {
        task->flags |= WEFT__TASK_ENDING | WEFT__TASK_NO_STACK;
        weft__bury(worker, task);
        return false;
    }
    task->stack = stack;
    weft__context_prepare(&task->context, stack->top, weft__task_main, task);
    weft__annotate_create(&task->annotation, stack->low, stack->size);
    return true;
}
