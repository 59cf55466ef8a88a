/* The root group: all tasks of the runtime.
 *
 * Cancelling it marks each task, as weft_cancel() does, and wakes those that wait. There
 * is no list of tasks, so it walks their memory; one whose spawning is under way may be
 * missed, and is found by the monitor, which looks again after a while, and says who does
 * not end. Later ones are born cancelled. Plain threads that have entered it are in a list:
 * whoever comes after it was gone through has found the group cancelled. */
#include "task/root.h"

#include <errno.h>

#include "os/barrier.h"
#include "os/lock.h"
#include "sched/hooks.h"
#include "sched/monitor.h"
#include "sched/worker.h"
#include "task/cancel.h"
#include "time/clock.h"
#include "weft/task.h"

#define FIRST_PAUSE 1000000 /* ns, then twice as long each time */
#define LAST_PAUSE 1000000000

static struct weft__lock lock; /* of the list */
static struct weft__list guests = WEFT__LIST_INIT(guests);

static void mark(void *object, void *marked)
{
    struct weft_task *task = object;
    if (weft__load(&task->id, relaxed) && weft__cancel_set(&task->waiter))
        *(bool *)marked = true;
}

static void claim(void *object, void *wave)
{
    struct weft_task *task = object;
    if (weft__load(&task->waiter.family, relaxed) & WEFT__FAMILY_CANCELLED)
        weft__cancel_claim_waiter(wave, &task->waiter);
}

/* Those that were marked before are in no need of another wake. */
static void cancel_those_there_are(void)
{
    bool marked = false;
    struct weft_task *wave = NULL;
    weft__pool_walk(&weft__rt.tasks, mark, &marked);
    if (!marked)
        return;
    weft__barrier_heavy(); /* CANCEL-2 */
    weft__pool_walk(&weft__rt.tasks, claim, &wave);
    weft__cancel_wake(wave);
}

/* Under the lock, so that the scopes are there; nothing that cancels or wakes wants that. */
static void cancel_guests(void)
{
    weft__lock_acquire(&lock);
    for (struct weft__list *at = guests.next; at != &guests; at = at->next)
        weft_scope_cancel(&weft__container_of(at, struct weft__root_guest, link)->scope);
    weft__lock_release(&lock);
}

bool weft__root_enter(struct weft__root_guest *guest)
{
    if (!weft__guest_bring())
        return false;
    weft_scope_enter(&guest->scope, WEFT_NEVER);
    weft__lock_acquire(&lock);
    weft__list_append(&guests, &guest->link);
    weft__lock_release(&lock);
    if (weft__load(&weft__rt.cancelled, seq_cst)) /* else who cancels finds us */
        weft_scope_cancel(&guest->scope);
    return true;
}

void weft__root_leave(struct weft__root_guest *guest)
{
    weft__lock_acquire(&lock);
    weft__list_remove(&guest->link);
    weft__lock_release(&lock);
    weft_scope_leave(&guest->scope);
    weft__guest_leave();
}

int weft_cancel_all(void)
{
    if (!weft__visit_begin())
        return -EPERM;
    if (!weft__exchange(&weft__rt.cancelled, true, seq_cst)) {
        cancel_those_there_are();
        cancel_guests();
        weft__hooks_run(WEFT__HOOK_CANCELLED);
        weft__monitor_call();
    }
    weft__visit_end();
    return 0;
}

int64_t weft__root_look(void)
{
    static int64_t pause, complain_at;               /* one monitor at a time */
    if (!weft__load(&weft__rt.cancelled, acquire)) { /* no longer: a runtime has stopped */
        pause = 0;
        return INT64_MAX;
    }
    int64_t now = weft__clock_real(), grace = weft__rt.config.grace;
    if (pause == 0) {
        pause = FIRST_PAUSE;
        complain_at = grace < INT64_MAX - now ? now + grace : INT64_MAX;
    }
    cancel_those_there_are();
    if (now >= complain_at) {
        if (weft__tasks_alive())
            weft__on_overdue();
        complain_at = now + grace;
    }
    int64_t next = now + pause;
    pause = pause < LAST_PAUSE ? 2 * pause : LAST_PAUSE;
    return next < complain_at ? next : complain_at;
}
