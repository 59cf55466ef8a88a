/* Strands, as programs use them; what makes them is in sched/strand.h. A callback is a task
 * that has no stack before its turn, so it costs little more than a queue's entry.
 *
 * STRAND-16  A call is settled once, by who comes first: by its task, which then calls the
 *            function, and whose end the caller waits for, whatever is in force; or by the
 *            caller when his wait is cut short, and then the function is never called. So he
 *            goes on at once, and what he has handed to it is his again. The word lies in the
 *            task, which is there as long as its handle (JOIN-1), and as it has not ended. One
 *            that is left behind is detached: it has its turn (STRAND-10), or its errand is
 *            taken (STRAND-12), and then it ends; until then it is among those for whom who
 *            destroys the strand waits (STRAND-11). */
#include "sync/strand.h"

#include <errno.h>
#include <stdlib.h>

#include "sched/worker.h"
#include "sync/future.h"
#include "task/join.h"
#include "task/scope.h"
#include "task/spawn.h"
#include "time/clock.h"

static struct weft_strand *public_of(struct weft__strand *strand)
{
    return (struct weft_strand *)(void *)strand;
}

int weft_strand_create(weft_strand **ret_strand)
{
    struct weft_strand *strand = calloc(1, sizeof *strand);
    if (!strand)
        return -ENOMEM;
    weft__baton_init(&strand->core.baton);
    weft_event_init(&strand->emptied);
    weft_event_init(&strand->stopped);
    *ret_strand = strand;
    return 0;
}

weft_strand *weft_strand_self(void)
{
    struct weft_task *self = weft__self();
    if (!self)
        return weft__bound_running();
    struct weft__strand *strand = weft__strand_of(self);
    return strand ? public_of(strand) : NULL;
}

/* The end. */

static void tell_emptied(struct weft__strand *strand)
{
    weft_event_set(&public_of(strand)->emptied);
}

static int await_event(struct weft_strand *strand, weft_event *event)
{
    if (!strand->bound)
        return weft_event_wait(event);
    return weft__bound_run_until(strand, weft_case_event(event));
}

/* It will, or has been, whatever is in force: the last task is inside tell_emptied(). */
static void await_told(struct weft_strand *strand)
{
    weft_scope shield;
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    weft_event_wait(&strand->emptied);
    weft_scope_leave(&shield);
}

/* STRAND-11. False: it has not come to its end, and nobody will tell. */
static bool await_end(struct weft_strand *strand, int *ret_error)
{
    _Atomic(uint64_t) *tasks = &strand->core.tasks;
    /* acq_rel: pairs with weft__strand_end(), here and below */
    if (weft__add(tasks, WEFT__STRAND_WAITED, acq_rel) < WEFT__STRAND_TASK)
        return true;
    *ret_error = await_event(strand, &strand->emptied);
    if (*ret_error == 0)
        return true;
    if (weft__add(tasks, -WEFT__STRAND_WAITED, acq_rel) >= WEFT__STRAND_TASK)
        return false;
    await_told(strand);
    return true;
}

int weft_strand_destroy(weft_strand *strand)
{
    if (!strand)
        return 0;
    if (weft_strand_self() == strand)
        return -EDEADLK;
    int rc = 0;
    if (!weft__waiter_self()) /* await_told() must not fail */
        return -ENOMEM;
    if (await_end(strand, &rc)) {
        weft__bound_destroy(strand->bound);
        free(strand);
        return 0;
    }
    return rc;
}

/* Tasks and callbacks. */

int weft_strand_spawn_at(const char *site, weft_strand *strand, int (*fn)(void *arg), void *arg,
                         weft_task **ret_task)
{
    weft_attr attr = { .strand = strand };
    struct weft__request request = { .site = site, .attr = &attr, .fn = fn, .arg = arg };
    return weft__spawn(&request, ret_task);
}

struct callback {
    void (*fn)(void *arg);
    void *arg;
};

static int call_back(void *args)
{
    struct callback *callback = args;
    return weft__strand_invoke(callback->fn, callback->arg);
}

int weft_strand_post_at(const char *site, weft_strand *strand, void (*fn)(void *arg), void *arg)
{
    weft_attr attr = { .strand = strand };
    struct callback callback = { fn, arg };
    struct weft__request request = { .site = site,
                                     .attr = &attr,
                                     .fn = call_back,
                                     .args = &callback,
                                     .size = sizeof callback,
                                     .callback = true };
    return weft__spawn(&request, NULL);
}

/* It has waited already, unless nothing could be armed. */
static int call_in_time(void *args)
{
    struct weft__timed *timed = args;
    int rc = weft_sleep_until(timed->when);
    if (rc == 0) /* it may have been cancelled while it stood in line */
        rc = weft_checkpoint();
    return rc ? rc : weft__strand_invoke(timed->fn, timed->arg);
}

