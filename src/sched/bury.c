/* The end of a task, after it has left its stack for good.
 *
 * `joiner` tells what the two sides know of each other:
 *
 *     NULL -> a waiter -> NULL   a joiner comes, and gives up at its deadline
 *     NULL -> DETACHED           nobody will join
 *     NULL or a waiter -> DONE   the task has ended
 *     DONE -> ACKED              see JOIN-3
 *
 * JOIN-1  The control block is released once: by the burier if DETACHED, else by
 *         the joiner after it has seen DONE.
 * JOIN-2  A burier that finds nobody does not touch the task after setting DONE.
 * JOIN-3  A burier that finds a waiter fires it, and only then is the joiner
 *         able to go on. If it cannot fire, the joiner's deadline has won and the
 *         joiner, which finds DONE in place of itself, waits for ACKED before it
 *         goes on: so its waiter has not begun another wait when the burier
 *         reads the ticket. */
#include "sched/bury.h"

#include <stdlib.h>

#include "sched/schedule.h"

void weft__release(struct weft__worker *worker, struct weft_task *task)
{
    weft__store(&task->id, 0, relaxed); /* for walkers, who may come late */
    weft__pool_give(&weft__rt.tasks, worker ? &worker->tasks : NULL, task);
}

void weft__bury(struct weft__worker *worker, struct weft_task *task)
{
    if (weft__task_started(task))
        weft__annotate_destroy(&task->annotation);
    if (task->stack)
        weft__stack_give(&weft__rt.stacks, &worker->stacks, task->stack);
    if (weft__unlikely(task->flags & WEFT__TASK_HEAP_ARGS))
        free(task->arg);
    weft__bump(&worker->ended, 1);

    /* relaxed: DETACHED comes from the spawner or through an exchange */
    struct weft__waiter *joiner = weft__load(&task->joiner, relaxed);
    if (joiner != WEFT__TASK_DETACHED)
        /* acq_rel: the joiner sees the result; we see its ticket */
        joiner = weft__exchange(&task->joiner, WEFT__TASK_DONE, acq_rel);
    if (joiner == WEFT__TASK_DETACHED) {
        weft__release(worker, task);
    } else if (joiner) {
        uint64_t ticket = weft__load(&joiner->word, relaxed) >> WEFT__WAIT_SHIFT;
        if (!weft__wait_fire(joiner, ticket, WEFT__EVENT))
            weft__store(&task->joiner, WEFT__TASK_ACKED, release); /* JOIN-3 */
    }
}
