/* Doing something once: a mark, and a mutex for those who come before it is there.
 *
 * ONCE-1  The mark is set by who holds the mutex, after a function that has succeeded, and
 *         stays. Under the mutex it says whether to call; without, that all has been done.
 * ONCE-2  The mutex is a checked one: a function that calls itself this way gets
 *         -EDEADLK. One that leaves by weft_exit() has not succeeded. */
#include "weft/once.h"

#include "base/atomic.h"
#include "weft/cleanup.h"

static _Atomic(uint64_t) *done(weft_once *once)
{
    return (_Atomic(uint64_t) *)(void *)&once->weft__private;
}

static void unlock(void *mutex)
{
    weft_mutex_unlock(mutex);
}

int weft_call_once(weft_once *once, int (*fn)(void *arg), void *arg)
{
    if (weft__likely(weft__load(done(once), acquire))) /* pairs with the release below */
        return 0;
    int rc = weft_mutex_lock(&once->weft__mutex);
    if (rc)
        return rc;
    weft_cleanup cleanup;
    weft_cleanup_push(&cleanup, unlock, &once->weft__mutex);
    if (!weft__load(done(once), relaxed)) {
        rc = fn(arg);
        if (rc >= 0)
            weft__store(done(once), 1, release);
    }
    weft_cleanup_pop(&cleanup, true);
    return rc;
}
