/* Spin locks: the holder may be a task that waits for this very worker, so after a
 * few tries the others get it. libc's word is touched by libc only. */
#include "hook/park.h"
#include "hook/real.h"
#include "sched/schedule.h"

#define SPINS 50

WEFT__INTERPOSE int pthread_spin_lock(pthread_spinlock_t *lock)
{
    WEFT__STAYS;
    if (!weft__hook_task())
        return weft__real_pthread_spin_lock(lock);
    for (int i = 0; i < SPINS; i++) {
        if (weft__real_pthread_spin_trylock(lock) == 0)
            return 0;
        weft__pause();
    }
    while (weft__real_pthread_spin_trylock(lock) != 0)
        weft__hook_give_way(weft__self()); /* handlers run in between */
    return 0;
}

/* A loop of tries is a spin lock of the program's own. */
WEFT__INTERPOSE int pthread_spin_trylock(pthread_spinlock_t *lock)
{
    WEFT__STAYS;
    int rc = weft__real_pthread_spin_trylock(lock);
    if (rc)
        weft__hook_spend();
    return rc;
}
