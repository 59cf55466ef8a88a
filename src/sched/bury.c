/* The end of a task, after it has left its stack for good.
 *
 * `joiner` tells what the two sides know of each other:
 *
 *     NULL -> a waiter -> NULL   a joiner comes, and gives up at its deadline
 *     NULL -> DETACHED           nobody will join
 *     a waiter -> SOON           the task is about to end, and has seen its joiner
 *     any -> DONE                the task has ended
 *     SOON -> ACKED              the same
 *     DONE -> ACKED              see JOIN-3, JOIN-6
 *
 * JOIN-1  The control block is released once: by the burier if DETACHED, else by
 *         the joiner after it has seen DONE or ACKED.
 * JOIN-2  After setting DONE the burier does not touch the task, but for JOIN-3.
 * JOIN-3  Once its waiter has been exchanged away a joiner cannot take itself out
 *         any more, so the waiter's ticket stays what it is: whoever did the
 *         exchange may read it and claim the wait. Either that succeeds, and the
 *         joiner runs again only after DONE; or the joiner's deadline has won,
 *         and the joiner, which finds itself gone, waits for ACKED.
 * JOIN-4  A task about to end that finds a waiter does the exchange (SOON) and the
 *         claim while it still runs, so as to switch to its joiner and to no one
 *         else. The burier says that it has ended, by ACKED, after the switch: the
 *         joiner, which will release the task, is woken, and runs, only then (HANDED: on
 *         this very thread).
 * JOIN-5  A FIRM joiner has no scope, so nothing but the end of the task can end
 *         its wait: that is stored, not claimed.
 * JOIN-6  A waiter may be joiner of MANY tasks with one ticket (task/gather.c), and wait
 *         for other things as well (sync/select.c). One of those that end claims its
 *         wait, or something else does. Before the waiter begins another it takes
 *         itself out of all of them; whoever has exchanged it away, may be about to look
 *         at its ticket, and acknowledges also when its claim has succeeded: so the
 *         waiter waits for ACKED, and need not know which one it was.
 * JOIN-7  In builds with assertions a control block is RELEASED until it is taken again. Who
 *         comes with a handle and finds that, or DETACHED, has used it up: nobody else will
 *         ever tell him of an end. */
#include "sched/bury.h"
#include "sched/carrier.h"

#include <stdlib.h>

#include "sched/locals.h"
#include "sched/schedule.h"
#include "sched/thread.h"
#include "vthread/block.h"

void weft__release(struct weft__worker *worker, struct weft_task *task)
{
    weft__store(&task->id, 0, relaxed); /* for walkers, who may come late */
#ifndef NDEBUG
    weft__store(&task->joiner, WEFT__TASK_RELEASED, relaxed); /* JOIN-7 */
#endif
    struct weft__stock *stock = worker ? &worker->stock : weft__thread_stock();
    weft__pool_give(&weft__rt.tasks, stock ? &stock->tasks : NULL, task);
}

/* Ends the wait of a joiner that has been exchanged away (JOIN-3). False: its
 * deadline has won. */
static bool claim(struct weft__waiter *waiter, bool firm)
{
    uint64_t word = weft__load(&waiter->word, relaxed);
    if (!firm)
        return weft__wait_claim(waiter, word >> WEFT__WAIT_SHIFT, WEFT__EVENT);
    /* release: pairs with the acquire in weft__wait_state() */
    weft__store(&waiter->word, (word & ~(uint64_t)WEFT__WAIT_STATE) | WEFT__EVENT, release);
    return true; /* JOIN-5 */
}

static struct weft__waiter *waiter_of(struct weft__waiter *joiner)
{
    return (void *)((uintptr_t)joiner & ~(WEFT__JOINER_FIRM | WEFT__JOINER_MANY));
}

static bool is_firm(struct weft__waiter *joiner)
{
    return (uintptr_t)joiner & WEFT__JOINER_FIRM;
}

/* Until it is acknowledged the task is not released: the claim wakes nobody yet. */
static bool is_one_of_many(struct weft__waiter *joiner)
{
    return (uintptr_t)joiner & WEFT__JOINER_MANY;
}

struct weft__waiter *weft__claim_joiner(struct weft_task *task)
{
    struct weft__waiter *joiner = weft__load(&task->joiner, relaxed); /* the exchange decides */
    if (joiner == NULL || joiner == WEFT__TASK_DETACHED)
        return NULL;
    /* acq_rel: the joiner's ticket is behind it */
    joiner = weft__exchange(&task->joiner, WEFT__TASK_ENDING_SOON, acq_rel);
    if (weft__unlikely(joiner == WEFT__TASK_DETACHED)) {
        /* It gave up and detached since we looked: the word is ours alone now. */
        weft__store(&task->joiner, joiner, relaxed);
        return NULL;
    }
    task->flags |= WEFT__TASK_SAW_JOINER;
    bool waits = joiner && claim(waiter_of(joiner), is_firm(joiner));
    task->claimed = waits ? waiter_of(joiner) : NULL; /* it has gone, or its deadline has come */
    return task->claimed;
}

static void tell_joiner(struct weft__worker *worker, struct weft_task *task)
{
    if (task->flags & WEFT__TASK_SAW_JOINER) { /* JOIN-4 */
        bool handed = task->flags & WEFT__TASK_HANDED;
        struct weft__waiter *claimed = task->claimed;
        /* release: the joiner sees the result. It looks, or waits, for this: JOIN-4, JOIN-6 */
        weft__store(&task->joiner, WEFT__TASK_ACKED, release);
        if (claimed && !handed)
            weft__wait_wake(claimed);
        return;
    }
    /* relaxed: DETACHED comes from the spawner or through an exchange */
    struct weft__waiter *joiner = weft__load(&task->joiner, relaxed);
    if (joiner != WEFT__TASK_DETACHED)
        /* acq_rel: the joiner sees the result; we see its ticket */
        joiner = weft__exchange(&task->joiner, WEFT__TASK_DONE, acq_rel);
    if (joiner == WEFT__TASK_DETACHED) {
        weft__release(worker, task);
    } else if (joiner) {
        bool claimed = claim(waiter_of(joiner), is_firm(joiner));
        if (!claimed || is_one_of_many(joiner))
            weft__store(&task->joiner, WEFT__TASK_ACKED, release); /* JOIN-3, JOIN-6 */
        if (claimed)
            weft__wait_wake(waiter_of(joiner));
    }
}

void weft__bury(struct weft__worker *worker, struct weft_task *task)
{
    if (weft__unlikely(task->carrier != NULL))
        weft__count_pinned(task->carrier, -1); /* this one: PIN-1 */
    if (weft__task_started(task))
        weft__annotate_destroy(&task->annotation);
    if (weft__unlikely(task->locals != NULL)) /* it never ran: LOCAL-4 */
        weft__locals_abandon(task->locals);
    if (task->stack)
        weft__stack_give(&weft__rt.stacks, worker->stacks, task->stack);
    if (weft__unlikely(weft__is_virtual(task)))
        weft__block_give(&worker->blocks, weft__block_at(task->context.thread_pointer));
    if (weft__unlikely(task->flags & WEFT__TASK_HEAP_ARGS))
        free(task->arg);
    /* release: with what came before; await_end() adds up */
    weft__store(&worker->ended, weft__load(&worker->ended, relaxed) + 1, release);

    tell_joiner(worker, task);
}
