/* The calls on threads: creating, joining, detaching, ending them. */
#include "hook/thread.h"

#include <errno.h>

#include "base/assert.h"
#include "hook/deadline.h"
#include "hook/interposed.h"
#include "hook/park.h"
#include "hook/run.h"
#include "weft.h"

int weft__thread_join(struct weft__thread *thread, int64_t deadline, void **ret_result)
{
    if (weft__load(&thread->detached, relaxed)) /* a wrong program's race */
        return EINVAL;
    if (thread == weft__thread_self())
        return EDEADLK;
    struct weft__hook_wait wait;
    weft_scope scope;
    int rc;
    do {                                          /* handlers run in between */
        if (!weft__load(&thread->ended, acquire)) /* else libc does not wait; as in tryjoin */
            weft__cancel_point();
        weft__hook_begin(&wait);
        wait.seen.joined = weft_task_id(thread->task);
        weft_scope_enter(&scope, deadline);
        rc = weft_join(thread->task, NULL);
        weft_scope_leave(&scope);
        weft__hook_end(&wait);
    } while (rc == -EINTR);
    if (rc)
        return -rc;
    if (ret_result)
        *ret_result = thread->result;
    weft__thread_let_go(thread);
    return 0;
}

int weft__thread_detach(struct weft__thread *thread)
{
    if (weft__exchange(&thread->detached, true, acq_rel))
        return EINVAL;
    weft_detach(thread->task);
    weft__thread_let_go(thread);
    return 0;
}

/* The interposed calls. */

WEFT__INTERPOSE int pthread_create(pthread_t *ret_thread, const pthread_attr_t *attr,
                                   void *(*fn)(void *), void *arg)
{
    if (!weft__thread_can_create())
        return weft__real_pthread_create(ret_thread, attr, fn, arg);
    return weft__thread_create(ret_thread, attr, fn, arg);
}

/* How often a task looks whether an OS thread has ended, in nanoseconds. */
#define FIRST_NAP 50000
#define LAST_NAP 5000000

/* An OS thread's end is a futex of libc's own, and who waits for it there keeps his
 * carrier, to which light tasks may have to come back first: among them, perhaps, one
 * that the thread waits for. */
static int join_plain(pthread_t id, void **ret_result)
{
    int rc, error = errno;
    if (!weft__hook_task())
        return weft__real_pthread_join(id, ret_result);
    for (long nap = FIRST_NAP; (rc = weft__real_pthread_tryjoin_np(id, ret_result)) == EBUSY;
         nap = nap < LAST_NAP / 2 ? 2 * nap : LAST_NAP)
        weft__hook_nanosleep(&(struct timespec){ .tv_nsec = nap }, NULL);
    errno = error;
    return rc;
}

WEFT__INTERPOSE int pthread_join(pthread_t id, void **ret_result)
{
    WEFT__STAYS;
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__thread_gone(id) ? ESRCH : join_plain(id, ret_result);
    return weft__thread_join(thread, WEFT_NEVER, ret_result);
}
WEFT__INSIDE(pthread_join);

WEFT__INTERPOSE int pthread_tryjoin_np(pthread_t id, void **ret_result)
{
    WEFT__STAYS;
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__thread_gone(id) ? ESRCH : weft__real_pthread_tryjoin_np(id, ret_result);
    if (!weft__load(&thread->ended, acquire)) /* pairs with the store in run.c */
        return EBUSY;
    return weft__thread_join(thread, WEFT_NEVER, ret_result);
}

WEFT__INTERPOSE int pthread_clockjoin_np(pthread_t id, void **ret_result, clockid_t clock,
                                         const struct timespec *until)
{
    WEFT__STAYS;
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__thread_gone(id)
                   ? ESRCH
                   : weft__real_pthread_clockjoin_np(id, ret_result, clock, until);
    int64_t deadline;
    int rc = weft__deadline(clock, until, &deadline);
    if (weft__load(&thread->ended, acquire)) /* as above */
        deadline = WEFT_NEVER;
    return rc ? rc : weft__thread_join(thread, deadline, ret_result);
}

WEFT__INTERPOSE int pthread_timedjoin_np(pthread_t id, void **ret_result,
                                         const struct timespec *until)
{
    return pthread_clockjoin_np(id, ret_result, CLOCK_REALTIME, until);
}

WEFT__INTERPOSE int pthread_detach(pthread_t id)
{
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__thread_gone(id) ? ESRCH : weft__real_pthread_detach(id);
    return weft__thread_detach(thread);
}
WEFT__INSIDE(pthread_detach);

WEFT__INTERPOSE void pthread_exit(void *result)
{
    struct weft__thread *self = weft__thread_self();
    struct weft_task *task = weft__hook_task();
    WEFT_CHECK(!task || weft__is_virtual(task)); /* a light task has no thread to end */
    if (self)
        weft__thread_exit(self, result);
    weft__real_pthread_exit(result);
    __builtin_unreachable();
}
WEFT__INSIDE(pthread_exit);
