/* Condition variables. Waiters are in the lot under the variable's address; libc's
 * own state is left alone, for those who wait in libc.
 *
 * COND-1  A waiter is in the list before it lets go of the mutex: whoever signals
 *         after locking it finds the waiter.
 * COND-2  Whoever is signalled wants the mutex. While that is held the waiter goes
 *         over to the mutex's list (LOT-4) instead of being woken only to sleep
 *         again. A thread that is not weft's is woken. So is, from that list, a task
 *         that has a signal to handle (SIG-3), and then waits for the mutex as whoever
 *         locks it does: the holder may be waiting for the handler.
 *
 * COND-3  A scope that has ended ends the wait: ETIMEDOUT or ECANCELED, with the mutex
 *         locked. That is so each time: a loop that asks for its condition only would
 *         keep the mutex from who makes it true. So others get their turn before it is
 *         locked again.
 *
 * COND-4  The wait is a cancellation point of plain threads, too: whoever cancels one
 *         wakes it (LOT-6), and it asks libc, with the mutex locked, once here and once
 *         there.
 *
 * Threads that are not weft's wait here too while a runtime runs: libc's wait
 * unlocks the mutex from inside, and tasks that wait for that would not learn of it
 * (mutex.c, MUTEX-1). For the same reason the mutex alone decides who does a wait, however
 * the variable is shared. A mutex that is ours is this process's, and so are those who
 * wait with it; at one time nobody else may wait with another. So whoever signals finds
 * them here, or else signals libc's, those of other processes among them. */
#include <errno.h>

#include "hook/deadline.h"
#include "hook/interposed.h"
#include "hook/limit.h"
#include "hook/lot.h"
#include "hook/mutex.h"
#include "hook/park.h"
#include "hook/real.h"
#include "sched/schedule.h"
#include "sched/worker.h"
#include "weft/time.h"

#define MONOTONIC 2u /* a bit of __wrefs */

static unsigned flags_of(const pthread_cond_t *cond)
{
    return cond->__data.__wrefs;
}

static bool ours(const pthread_mutex_t *mutex)
{
    return weft__mutex_ours(mutex) && weft__load(&weft__rt.running, relaxed);
}

/* What a wait does with the mutex, for tasks and other threads. A negative error number is
 * from libc: of theirs no signal makes more than a wake. */
static int64_t release(pthread_mutex_t *mutex, uint32_t tid)
{
    return tid ? weft__mutex_release(mutex, tid) : -weft__hook_unlock(mutex);
}

static void reacquire(pthread_mutex_t *mutex, uint32_t tid, int64_t count,
                      const struct weft__lot_node *node, bool taken)
{
    if (tid)
        weft__mutex_reacquire(mutex, tid, count, taken && node->claimed && node->handed,
                              taken && node->claimed && node->more);
    else
        weft__hook_lock(mutex);
}

/* COND-3 */
static void give_way(void)
{
    struct weft_task *self = weft__hook_task();
    if (self)
        weft__pass(self);
    else
        weft__real_sched_yield();
}

/* COND-4. A plain thread's state is known to libc alone. */
static void cancel_point(bool plain)
{
    if (plain)
        weft__real_pthread_testcancel();
    else
        weft__cancel_point();
}

/* Parks, and says whether a cancellation may be met: no signal of the condition's is lost
 * with who has got none. */
static int park(struct weft__bucket *bucket, struct weft__lot_node *node, int64_t deadline,
                uint32_t disturbances, bool *ret_in_vain)
{
    if (node->plain && weft__lot_disturbances() != disturbances) /* LOT-6 */
        weft__wait_fire(node->waiter, node->ticket, WEFT__CANCELLED);
    int rc = weft__lot_park_in_scope(bucket, node, deadline);
    *ret_in_vain = node->plain ? weft__wait_state(node->waiter) != WEFT__EVENT : node->interrupted;
    return rc;
}

