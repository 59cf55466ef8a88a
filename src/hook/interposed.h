/* interposed.h - the interposers themselves, for this object's own use: by their
 * libc names they cannot be called from inside it (--wrap sends those to libc). */
#ifndef WEFT_HOOK_INTERPOSED_H
#define WEFT_HOOK_INTERPOSED_H

#include "hook/real.h"

/* Stands after the definition of an interposer that others use. */
#define WEFT__INSIDE(name) extern __typeof__(name) weft__hook_##name WEFT_ALIAS_OF(name) WEFT_HIDDEN

#define WEFT__DECLARE(name) extern __typeof__(name) weft__hook_##name WEFT_HIDDEN
WEFT__DECLARE(pthread_join);
WEFT__DECLARE(pthread_detach);
WEFT__DECLARE(pthread_exit);
WEFT__DECLARE(pthread_mutex_lock);
WEFT__DECLARE(pthread_mutex_trylock);
WEFT__DECLARE(pthread_mutex_timedlock);
WEFT__DECLARE(pthread_mutex_unlock);
WEFT__DECLARE(pthread_cond_wait);
WEFT__DECLARE(pthread_cond_timedwait);
WEFT__DECLARE(pthread_cond_signal);
WEFT__DECLARE(pthread_cond_broadcast);
WEFT__DECLARE(nanosleep);
WEFT__DECLARE(sched_yield);
WEFT__DECLARE(gettid);
WEFT__DECLARE(pthread_sigmask);
WEFT__DECLARE(sigaction);
WEFT__DECLARE(posix_spawn);
WEFT__DECLARE(waitpid);
WEFT__DECLARE(sigsuspend);
WEFT__DECLARE(sched_setaffinity);
WEFT__DECLARE(sched_getaffinity);
WEFT__DECLARE(sched_setscheduler);
WEFT__DECLARE(sched_getscheduler);
WEFT__DECLARE(sched_setparam);
WEFT__DECLARE(sched_getparam);
WEFT__DECLARE(signal);
WEFT__DECLARE(raise);
#undef WEFT__DECLARE

#endif
