/* enter.h - into the scheduler and out of it.
 *
 * A task touches its worker's parts only between entering and leaving. It may
 * have lost its worker since it last did: it was away too long, and another
 * carrier serves the worker now (sched/carrier.c). */
#ifndef WEFT_SCHED_ENTER_H
#define WEFT_SCHED_ENTER_H

#include "sched/carrier.h"
#include "sched/worker.h"

/* For functions that may suspend: the running task's worker, with its seat. A
 * task that has lost its worker waits for its turn on another. */
WEFT_INLINE struct weft__worker *weft__enter(struct weft_task *self)
{
    if (weft__unlikely(!weft__seat_enter(self->seat)))
        weft__come_home(self);
    return self->worker;
}

/* For functions that never suspend. NULL: there is no worker, the caller does as
 * a plain thread would; it must not leave. `self` may be NULL: a plain thread. */
WEFT_INLINE struct weft__worker *weft__enter_here(struct weft_task *self)
{
    return self && weft__likely(weft__seat_enter(self->seat)) ? self->worker : NULL;
}

WEFT_INLINE void weft__leave(struct weft_task *self)
{
    weft__seat_leave(self->seat);
}

#endif
