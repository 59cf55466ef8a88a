#include "weft/once.h"

#include "base/atomic.h"

static _Atomic(uint64_t) *done(weft_once *once)
{
    return (_Atomic(uint64_t) *)(void *)&once->weft__private;
}

/* The mutex is a checked one: a function that calls itself this way gets -EDEADLK. */
int weft_call_once(weft_once *once, int (*fn)(void *arg), void *arg)
{
    if (weft__likely(weft__load(done(once), acquire))) /* pairs with the release below */
        return 0;
    int rc = weft_mutex_lock(&once->weft__mutex);
    if (rc)
        return rc;
    if (!weft__load(done(once), relaxed)) {
        rc = fn(arg);
        if (rc >= 0)
            weft__store(done(once), 1, release);
    }
    weft_mutex_unlock(&once->weft__mutex);
    return rc;
}
