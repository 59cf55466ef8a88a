/* Budgets: the steps between two looks at the clock are so many as take some microseconds. A
 * step may become much longer all at once, so they are not many. */
#include "time/clock.h"
#include "weft/parallel.h"
#include "weft/scope.h"
#include "weft/task.h"

/* Nanoseconds: others may have a turn after the first, and steps that take more than the other
 * are counted in smaller numbers. */
#define TURN 10000
#define TURN_LONG 50000
#define PERIOD_MAX 256

static uint32_t shorter(uint32_t period, int64_t time)
{
    uint64_t fitting = (uint64_t)period * TURN / (uint64_t)time;
    return fitting ? (uint32_t)fitting : 1;
}

int weft_budget_renew(weft_budget *budget)
{
    int64_t now = weft__clock_now(), time = now - budget->weft__since;
    bool first = budget->weft__period == 0;
    uint32_t period = first ? 1 : budget->weft__period;
    if (first)
        budget->weft__since = now;
    else if (time < TURN)
        period = period < PERIOD_MAX / 2 ? 2 * period : PERIOD_MAX;
    else if (time > TURN_LONG)
        period = shorter(period, time);
    budget->weft__left = budget->weft__period = period;
    if (first || (time > 0 && time < TURN)) /* 0: a clock that stands still while somebody runs */
        return weft_checkpoint();
    int rc = weft_yield();
    budget->weft__since = weft__clock_now();
    return rc;
}
