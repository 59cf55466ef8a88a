#include "hook/observe.h"

#include <stdlib.h>

#include "hook/meter.h"
#include "hook/park.h"
#include "time/clock.h"

bool weft__observing;
const struct weft__meter *weft__meter_here;
struct weft__observed weft__observed;

static bool tracing;

/* Before any other object can call what the meter counts. */
__attribute__((constructor(102))) static void find_meter(void)
{
    if (weft__meter)
        weft__meter_here = weft__meter();
}

static bool asked(const char *name)
{
    const char *value = getenv(name);
    return value && *value && *value != '0';
}

void weft__observe_start(void)
{
    bool report = asked("WEFT_STATS");
    tracing = asked("WEFT_TRACE_CALLS");
    weft__observing = tracing || report;
    if (report)
        weft__report_start();
}

/* The caller's own; 0: it has none, since memory is out. */
static uint64_t word_here(void)
{
    struct weft__waiter *waiter = weft__waiter_self();
    return waiter ? weft__load(&waiter->word, relaxed) : 0;
}

void weft__observe_begin(struct weft__hook_wait *wait)
{
    wait->seen.since = weft__clock_now();
    wait->seen.word = word_here();
    wait->seen.joined = 0;
    wait->seen.call = weft__meter_here ? weft__meter_here->last() : NULL;
}

/* A wait that was begun and found to be needless has not parked: it is back at RUNNING,
 * one ticket later. */
static bool parked(uint64_t before)
{
    uint64_t word = word_here();
    uint64_t waits = (word >> WEFT__WAIT_SHIFT) - (before >> WEFT__WAIT_SHIFT);
    return waits > 1 || (waits == 1 && (word & WEFT__WAIT_STATE) != WEFT__RUNNING);
}

void weft__observe_end(const struct weft__hook_wait *wait)
{
    if (!parked(wait->seen.word))
        return;
    weft__add(&weft__observed.waits, 1, relaxed); /* a figure */
    if (tracing)
        weft__trace_wait(wait);
}

void weft__observe_thread(uint64_t alive)
{
    weft__add(&weft__observed.threads, 1, relaxed); /* figures, as above */
    uint64_t most = weft__load(&weft__observed.most_alive, relaxed);
    while (alive > most &&
           !weft__cas_weak(&weft__observed.most_alive, &most, alive, relaxed, relaxed))
        ;
}
