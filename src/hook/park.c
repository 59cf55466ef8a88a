#include "hook/park.h"

#include "sched/schedule.h"

void weft__hook_end(const struct weft__hook_wait *wait)
{
    if (weft__unlikely(weft__observing))
        weft__observe_end(wait);
    if (wait->pinned)
        weft_unpin();
    struct weft__thread *thread = weft__thread_self();
    if (thread && --thread->signals.guard == 0 && weft__signals_due(thread))
        weft__signals_deliver(thread, NULL);
    errno = wait->error;
}

void weft__hook_give_way(struct weft_task *self)
{
    struct weft__hook_wait wait;
    weft__carrier_of(self)->budget = WEFT__BUDGET; /* on any way from here */
    if (weft__hook_in_scheduler(self))
        return;
    weft__hook_begin(&wait);
    weft__pass(self);
    weft__carrier_of(self)->budget = weft__budget_next(self);
    weft__hook_end(&wait);
}