int weft_strand_schedule_at(const char *site, weft_strand *strand, int64_t when,
                            void (*fn)(void *arg), void *arg, weft_task **ret_task)
{
    if (when == WEFT_NEVER)
        return -EINVAL;
    weft_attr attr = { .strand = strand };
    struct weft__timed timed = { .fn = fn, .arg = arg, .when = when };
    struct weft__request request = { .site = site,
                                     .attr = &attr,
                                     .fn = call_in_time,
                                     .args = &timed,
                                     .size = sizeof timed,
                                     .callback = true,
                                     .when = when > weft__clock_now() ? when : 0 };
    return weft__spawn(&request, ret_task);
}

_Static_assert(sizeof(struct weft__timed) + sizeof(struct weft__strand *) <= WEFT__ARGS_INLINE,
               "the scheduler finds it in the task");

struct call {
    int (*fn)(void *arg);
    void *arg;
    int result;
    _Atomic(uint32_t) settled; /* STRAND-16 */
};

_Static_assert(sizeof(struct call) + sizeof(struct weft__strand *) <= WEFT__ARGS_INLINE,
               "the caller finds it in the task");

/* Whether the caller is the first. relaxed: what the task did its end publishes. */
static bool settle(struct call *call)
{
    return !weft__exchange(&call->settled, 1, relaxed);
}

static void call(void *arg)
{
    struct call *call = arg;
    call->result = settle(call) ? call->fn(call->arg) : -ECANCELED;
}

static int call_and_return(void *args)
{
    struct call *call_ = args;
    int rc = weft__strand_invoke(call, call_);
    return rc ? rc : call_->result;
}

/* What has been done when it was cancelled was done all the same. */
static int cut_short(weft_task *task, int why, int *ret_result)
{
    weft_scope shield;
    bool never = settle(task->arg);
    weft_cancel(task);
    if (never) {
        weft_detach(task);
        return why;
    }
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    int rc = weft_join(task, ret_result);
    weft_scope_leave(&shield);
    return rc || *ret_result == -ECANCELED || *ret_result == -ETIMEDOUT ? why : 0;
}

static int await_call(weft_task *task, struct weft__waiter *waiter, int *ret_result)
{
    struct call *call = task->arg;
    int rc = weft__await_end(task, waiter);
    if (rc)
        return cut_short(task, rc, ret_result);
    bool called = weft__load(&call->settled, relaxed); /* it has ended */
    rc = weft__reap(task, ret_result);
    return rc || called ? rc : -ECANCELED; /* with all tasks, by somebody else */
}

static int spawn_and_await(const struct weft__request *request, struct weft__waiter *waiter,
                           int *ret_result)
{
    weft_task *task;
    int rc = weft__spawn(request, &task);
    return rc ? rc : await_call(task, waiter, ret_result);
}

int weft_strand_call_at(const char *site, weft_strand *strand, int (*fn)(void *arg), void *arg,
                        int *ret_result)
{
    int result;
    weft_attr attr = { .strand = strand };
    struct call args = { .fn = fn, .arg = arg };
    struct weft__request request = { .site = site,
                                     .attr = &attr,
                                     .fn = call_and_return,
                                     .args = &args,
                                     .size = sizeof args,
                                     .callback = true };
    struct weft__waiter *waiter = weft__waiter_self();
    int rc = waiter ? weft__checkpoint(waiter) : -ENOMEM;
    if (rc == 0 && weft__bound_is_ours(strand))
        rc = -EDEADLK;
    if (rc)
        return rc;
    if (weft__is_thread(waiter) && !weft__guest_bring())
        return -EPERM; /* a guest, since weft_stop() may run as soon as the task has ended */
    rc = spawn_and_await(&request, waiter, &result);
    if (weft__is_thread(waiter))
        weft__guest_leave();
    if (rc == 0 && ret_result)
        *ret_result = result;
    return rc;
}

/* Waiting for a strand that runs by itself. */

int weft_strand_run(weft_strand *strand)
{
    int rc = await_event(strand, &strand->stopped);
    if (rc == 0)
        weft_event_clear(&strand->stopped);
    return rc;
}

int weft_strand_run_until(weft_strand *strand, weft_future *future)
{
    weft_case item = weft_case_future(future);
    if (weft__future_is_ours(future))
        return -EDEADLK;
    return strand->bound ? weft__bound_run_until(strand, item) : weft_select(&item, 1);
}

void weft_strand_stop(weft_strand *strand)
{
    weft_event_set(&strand->stopped);
}

__attribute__((constructor)) static void set_emptied(void)
{
    weft__strand_emptied = tell_emptied;
}
