/* Joining; the protocol is at the head of sched/bury.c. */
#include <errno.h>
#include <sched.h>

#include "base/assert.h"
#include "os/barrier.h"
#include "sched/bury.h"
#include "sched/enter.h"
#include "sched/locals.h"
#include "sched/schedule.h"
#include "sched/thread.h"
#include "task/join.h"
#include "task/scope.h"
#include "weft/time.h"

static struct weft__waiter *firm(struct weft__waiter *waiter)
{
    return (struct weft__waiter *)((uintptr_t)waiter | WEFT__JOINER_FIRM);
}

static void release(struct weft_task *task)
{
    struct weft_task *self = weft__self();
    struct weft__worker *worker = weft__enter_here(self);
    weft__release(worker, task);
    if (worker)
        weft__leave(self);
}

static WEFT_COLD WEFT_NORETURN void used_up(void)
{
    weft__panic("a task's handle is used that has been joined, gathered or detached already");
}

/* JOIN-3, JOIN-4: the task is between seeing that we come or go, and its end. */
static void await_burial(struct weft_task *task, struct weft__waiter *final)
{
    for (;;) {
        /* acquire: as in ended() */
        struct weft__waiter *joiner = weft__load(&task->joiner, acquire);
        if (joiner == WEFT__TASK_ACKED || joiner == final)
            return;
        if (joiner == WEFT__TASK_DETACHED || joiner == WEFT__TASK_RELEASED)
            used_up(); /* JOIN-7 */
        sched_yield();
    }
}

/* For dumps, and for weft__join_soften(): the object is the task. */
static const char joining[] = "join";

/* Racy: weft_cancel_all() may come to a block that has just been released; its word is
 * another then. */
WEFT_RACY bool weft__join_soften(struct weft__waiter *waiter, uint64_t word)
{
    /* acquire: before the second look at the word. What belongs to the wait was there
     * before WAITING, and what belongs to the next one comes after its end. */
    const char *what = weft__load(&waiter->what, acquire);
    weft_task *task = (weft_task *)(uintptr_t)weft__load(&waiter->object, acquire);
    if (what != joining)
        return true;
    if (weft__load(&waiter->word, relaxed) != word)
        return false;
    struct weft__waiter *joiner = firm(waiter);
    /* Another joiner's, or the task has been released: nothing happens. If the same
     * waiter joins a task of the same address again, that is what is wanted. */
    return weft__cas(&task->joiner, &joiner, waiter, acq_rel, acquire) || joiner == waiter;
}

/* Takes the joiner out again. False: the task has done so. */
static bool withdraw(weft_task *task, struct weft__waiter *waiter)
{
    struct weft__waiter *us = waiter;
    if (weft__cas(&task->joiner, &us, NULL, acq_rel, acquire))
        return true;
    return us == firm(waiter) && weft__cas(&task->joiner, &us, NULL, acq_rel, acquire);
}

static struct weft__waiter *one_of_many(struct weft__waiter *waiter)
{
    return (struct weft__waiter *)((uintptr_t)waiter | WEFT__JOINER_MANY);
}

int weft__join_watch(struct weft_task *task, struct weft__waiter *waiter)
{
    struct weft__waiter *joiner = NULL;
    /* acq_rel: as in await() */
    if (weft__cas(&task->joiner, &joiner, one_of_many(waiter), acq_rel, acquire))
        return 0;
    if (joiner == WEFT__TASK_ENDING_SOON)
        sched_yield(); /* the task is on its way */
    bool ends =
        joiner == WEFT__TASK_DONE || joiner == WEFT__TASK_ACKED || joiner == WEFT__TASK_ENDING_SOON;
    return ends ? -EAGAIN : -EINVAL;
}

void weft__join_unwatch(struct weft_task *task, struct weft__waiter *waiter)
{
    struct weft__waiter *us = one_of_many(waiter);
    if (!weft__cas(&task->joiner, &us, NULL, acq_rel, acquire))
        await_burial(task, WEFT__TASK_ACKED);
}

/* CANCEL-10: who is firm is woken by nobody else, so this comes after it has said so. */
static bool cancelled_meanwhile(weft_task *task, struct weft__waiter *waiter)
{
    weft__barrier_light(); /* pairs with weft_cancel() */
    return weft__unlikely(weft__load(&waiter->family, relaxed) & WEFT__FAMILY_CANCELLED) &&
           withdraw(task, waiter);
}

