/* Mutexes that inherit priorities. The kernel would look for the owner by its number,
 * which for a virtual thread it does not know, and leave the next one waiting for ever;
 * and virtual threads have no priorities that could be inherited. So such a mutex is made
 * an ordinary one of its type. Robust and shared ones stay libc's. */
#include "hook/interposed.h"
#include "hook/thread.h"

static bool inherits(const pthread_mutexattr_t *attr)
{
    int protocol, shared, robust;
    pthread_mutexattr_getprotocol(attr, &protocol);
    pthread_mutexattr_getpshared(attr, &shared);
    pthread_mutexattr_getrobust(attr, &robust);
    return protocol == PTHREAD_PRIO_INHERIT && shared == PTHREAD_PROCESS_PRIVATE &&
           robust == PTHREAD_MUTEX_STALLED;
}

WEFT__INTERPOSE int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr)
{
    int type;
    pthread_mutexattr_t plain;
    if (!attr || !weft__hook_task() || !inherits(attr))
        return weft__real_pthread_mutex_init(mutex, attr);
    pthread_mutexattr_gettype(attr, &type);
    pthread_mutexattr_init(&plain);
    pthread_mutexattr_settype(&plain, type);
    int rc = weft__real_pthread_mutex_init(mutex, &plain);
    pthread_mutexattr_destroy(&plain);
    return rc;
}
