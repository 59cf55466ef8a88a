#include "os/latch.h"

#include <time.h>

/* Critical sections are shorter than a trip into the kernel. */
#ifndef WEFT_MODEL
#define SPINS 200
#else
#define SPINS 1
#endif

#define MOMENT 2000000 /* ns: LATCH-1 */

_Atomic(uint32_t) weft__latch_sleepers;

static int64_t in_a_moment(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + MOMENT;
}

void weft__latch_slow(struct weft__latch *latch)
{
    for (int i = 0; i < SPINS; i++) {
        if (weft__load(&latch->state, relaxed) == 0 && weft__latch_try(latch))
            return;
        weft__spin_hint();
    }
    weft__add(&weft__latch_sleepers, 1, relaxed);
    weft__barrier_heavy(); /* LATCH-1 */
    while (!weft__latch_try(latch))
        weft__futex_wait(&latch->state, 1, in_a_moment());
    weft__add(&weft__latch_sleepers, (uint32_t)-1, relaxed);
}

void weft__latch_forget(void)
{
    weft__store(&weft__latch_sleepers, 0, relaxed);
}