/* By a deadline, a canceller of its scope, or a signal. */
static bool may_be_cut_short(struct weft__waiter *waiter)
{
    return waiter->scope || weft__waiter_is_virtual(waiter);
}

/* JOIN-5: it must not give this wait up by itself, since the burier does not ask. */
static struct weft__ended park_firmly(struct weft__waiter *waiter)
{
    return (struct weft__ended){ weft__wait_park_firmly(waiter), WEFT_NEVER };
}

/* Returns 0 when the task has ended, -EAGAIN for nothing (CANCEL-3), else why not. */
static int await(struct weft_task *task, struct weft__waiter *waiter)
{
    uint64_t ticket = weft__wait_begin(waiter, joining, (uintptr_t)task);
    struct weft__waiter *nobody = NULL;
    /* acq_rel: the burier sees our ticket, we see its result */
    struct weft__waiter *us = may_be_cut_short(waiter) ? waiter : firm(waiter); /* JOIN-5 */
    if (!weft__cas(&task->joiner, &nobody, us, acq_rel, acquire)) {
        weft__wait_drop(waiter, ticket);
        await_burial(task, WEFT__TASK_DONE);
        return 0;
    }
    if (us != waiter && cancelled_meanwhile(task, waiter)) {
        weft__wait_drop(waiter, ticket);
        return weft__checkpoint(waiter);
    }
    struct weft__ended end =
        us == waiter ? weft__scope_park(waiter, WEFT_NEVER) : park_firmly(waiter);
    if (end.reason == WEFT__EVENT) {
        if (weft__is_thread(waiter))
            weft__thread_waited(weft__load(&waiter->since, relaxed));
        return 0;
    }
    if (!withdraw(task, waiter)) {
        await_burial(task, WEFT__TASK_ACKED);
        return 0;
    }
    int rc = weft__scope_error(waiter, end);
    return rc ? rc : -EAGAIN;
}

int weft__await_end(struct weft_task *task, struct weft__waiter *waiter)
{
    int rc = weft__checkpoint(waiter);
    if (rc == 0 && weft__is_thread(waiter) && !waiter->scope && !weft__has_ended(task))
        weft__thread_pause();
    if (rc == 0 && !weft__has_ended(task)) {
        do {
            rc = await(task, waiter);
        } while (rc == -EAGAIN);
    }
    return rc;
}

int weft__reap(struct weft_task *task, int *ret_result)
{
#ifndef NDEBUG
    if (weft__load(&task->joiner, relaxed) == WEFT__TASK_RELEASED)
        used_up(); /* JOIN-7: since it was waited for */
#endif
    if (ret_result)
        *ret_result = task->result;
    int rc = task->flags & WEFT__TASK_NO_STACK ? -ENOMEM : 0;
    release(task); /* JOIN-1 */
    if (weft__unlikely(rc))
        weft__locals_drain(); /* LOCAL-4 */
    return rc;
}

static int join(weft_task *task, struct weft__waiter *waiter, int *ret_result)
{
    int rc = weft__await_end(task, waiter);
    return rc ? rc : weft__reap(task, ret_result);
}

int weft_join(weft_task *task, int *ret_result)
{
    struct weft_task *self = weft__self();
    if (task == self)
        return -EDEADLK;
    struct weft__waiter *waiter = weft__waiter_self();
    if (!waiter)
        return -ENOMEM;
    if (self)
        return join(task, waiter, ret_result);
    weft__guest_enter(); /* weft_stop() may run as soon as the task has ended */
    int rc = join(task, waiter, ret_result);
    weft__guest_leave();
    return rc;
}

void weft_detach(weft_task *task)
{
    if (!task)
        return;
    struct weft__waiter *nobody = NULL;
    /* acq_rel: as in weft__bury() */
    if (weft__cas(&task->joiner, &nobody, WEFT__TASK_DETACHED, acq_rel, acquire))
        return;
    await_burial(task, WEFT__TASK_DONE); /* at once but for a joiner that gave up: JOIN-4 */
    release(task);                       /* JOIN-1 */
}
