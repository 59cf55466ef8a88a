#include "sched/strand.h"

#include "sched/schedule.h"

void (*weft__strand_emptied)(struct weft__strand *strand);

static struct weft_task *task_of(struct weft__inbox_node *node)
{
    return weft__container_of(node, struct weft_task, inbox);
}

void weft__strand_park(struct weft__worker *worker, struct weft_task *self)
{
    struct weft__strand *strand = weft__strand_of(self);
    WEFT_ASSERT(weft__load(&strand->baton.line, relaxed) != WEFT__BATON_FREE, "STRAND-1");
    struct weft__inbox_node *next = weft__baton_leave(&strand->baton);
    if (next)
        weft__ready_next(worker, task_of(next));
}

bool weft__strand_yield(struct weft__worker *worker, struct weft_task *self)
{
    struct weft__strand *strand = weft__strand_of(self);
    struct weft__inbox_node *next = weft__baton_go_behind(&strand->baton, &self->inbox);
    if (next)
        weft__ready_next(worker, task_of(next));
    return next;
}

void weft__strand_end(struct weft__worker *worker, struct weft_task *task)
{
    struct weft__strand *strand = weft__strand_of(task);
    weft__strand_park(worker, task);
    /* acq_rel: who destroys it comes after all who were in it */
    uint64_t tasks = weft__add(&strand->tasks, -WEFT__STRAND_TASK, acq_rel);
    if (weft__unlikely(tasks == (WEFT__STRAND_TASK | WEFT__STRAND_WAITED)))
        weft__strand_emptied(strand); /* STRAND-11 */
}
