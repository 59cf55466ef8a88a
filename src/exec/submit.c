/* Calls whose result a future gets.
 *
 * The job lies behind its future, in the same memory. It is a guest of the runtime from
 * before it is handed over until the future has its result, or is abandoned: `left` says who
 * counts it out. Which of those who have a result for it gives it is the future's to say. */
#include "weft/blocking.h"

#include <errno.h>
#include <stdlib.h>

#include "exec/attr.h"
#include "sched/worker.h"
#include "sync/future.h"

struct submission {
    weft_future future; /* first: it frees all */
    struct weft__job job;
    weft_blocking_attr attr;
    int (*fn)(void *arg);
    void *arg;
    _Atomic(bool) left;
};

static struct submission *of_future(weft_future *future)
{
    return weft__container_of(future, struct submission, future);
}

static void leave(struct submission *call)
{
    if (!weft__exchange(&call->left, true, acq_rel))
        weft__guest_leave();
}

static void run(struct weft__job *job, int error)
{
    struct submission *call = weft__container_of(job, struct submission, job);
    weft_blocking_kind *kind = job->kind;
    weft_sem_post(&kind->room);
    int result = error ? error : call->fn(call->arg);
    int rc = result < 0 ? weft_future_fail(&call->future, result)
                        : weft_future_set(&call->future, result);
    if ((rc || error) && call->attr.abandoned)
        call->attr.abandoned(call->arg, result);
    weft__job_ended(job);
    leave(call);
    weft__kind_drop(kind);
    weft_future_release(&call->future);
}

static int cancel(weft_future *future)
{
    struct submission *call = of_future(future);
    if (weft__job_take_back(&call->job)) {
        run(&call->job, -ECANCELED);
        return 0;
    }
    if (weft_future_is_done(future))
        return -EALREADY;
    if (!(call->attr.flags & WEFT_BLOCKING_ABANDON))
        return 0;
    int rc = weft_future_fail(future, -ECANCELED);
    if (rc == 0)
        leave(call);
    return rc;
}

/* There is room. That the caller is a guest, and keeps the kind, passes to the call. */
static int hand_over(const char *site, const weft_blocking_attr *attr, int (*fn)(void *arg),
                     void *arg, weft_future **ret_future)
{
    struct submission *call = calloc(1, sizeof *call);
    if (!call)
        return -ENOMEM;
    weft__future_init(&call->future);
    call->future.cancel = cancel;
    call->future.site = site;
    call->job.run = run;
    call->job.kind = attr->kind;
    call->job.submitted = true;
    call->attr = *attr;
    call->fn = fn;
    call->arg = arg;
    if (ret_future)
        *ret_future = weft_future_retain(&call->future);
    if (!weft__job_submit(&call->job))
        run(&call->job, -ECANCELED);
    return 0;
}

/* A task keeps the runtime itself, a plain thread may come too late. */
static bool enter(void)
{
    if (!weft_self())
        return weft__guest_bring();
    weft__guest_enter();
    return true;
}

static int submit(const char *site, const weft_blocking_attr *asked, int (*fn)(void *arg),
                  void *arg, weft_future **ret_future, int (*get_room)(weft_sem *room))
{
    weft_blocking_attr attr;
    if (weft__blocking_attr(asked, &attr))
        return -EINVAL;
    if (!enter())
        return -EPERM;
    weft__kind_keep(attr.kind);
    int rc = get_room(&attr.kind->room);
    if (rc == 0) {
        rc = hand_over(site, &attr, fn, arg, ret_future);
        if (rc)
            weft_sem_post(&attr.kind->room);
    }
    if (rc) {
        weft__kind_drop(attr.kind);
        weft__guest_leave();
    }
    return rc;
}

int weft_blocking_submit_at(const char *site, const weft_blocking_attr *attr, int (*fn)(void *arg),
                            void *arg, weft_future **ret_future)
{
    return submit(site, attr, fn, arg, ret_future, weft_sem_wait);
}

int weft_blocking_try_submit_at(const char *site, const weft_blocking_attr *attr,
                                int (*fn)(void *arg), void *arg, weft_future **ret_future)
{
    return submit(site, attr, fn, arg, ret_future, weft_sem_trywait);
}
