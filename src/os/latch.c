#include "os/latch.h"

#include <sched.h>
#include <time.h>

/* Critical sections are shorter than a trip into the kernel. */
#ifndef WEFT_MODEL
#define SPINS 200
#else
#define SPINS 1
#endif

#define MOMENT 2000000 /* ns: LATCH-1 */
#define YIELDS 100     /* for who is inside; then */
#define NAP 50000      /* ns each */

_Atomic(uint32_t) weft__latch_sleepers;
struct weft__latch_section weft__latch_section[WEFT__LATCH_SECTIONS];

static int64_t soon(int64_t time)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + time;
}

/* The kernel may have stopped who is inside, for us; to give way is not enough where we go
 * before him whatever he does. */
static void await_section(uint32_t number, struct weft__latch *latch)
{
    for (unsigned i = 1; weft__latch_is_inside(number, latch); i++) {
        weft__spin_hint();
        if (i > YIELDS * SPINS)
            weft__futex_wait(&latch->state, WEFT__LATCH_HELD, soon(NAP)); /* which is ours */
        else if (i % SPINS == 0)
            sched_yield();
    }
}

bool weft__latch_straighten(struct weft__latch *latch)
{
    uint32_t state = weft__load(&latch->state, relaxed);
    if (state < WEFT__LATCH_LEANS ||
        !weft__cas(&latch->state, &state, WEFT__LATCH_HELD, acquire, relaxed))
        return false;
    weft__critical_enter();
    weft__barrier_heavy(); /* LATCH-3 */
    await_section(state - WEFT__LATCH_LEANS, latch);
    return true;
}

static bool take(struct weft__latch *latch)
{
    return weft__latch_try(latch) || weft__latch_straighten(latch);
}

void weft__latch_slow(struct weft__latch *latch)
{
    for (int i = 0; i < SPINS; i++) {
        if (weft__load(&latch->state, relaxed) != WEFT__LATCH_HELD && take(latch))
            return;
        weft__spin_hint();
    }
    weft__add(&weft__latch_sleepers, 1, relaxed);
    weft__barrier_heavy(); /* LATCH-1 */
    while (!take(latch))
        weft__futex_wait(&latch->state, WEFT__LATCH_HELD, soon(MOMENT));
    weft__add(&weft__latch_sleepers, (uint32_t)-1, relaxed);
}

void weft__latch_forget(void)
{
    weft__store(&weft__latch_sleepers, 0, relaxed);
}
