/* Spin locks: the holder may be a task that waits for this very worker, so after a
 * few tries the others get it. libc's word is touched by libc only. */
#include "hook/park.h"
#include "hook/real.h"
#include "sched/schedule.h"

#define SPINS 50

static void give_way(void)
{
    struct weft__hook_wait wait;
    weft__hook_begin(&wait);
    weft__pass(weft__self());
    weft__hook_end(&wait);
}

WEFT__INTERPOSE int pthread_spin_lock(pthread_spinlock_t *lock)
{
    if (!weft__hook_task())
        return weft__real_pthread_spin_lock(lock);
    for (int i = 0; i < SPINS; i++) {
        if (weft__real_pthread_spin_trylock(lock) == 0)
            return 0;
        weft__pause();
    }
    while (weft__real_pthread_spin_trylock(lock) != 0)
        give_way(); /* handlers run in between */
    return 0;
}

/* A loop of tries is a spin lock of the program's own. */
WEFT__INTERPOSE int pthread_spin_trylock(pthread_spinlock_t *lock)
{
    int rc = weft__real_pthread_spin_trylock(lock);
    struct weft_task *self = rc ? weft__hook_task() : NULL;
    if (self && --weft__carrier_of(self)->budget == 0) {
        weft__carrier_of(self)->budget = WEFT__BUDGET;
        give_way();
    }
    return rc;
}
