#include "hook/park.h"

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
