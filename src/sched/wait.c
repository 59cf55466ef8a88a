#include "sched/wait.h"

#include "os/barrier.h"
#include "os/futex.h"
#include "sched/park.h"
#include "sched/poll.h"
#include "sched/schedule.h"
#include "sched/thread.h"
#include "time/clock.h"

static int64_t begin_thread(struct weft__plain_thread *thread)
{
    weft__store(&thread->woken, 0, relaxed); /* published with the ticket */
    return weft__clock_now();
}

uint64_t weft__wait_begin(struct weft__waiter *waiter, const char *what, uint64_t object)
{
    return weft__wait_start_at(waiter, what, object,
                               weft__is_thread(waiter)
                                   ? begin_thread(weft__plain_thread_of(waiter))
                                   : weft__load(&weft__enter(weft__task_of(waiter))->now, relaxed));
}

/* The thread may have ended before the futex is woken: its memory stays. */
static void wake_thread(struct weft__plain_thread *thread)
{
    weft__store(&thread->woken, 1, release); /* pairs with weft__plain_thread_is_woken() */
    weft__futex_wake(&thread->woken, 1);
}

void weft__wait_wake(struct weft__waiter *waiter)
{
    if (weft__is_thread(waiter))
        wake_thread(weft__plain_thread_of(waiter));
    else
        weft__make_ready(weft__task_of(waiter));
}

void weft__wait_wake_here(struct weft__worker *worker, struct weft__waiter *waiter)
{
    if (weft__is_thread(waiter))
        wake_thread(weft__plain_thread_of(waiter));
    else
        weft__make_ready_here(worker, weft__task_of(waiter));
}

bool weft__wait_fire(struct weft__waiter *waiter, uint64_t ticket, enum weft__wait_state reason)
{
    if (!weft__wait_claim(waiter, ticket, reason))
        return false;
    weft__wait_wake(waiter); /* WAIT-2 */
    return true;
}

bool weft__wait_fire_queued(struct weft__waiter *waiter, uint64_t ticket)
{
    if (!weft__wait_claim(waiter, ticket, WEFT__EVENT))
        return false;
    if (weft__is_thread(waiter))
        wake_thread(weft__plain_thread_of(waiter));
    else
        weft__ready_queued(weft__self()->worker, weft__task_of(waiter));
    return true;
}

/* THREAD-3. */
static enum weft__wait_state park_thread(struct weft__plain_thread *thread, int64_t deadline)
{
    struct weft__waiter *waiter = &thread->waiter;
    uint64_t ticket = weft__load(&waiter->word, relaxed) >> WEFT__WAIT_SHIFT;
    if (deadline != INT64_MAX && weft__clock_is_virtual())
        deadline += weft__clock_real() - weft__clock_now();
    while (!weft__plain_thread_is_woken(thread)) {
        if (weft__futex_wait(&thread->woken, 0, deadline))
            continue;
        if (weft__wait_claim(waiter, ticket, WEFT__DEADLINE))
            break;
        deadline = INT64_MAX; /* somebody else has ended it, and is about to wake us */
    }
    return weft__wait_state(waiter);
}

static enum weft__wait_state park_until(struct weft_task *self, int64_t deadline)
{
    uint64_t ticket = weft__load(&self->waiter.word, relaxed) >> WEFT__WAIT_SHIFT;
    struct weft__timer_handle timer =
        weft__timer_arm(self->worker, &self->waiter, ticket, deadline); /* WAIT-6 */
    weft__suspend(self);
    weft__timer_disarm(self->worker, timer);
    return weft__parked(self);
}

static enum weft__wait_state park_task(struct weft_task *self, int64_t deadline)
{
    return deadline == INT64_MAX ? weft__park(self) : park_until(self, deadline);
}

enum weft__wait_state weft__wait_park_firmly_until(struct weft__waiter *waiter, int64_t deadline)
{
    return weft__is_thread(waiter) ? park_thread(weft__plain_thread_of(waiter), deadline)
                                   : park_task(weft__task_of(waiter), deadline);
}

enum weft__wait_state weft__wait_park_firmly(struct weft__waiter *waiter)
{
    return weft__wait_park_firmly_until(waiter, INT64_MAX);
}

bool (*weft__wait_interrupted)(void);
bool (*weft__wait_handled)(void);

static bool interrupted(struct weft_task *self)
{
    uint64_t ticket = weft__load(&self->waiter.word, relaxed) >> WEFT__WAIT_SHIFT;
    weft__barrier_light(); /* WAITING was written before */
    return weft__wait_interrupted() && weft__wait_claim(&self->waiter, ticket, WEFT__INTERRUPTED);
}

enum weft__wait_state weft__wait_park(struct weft__waiter *waiter, int64_t deadline)
{
    if (weft__unlikely(weft__is_thread(waiter)))
        return park_thread(weft__plain_thread_of(waiter), deadline);
    struct weft_task *self = weft__task_of(waiter);
    if (weft__may_be_interrupted(self) && interrupted(self)) {
        weft__leave(self);
        return WEFT__INTERRUPTED;
    }
    return park_task(self, deadline);
}

bool weft__wait_abandon(struct weft__waiter *waiter, uint64_t ticket)
{
    if (!weft__wait_claim(waiter, ticket, WEFT__RUNNING))
        return false;
    if (!weft__is_thread(waiter))
        weft__leave(weft__task_of(waiter)); /* WAIT-6 */
    return true;
}

void weft__wait_drop(struct weft__waiter *waiter, uint64_t ticket)
{
    if (!weft__wait_abandon(waiter, ticket))
        weft__wait_park(waiter, INT64_MAX); /* WAIT-5 */
}
