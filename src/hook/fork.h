/* fork.h - a forked child has no runtime: it goes on as a plain process. */
#ifndef WEFT_HOOK_FORK_H
#define WEFT_HOOK_FORK_H

#include <stdbool.h>

#include "os/lock.h"

/* This process is such a child: every interposer is libc's own function. */
extern bool weft__hook_forked;

/* How many forks lie between this process and the one that has loaded the object. */
extern uint32_t weft__hook_forks;

/* In a child, whose only thread calls. */
void weft__fork_count(void);

/* Locks of ours in the program's own memory, which a child inherits as they are: a thread
 * that it has not may be holding one. So beside each stands the count of forks of the
 * process that has used it last, and who finds another takes the lock for free.
 *
 * FORK-1  The count is changed under a lock that is the process's alone, together with the
 *         lock beside it, and before any thread of the process has taken that.
 * FORK-2  What such a lock guards is whole after each store to it, since a fork may come
 *         between any two. */
WEFT_COLD void weft__fork_renew(struct weft__lock *lock, _Atomic(uint32_t) *forks);

static inline void weft__fork_acquire(struct weft__lock *lock, _Atomic(uint32_t) *forks)
{
    /* acquire: pairs with the release in weft__fork_renew() */
    if (weft__unlikely(weft__load(forks, acquire) != weft__hook_forks))
        weft__fork_renew(lock, forks);
    weft__lock_acquire(lock);
}

#endif
