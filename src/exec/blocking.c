/* Calls that are waited for.
 *
 * A call is its caller's, on its stack. One that may be abandoned lies in memory of its own,
 * and then its thread and its caller decide by one exchange, `settled`: the thread when the
 * function has returned, the caller when his wait was cut short. Who comes first leaves it to
 * the other: the thread hands the result over, or the caller the call, argument and memory. */
#include <errno.h>
#include <stdlib.h>

#include "exec/attr.h"
#include "exec/jobs.h"
#include "sync/event.h"
#include "task/scope.h"

struct call {
    struct weft__job job;
    const char *site;
    int (*fn)(void *arg);
    void *arg;
    void (*abandoned)(void *arg, int result);
    int result, error;
    _Atomic(bool) settled;
    weft_event done;
};

static bool settle(struct call *call)
{
    /* acq_rel: the second one sees what the first has done */
    return !weft__exchange(&call->settled, true, acq_rel);
}

static void run(struct weft__job *job, int error)
{
    struct call *call = weft__container_of(job, struct call, job);
    call->error = error;
    if (!error)
        call->result = call->fn(call->arg);
    if (settle(call)) {
        weft__job_ended(job);
        weft_event_set(&call->done); /* it is gone */
        return;
    }
    if (call->abandoned)
        call->abandoned(call->arg, error ? error : call->result);
    weft__job_ended(job);
    free(call);
}

static int await(struct call *call)
{
    return weft__event_wait(weft__event_of(&call->done), weft__waiter_self(), WEFT__WAIT_CALL,
                            (uintptr_t)call->site);
}

static void await_firmly(struct call *call)
{
    weft_scope shield;
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    await(call);
    weft_scope_leave(&shield);
}

/* 0, or the error because of which it never runs. *ret_left: it is its thread's. */
static int finish(struct call *call, bool abandons, bool *ret_left)
{
    weft__job_submit(&call->job);
    int rc = await(call);
    if (rc && weft__job_take_back(&call->job))
        return rc;
    if (rc && abandons && settle(call)) {
        *ret_left = true;
        return rc;
    }
    if (rc)
        await_firmly(call);
    return call->error;
}

int weft_blocking_at(const char *site, const weft_blocking_attr *asked, int (*fn)(void *arg),
                     void *arg, int *ret_result)
{
    weft_blocking_attr attr;
    if (weft__blocking_attr(asked, &attr))
        return -EINVAL;
    bool abandons = attr.flags & WEFT_BLOCKING_ABANDON, left = false;
    struct call here, *call = abandons ? malloc(sizeof *call) : &here;
    struct weft__waiter *waiter = weft__waiter_self();
    int rc = call && waiter ? weft__checkpoint(waiter) : -ENOMEM;
    if (rc == 0) {
        *call = (struct call){ .job = { .run = run, .kind = attr.kind },
                               .site = site,
                               .fn = fn,
                               .arg = arg,
                               .abandoned = attr.abandoned,
                               .done = WEFT_EVENT_INIT };
        rc = finish(call, abandons, &left);
    }
    if (left)
        return rc;
    if (rc == 0 && ret_result)
        *ret_result = call->result;
    if (abandons)
        free(call);
    if (rc && attr.abandoned)
        attr.abandoned(arg, rc);
    return rc;
}
