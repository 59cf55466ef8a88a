#include "hook/park.h"

void weft__hook_end(const struct weft__hook_wait *wait)
{
    if (weft__unlikely(weft__observing))
        weft__observe_end(wait);
    if (wait->pinned)
        weft_unpin();
    errno = wait->error;
}
