/* park.h - the short ways of wait.h, for a task that has its worker's seat. */
#ifndef WEFT_SCHED_PARK_H
#define WEFT_SCHED_PARK_H

#include "base/assert.h"
#include "sched/enter.h"
#include "sched/schedule.h"

/* As weft__wait_begin(): the seat is taken once more. */
WEFT_INLINE uint64_t weft__wait_begin_here(struct weft_task *self, struct weft__worker *worker,
                                           const char *what, const void *object)
{
    weft__seat_enter(self->seat);
    return weft__wait_start_at(&self->waiter, what, (uintptr_t)object,
                               weft__load(&worker->now, relaxed));
}

/* The end of a wait: leaves the seat. */
WEFT_INLINE enum weft__wait_state weft__parked(struct weft_task *self)
{
    weft__leave(self);
    enum weft__wait_state reason = weft__wait_state(&self->waiter);
    WEFT_ASSERT(reason > WEFT__WAITING, "WAIT-2"); /* else it was made runnable twice */
    return reason;
}

/* Until an event or a canceller ends the wait. */
WEFT_INLINE enum weft__wait_state weft__park(struct weft_task *self)
{
    weft__suspend(self);
    return weft__parked(self);
}

/* Whether there may be something that a signal wants of it: weft__wait_interrupted. */
WEFT_INLINE bool weft__may_be_interrupted(const struct weft_task *self)
{
    return weft__unlikely(self->context.thread_pointer != NULL) && weft__wait_interrupted;
}

#endif
