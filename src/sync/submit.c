/* Submitting: a task whose result a future gets, in its epilogue. The task's handle is the
 * future's, until then (FUTURE-4). */
#include "weft/submit.h"

#include <errno.h>

#include "sched/worker.h"
#include "sync/future.h"
#include "task/spawn.h"

/* Callbacks belong neither under a seat nor onto a thread that has ended: a virtual one's
 * thread-locals have been destroyed by now. */
static void on_end(struct weft_task *task)
{
    bool later = task->flags & WEFT__TASK_NO_STACK || weft__is_virtual(task);
    weft__future_end(weft__epilogue_of(task)->object, task->result, later);
    weft_detach(task);
}

static int spawn(struct weft__request *request, weft_future **ret_future)
{
    weft_future *future;
    int rc = weft_future_create(&future);
    if (rc)
        return rc;
    request->epilogue = (struct weft__epilogue){ on_end, weft_future_retain(future) };
    rc = weft__spawn(request, &future->task);
    if (rc) {
        weft_future_release(future); /* the one of the task that there is not */
        weft_future_release(future);
        return rc;
    }
    *ret_future = future;
    return 0;
}

/* A plain thread is a guest meanwhile; a task keeps the runtime itself. */
static int submit(struct weft__request *request, weft_future **ret_future)
{
    bool guest = !weft_self();
    if (guest && !weft__guest_bring())
        return -EPERM;
    int rc = ret_future ? spawn(request, ret_future) : weft__spawn(request, NULL);
    if (guest)
        weft__guest_leave();
    return rc;
}

int weft_submit_at(const char *site, const weft_attr *attr, int (*fn)(void *arg), void *arg,
                   weft_future **ret_future)
{
    struct weft__request request = { .site = site, .attr = attr, .fn = fn, .arg = arg };
    return submit(&request, ret_future);
}

int weft_submit_copy(const char *site, const weft_attr *attr, int (*fn)(void *args),
                     const void *args, size_t size, weft_future **ret_future)
{
    struct weft__request request = {
        .site = site, .attr = attr, .fn = fn, .args = args, .size = size
    };
    return submit(&request, ret_future);
}
