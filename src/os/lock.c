#include "os/lock.h"

/* Critical sections are shorter than a trip into the kernel. */
#ifndef WEFT_MODEL
#define SPINS 100
#else
#define SPINS 1
#endif

void weft__lock_slow(struct weft__lock *lock)
{
    for (int i = 0; i < SPINS; i++) {
        if (weft__load(&lock->state, relaxed) == 0 && weft__lock_try(lock))
            return;
        weft__spin_hint();
    }
    /* acquire: pairs with the release in weft__lock_release() */
    while (weft__exchange(&lock->state, 2, acquire) != 0)
        weft__futex_wait(&lock->state, 2, INT64_MAX);
    weft__critical_enter();
}
