/* Mutexes that inherit priorities. The kernel would look for the owner by its number,
 * which for a virtual thread it does not know, and leave the next one waiting for ever;
 * and virtual threads have no priorities that could be inherited. So such a mutex is made
 * without that, and otherwise as asked for. Before main(), too: what constructors make is
 * used by virtual threads later. */
#include "hook/fork.h"
#include "hook/interposed.h"
#include "hook/thread.h"
#include "sched/worker.h"

static bool inherits(const pthread_mutexattr_t *attr)
{
    int protocol;
    return pthread_mutexattr_getprotocol(attr, &protocol) == 0 && protocol == PTHREAD_PRIO_INHERIT;
}

static bool has_virtual_threads(void)
{
    return !weft__hook_forked && (weft__load(&weft__rt.running, relaxed) || weft__hook_wanted());
}

WEFT__INTERPOSE int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr)
{
    int type, shared, robust;
    pthread_mutexattr_t plain;
    if (!attr || !inherits(attr) || !has_virtual_threads())
        return weft__real_pthread_mutex_init(mutex, attr);
    pthread_mutexattr_gettype(attr, &type);
    pthread_mutexattr_getpshared(attr, &shared);
    pthread_mutexattr_getrobust(attr, &robust);
    pthread_mutexattr_init(&plain);
    pthread_mutexattr_settype(&plain, type);
    pthread_mutexattr_setpshared(&plain, shared);
    pthread_mutexattr_setrobust(&plain, robust);
    int rc = weft__real_pthread_mutex_init(mutex, &plain);
    pthread_mutexattr_destroy(&plain);
    return rc;
}
