#include "sched/section.h"

#include "os/error.h"
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

void weft_blocking_end(void)
{
    struct weft_task *self = weft_self();
    if (!self || !weft__carrier_of(self)->sections || --weft__carrier_of(self)->sections)
        return;
    int error = weft__error();
    weft__section_unmark(weft__enter(self)); /* SECTION-3 */
    weft__leave(self);
    weft__error_set(error);
}
