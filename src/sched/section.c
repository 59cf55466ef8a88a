#include "sched/section.h"

#include <errno.h>

#include "sched/enter.h"
#include "sched/monitor.h"
#include "sched/schedule.h"
#include "weft/blocking.h"

void weft_blocking_begin(void)
{
    struct weft_task *self = weft_self();
    if (!self || !weft__hands_off() || weft__carrier_of(self)->sections++)
        return;
    struct weft__worker *worker = weft__enter_here(self);
    if (!worker)
        return; /* it has none to lose */
    weft__section_mark(worker);
    bool waits = weft__has_work(worker) || !weft__shelf_empty(&worker->shelf);
    weft__leave(self);
    if (waits)
        weft__monitor_hurry();
}

/* Not inlined: the task may be on another thread than when it last had the address. */
static WEFT_NOINLINE void set_errno(int error)
{
    errno = error;
}

void weft_blocking_end(void)
{
    struct weft_task *self = weft_self();
    if (!self || !weft__carrier_of(self)->sections || --weft__carrier_of(self)->sections)
        return;
    int error = errno;
    weft__section_unmark(weft__enter(self)); /* SECTION-3 */
    weft__leave(self);
    set_errno(error);
}
