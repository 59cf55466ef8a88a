#include "time/clock.h"

#include <time.h>

#include "base/atomic.h"
#include "time/wheel.h"

/* 0: time is real. One writer: the only worker. */
static _Atomic(int64_t) virtual_now;

int64_t weft__clock_real(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t weft__clock_now(void)
{
    int64_t now = weft__load(&virtual_now, relaxed); /* orders nothing else */
    return now ? now : weft__clock_real();
}

void weft__clock_make_virtual(bool on)
{
    /* At the start of a tick, so that what comes in which order does not depend on
     * when the program was started. */
    int64_t tick = (weft__clock_real() >> WEFT__TICK_SHIFT) + 1;
    weft__store(&virtual_now, on ? tick << WEFT__TICK_SHIFT : 0, relaxed);
}

bool weft__clock_is_virtual(void)
{
    return weft__load(&virtual_now, relaxed) != 0;
}

void weft__clock_advance(int64_t when)
{
    if (when > weft__load(&virtual_now, relaxed))
        weft__store(&virtual_now, when, relaxed);
}
