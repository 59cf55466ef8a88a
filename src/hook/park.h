/* park.h - what surrounds whatever may suspend in an interposed call.
 *
 * errno is what it was before: the scheduler's own system calls run in the name of
 * whoever parks. A light task comes back on the thread it left, so that frames of
 * code that knows nothing of tasks find their thread-locals (DESIGN rule 5). */
#ifndef WEFT_HOOK_PARK_H
#define WEFT_HOOK_PARK_H

#include <errno.h>

#include "hook/observe.h"
#include "hook/stay.h"
#include "hook/thread.h"
#include "sched/worker.h"

struct weft__hook_wait {
    int error;
    bool pinned;
    struct { /* when somebody looks: observe.h */
        int64_t since;
        uint64_t word; /* the waiter's, before */
        const struct weft__meter_call *call;
        uint64_t joined; /* of a join: the number of the thread, which is gone afterwards */
    } seen;
};

static inline void weft__hook_begin(struct weft__hook_wait *wait)
{
    struct weft_task *self = weft__hook_task();
    struct weft__thread *thread = weft__thread_self();
    wait->error = errno;
    if (thread && thread->signals.guard++ == 0)
        thread->signals.interrupted = false;
    wait->pinned = self && !self->context.thread_pointer;
    if (wait->pinned)
        weft_pin();
    if (weft__unlikely(weft__observing))
        weft__observe_begin(wait);
}

/* Signals that have come meanwhile are handled here: SIG-4.
 *
 * Never inlined: errno's address is another thread's after a suspension, and the
 * compiler may have kept the one that weft__hook_begin() used. */
void weft__hook_end(const struct weft__hook_wait *wait);

/* Who never has to wait gives way now and then: the others may be waiting for what it
 * does, and there may be one worker. */
WEFT_COLD void weft__hook_give_way(struct weft_task *self);

static inline void weft__hook_spend(void)
{
    struct weft_task *self = weft__hook_task();
    if (self && weft__unlikely(--weft__carrier_of(self)->budget == 0))
        weft__hook_give_way(self);
}

/* Whether the scheduler itself is at work in the task's name, as when an allocator
 * that somebody has preloaded locks a mutex of its own: then nothing may park. */
static inline bool weft__hook_in_scheduler(struct weft_task *self)
{
    return weft__load(&self->seat->inside, relaxed) != 0;
}

#endif
