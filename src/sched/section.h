/* section.h - code that says beforehand that it may block: weft_blocking_begin().
 *
 * Most sections are over soon, so beginning one gives nothing away: it leaves a mark with
 * the worker, and its end takes that off. The monitor (monitor.c), which looks at a quicker
 * pace while it sees marks with work behind them, gives the worker away when it sees one
 * twice. Then the end finds that the worker is gone, as any call would, and waits for its
 * turn on another.
 *
 * The mark names the section, by a number and by the worker's switches: so it goes by
 * itself when the task suspends, and nothing on the path of a switch knows of it.
 *
 * How many sections are open, one inside the other, is the carrier's: the task stays on it
 * until it suspends, and arriving at a task clears it (switch.h).
 *
 * SECTION-1  A section's mark is written by its task, under the worker's seat.
 * SECTION-2  The worker of a section that has ended is not given away for it: who has seen
 *            the mark looks again when he has taken the seat, and then it cannot end.
 * SECTION-3  The code of a section runs without a worker if it must, but what comes after
 *            its end has one. */
#ifndef WEFT_SCHED_SECTION_H
#define WEFT_SCHED_SECTION_H

#include "sched/worker.h"

/* The task that runs here begins a section, or ends it. Under the seat. */
static inline void weft__section_mark(struct weft__worker *worker)
{
    uint64_t switches = weft__load(&worker->switches, relaxed);
    worker->sections += 2;
    /* relaxed: who acts on it looks again under the seat */
    weft__store(&worker->section, switches << 32 | worker->sections | 1, relaxed);
}

static inline void weft__section_unmark(struct weft__worker *worker)
{
    weft__store(&worker->section, 0, relaxed); /* as above */
}

/* The section that its task is in; 0: none. To be relied on under the seat only. */
static inline uint64_t weft__section_of(struct weft__worker *worker)
{
    uint64_t mark = weft__load(&worker->section, relaxed);
    return mark >> 32 == (uint32_t)weft__load(&worker->switches, relaxed) ? mark : 0;
}

#endif
