/* Locks in the program's memory, in a forked child: FORK-1. */
#include "hook/fork.h"

uint32_t weft__hook_forks;

static struct weft__lock renewing;

void weft__fork_count(void)
{
    weft__hook_forks++;
    weft__store(&renewing.state, 0, relaxed); /* a thread of the parent's may have held it */
}

void weft__fork_renew(struct weft__lock *lock, _Atomic(uint32_t) *forks)
{
    weft__lock_acquire(&renewing);
    if (weft__load(forks, relaxed) != weft__hook_forks) {
        weft__store(&lock->state, 0, relaxed);
        weft__store(forks, weft__hook_forks, release); /* pairs with weft__fork_acquire() */
    }
    weft__lock_release(&renewing);
}
