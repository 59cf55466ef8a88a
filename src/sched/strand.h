/* strand.h - strands, as far as the scheduler knows them.
 *
 * STRAND-1..5 are at the head of lockfree/baton.h: at most one task of a strand has its
 * baton. Here is what that means for tasks:
 *
 * STRAND-6   A task of a strand is in a worker's queue, or runs, only with the baton. It
 *            comes for it where it becomes runnable: when it is woken, spawned, or its time
 *            has come. Who only moves a task from one queue to another asks for nothing. So
 *            only one of them runs, and what it finds has been left by those before
 *            (STRAND-4).
 * STRAND-7   It leaves with the baton in hand and gives it up before it picks who runs
 *            after it, under the seat: when it parks, gives way, or ends. From there on it
 *            touches nothing that is its strand's, but for its count (STRAND-11). The next one may
 *            run at once, and on another worker; what is left to save is the context, and nobody
 *            runs that before it is saved (WAIT-4).
 * STRAND-8   While it is running a task may be woken from the wait that it has just begun
 *            (WAIT-4): it comes for the baton that it holds, and so stands in line like
 *            others, behind those who came before; it may name itself when it parks.
 * STRAND-9   A task that loses its worker keeps the baton, on its way home (CARRIER-2), in
 *            the kernel, and wherever it is pinned: it has not suspended.
 * STRAND-10  One that is never to run (it was cancelled, or there is no stack) comes and
 *            leaves as all others do, so it does it no harm to those in line.
 * STRAND-11  `tasks` counts those that have not ended; a task that ends counts itself out
 *            with its last access, after it has given up the baton. Who destroys the strand
 *            sets WAITED by an exchange that sees the count: if there were any, the one
 *            that ends last sees the flag, tells him, and he waits for that. So he goes
 *            on when nobody touches the strand any more. */
#ifndef WEFT_SCHED_STRAND_H
#define WEFT_SCHED_STRAND_H

#include "lockfree/baton.h"
#include "sched/poll.h"
#include "sched/task.h"

#define WEFT__STRAND_WAITED ((uint64_t)1)
#define WEFT__STRAND_TASK ((uint64_t)2)

/* The public struct weft_strand begins with it. */
struct weft__strand {
    struct weft__baton baton;
    _Atomic(uint64_t) tasks; /* WEFT__STRAND_TASK for each, and WAITED: STRAND-11 */
    bool bound;              /* to a plain thread, which has its own way: callbacks only */
};

static inline struct weft__strand *weft__strand_in(struct weft_strand *strand)
{
    return (struct weft__strand *)(void *)strand;
}

/* What a task that is called at a point in time has as its arguments: WEFT__TASK_TIMED. */
struct weft__timed {
    void (*fn)(void *arg);
    void *arg;
    int64_t when;
    struct weft__timer_handle timer; /* armed before it has started; or none */
};

/* In a task of a strand, behind the arguments. */
static inline struct weft__strand **weft__strand_place(struct weft_task *task)
{
    char *end = task->args + WEFT__ARGS_INLINE;
    if (task->flags & WEFT__TASK_MEMBER)
        end -= WEFT__MEMBER_SIZE;
    if (task->flags & WEFT__TASK_EPILOGUE) /* then it is in no group */
        end = (char *)weft__epilogue_of(task);
    return (void *)(end - sizeof(struct weft__strand *));
}

/* NULL: it belongs to none. */
static inline struct weft__strand *weft__strand_of(struct weft_task *task)
{
    return task->flags & WEFT__TASK_STRAND ? *weft__strand_place(task) : NULL;
}

/* STRAND-6. A task has become runnable, and is the caller's. True: it is to be queued.
 * False: it stands in line, and is the caller's no longer. Any thread. */
WEFT_INLINE bool weft__strand_admits(struct weft_task *task)
{
    return weft__likely(!(task->flags & WEFT__TASK_STRAND)) ||
           weft__baton_come(&(*weft__strand_place(task))->baton, &task->inbox);
}

/* A new task, before it is published. */
static inline void weft__strand_add(struct weft__strand *strand)
{
    weft__add(&strand->tasks, WEFT__STRAND_TASK, relaxed); /* STRAND-11: the ends count */
}

/* The running task, which is of a strand, parks; or gives way: false, there is nobody to
 * give way to; or a task that has had the baton has ended. The seat is held: STRAND-7. */
void weft__strand_park(struct weft__worker *worker, struct weft_task *self);
bool weft__strand_yield(struct weft__worker *worker, struct weft_task *self);
void weft__strand_end(struct weft__worker *worker, struct weft_task *task);

/* Set by src/sync: the last task has ended, and somebody waits for that. */
extern void (*weft__strand_emptied)(struct weft__strand *strand);

#endif
