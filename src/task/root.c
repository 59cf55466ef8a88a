/* The root group: all tasks of the runtime.
 *
 * Cancelling it marks each task, as weft_cancel() does, and wakes those that wait. There
 * is no list of tasks, so it walks their memory; one whose spawning is under way may be
 * missed, and is found by the monitor, which looks again after a while, and says who does
 * not end. Later ones are born cancelled. */
#include "task/root.h"

#include <errno.h>

#include "os/barrier.h"
#include "sched/hooks.h"
#include "sched/monitor.h"
#include "sched/worker.h"
#include "task/cancel.h"
#include "time/clock.h"
#include "weft/task.h"

#define FIRST_PAUSE 1000000 /* ns, then twice as long each time */
#define LAST_PAUSE 1000000000

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

int weft_cancel_all(void)
{
    bool guest = !weft__self();
    if (guest)
        weft__guest_enter();
    bool runs = weft__load(&weft__rt.running, seq_cst); /* pairs with weft_start(), weft_stop() */
    if (runs && !weft__exchange(&weft__rt.cancelled, true, seq_cst)) {
        cancel_those_there_are();
        weft__hooks_run(WEFT__HOOK_CANCELLED);
        weft__monitor_call();
    }
    if (guest)
        weft__guest_leave();
    return runs ? 0 : -EPERM;
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
