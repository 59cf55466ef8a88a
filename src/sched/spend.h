/* spend.h - the budget of operations: who never has to wait gives way now and then. */
#ifndef WEFT_SCHED_SPEND_H
#define WEFT_SCHED_SPEND_H

#include "sched/schedule.h"

/* Before an operation that may complete at once, by the caller's waiter; a plain
 * thread's does nothing. May suspend. */
WEFT_INLINE void weft__spend(struct weft__waiter *waiter)
{
    if (weft__unlikely(weft__is_thread(waiter)))
        return;
    struct weft_task *self = weft__task_of(waiter);
    struct weft__carrier *carrier = weft__carrier_of(self);
    if (weft__unlikely(--carrier->budget == 0)) {
        weft__pass(self);
        weft__carrier_of(self)->budget = weft__budget_next(self);
    }
}

#endif
