/* <threads.h>: the same objects under other names and errors. libc's own versions
 * call its internals, past the interposers, so they are here once more. */
#include <errno.h>
#include <threads.h>

#include "hook/interposed.h"
#include "hook/thread.h"

static int outcome(int error)
{
    switch (error) {
    case 0:
        return thrd_success;
    case ENOMEM:
        return thrd_nomem;
    case ETIMEDOUT:
        return thrd_timedout;
    case EBUSY:
        return thrd_busy;
    default:
        return thrd_error;
    }
}

WEFT__INTERPOSE int thrd_create(thrd_t *ret_thread, thrd_start_t fn, void *arg)
{
    if (!weft__thread_can_create())
        return weft__real_thrd_create(ret_thread, fn, arg);
    /* An int comes back where a pointer is expected: thrd_join() looks at its half. */
    void *(*returns_pointer)(void *) = (void *(*)(void *))(void (*)(void))fn;
    return outcome(weft__thread_create(ret_thread, NULL, returns_pointer, arg));
}

WEFT__INTERPOSE int thrd_join(thrd_t id, int *ret_result)
{
    void *result;
    int rc = weft__hook_pthread_join(id, &result);
    if (rc == 0 && ret_result)
        *ret_result = (int)(intptr_t)result;
    return outcome(rc);
}

WEFT__INTERPOSE int thrd_detach(thrd_t id)
{
    return outcome(weft__hook_pthread_detach(id));
}

WEFT__INTERPOSE void thrd_exit(int result)
{
    weft__hook_pthread_exit((void *)(intptr_t)result);
    __builtin_unreachable();
}

WEFT__INTERPOSE int thrd_sleep(const struct timespec *time, struct timespec *ret_left)
{
    int error = errno;
    int rc = weft__hook_nanosleep(time, ret_left);
    if (rc < 0)
        rc = errno == EINTR ? -1 : -2;
    errno = error;
    return rc;
}

WEFT__INTERPOSE void thrd_yield(void)
{
    weft__hook_sched_yield();
}

WEFT__INTERPOSE int mtx_lock(mtx_t *mutex)
{
    return outcome(weft__hook_pthread_mutex_lock((pthread_mutex_t *)mutex));
}

WEFT__INTERPOSE int mtx_trylock(mtx_t *mutex)
{
    return outcome(weft__hook_pthread_mutex_trylock((pthread_mutex_t *)mutex));
}

WEFT__INTERPOSE int mtx_timedlock(mtx_t *restrict mutex, const struct timespec *restrict until)
{
    return outcome(weft__hook_pthread_mutex_timedlock((pthread_mutex_t *)mutex, until));
}

WEFT__INTERPOSE int mtx_unlock(mtx_t *mutex)
{
    return outcome(weft__hook_pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

WEFT__INTERPOSE int cnd_wait(cnd_t *cond, mtx_t *mutex)
{
    return outcome(weft__hook_pthread_cond_wait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex));
}

WEFT__INTERPOSE int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex,
                                  const struct timespec *restrict until)
{
    return outcome(
        weft__hook_pthread_cond_timedwait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex, until));
}

WEFT__INTERPOSE int cnd_signal(cnd_t *cond)
{
    return outcome(weft__hook_pthread_cond_signal((pthread_cond_t *)cond));
}

WEFT__INTERPOSE int cnd_broadcast(cnd_t *cond)
{
    return outcome(weft__hook_pthread_cond_broadcast((pthread_cond_t *)cond));
}