static int wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline)
{
    struct weft__waiter *waiter = weft__waiter_self();
    if (!waiter)
        return ENOMEM;
    uint32_t tid = weft__hook_tid();
    bool plain = !weft__self(), in_vain = false;
    uint32_t disturbances = plain ? weft__lot_disturbances() : 0;
    struct weft__bucket *bucket = weft__lot_bucket(cond);
    struct weft__lot_node node;
    struct weft__hook_wait wait;
    int rc;
    if (tid && !weft__mutex_may_unlock(mutex, tid))
        return EPERM; /* before a signal could take the node into the mutex's list */
    cancel_point(plain);
    weft__hook_begin(&wait);
    weft__lot_begin(&node, waiter, cond, "cond");
    node.mutex = mutex;
    node.plain = plain ? (uintptr_t)pthread_self() : 0;
    weft__lot_enter(bucket);
    weft__lot_enlist(bucket, &node); /* COND-1 */
    int64_t count = release(mutex, tid);
    if (count < 0) {
        weft__lot_cancel(bucket, &node);
        rc = (int)-count;
    } else {
        rc = park(bucket, &node, deadline, disturbances, &in_vain);
        if (node.claimed)
            weft__store(&waiter->object, (uintptr_t)cond, relaxed); /* for traces */
        if (rc)
            give_way();
        reacquire(mutex, tid, count, &node, rc == 0);
    }
    weft__hook_end(&wait);
    if (in_vain)
        cancel_point(plain);
    return rc;
}

/* Takes one waiter; it is on its way. False: there is none. */
static bool wake_one(pthread_cond_t *cond, struct weft__bucket *bucket)
{
    struct weft__lot_node *node;
    weft__lock_acquire(&bucket->lock);
    struct weft__waiter *waiter = weft__lot_take(bucket, cond, WEFT__LOT_ANY, false, &node);
    weft__lock_release(&bucket->lock);
    if (!waiter)
        return false;
    if (weft__is_thread(waiter) || !weft__mutex_queue(node->mutex, node)) /* COND-2 */
        weft__wait_wake(waiter);
    return true;
}

WEFT__INTERPOSE int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    WEFT__STAYS;
    if (!ours(mutex))
        return weft__real_pthread_cond_wait(cond, mutex);
    return wait_until(cond, mutex, WEFT_NEVER);
}
WEFT__INSIDE(pthread_cond_wait);

WEFT__INTERPOSE int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                           clockid_t clock, const struct timespec *until)
{
    WEFT__STAYS;
    int64_t deadline;
    if (!ours(mutex))
        return weft__real_pthread_cond_clockwait(cond, mutex, clock, until);
    int rc = weft__deadline(clock, until, &deadline);
    return rc ? rc : wait_until(cond, mutex, deadline);
}

WEFT__INTERPOSE int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                           const struct timespec *until)
{
    WEFT__STAYS;
    int64_t deadline;
    if (!ours(mutex))
        return weft__real_pthread_cond_timedwait(cond, mutex, until);
    clockid_t clock = flags_of(cond) & MONOTONIC ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    int rc = weft__deadline(clock, until, &deadline);
    return rc ? rc : wait_until(cond, mutex, deadline);
}
WEFT__INSIDE(pthread_cond_timedwait);

WEFT__INTERPOSE int pthread_cond_signal(pthread_cond_t *cond)
{
    struct weft__bucket *bucket = weft__lot_bucket(cond);
    if (!weft__lot_quiet(bucket) && wake_one(cond, bucket))
        return 0;
    return weft__real_pthread_cond_signal(cond);
}
WEFT__INSIDE(pthread_cond_signal);

WEFT__INTERPOSE int pthread_cond_broadcast(pthread_cond_t *cond)
{
    struct weft__bucket *bucket = weft__lot_bucket(cond);
    if (!weft__lot_quiet(bucket)) {
        unsigned there = weft__load(&bucket->waiting, relaxed); /* not those who come back */
        while (there-- && wake_one(cond, bucket))
            ;
    }
    return weft__real_pthread_cond_broadcast(cond);
}
WEFT__INSIDE(pthread_cond_broadcast);
