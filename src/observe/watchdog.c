/* watchdog.c - tasks that do not come back.
 *
 * An errand of the monitor looks at each carrier now and then: which task it runs, and
 * whether that has been through the scheduler since the last look. Nothing is counted for
 * it: a worker's switches and ticks move when its task suspends or yields, and a carrier that
 * has lost its worker (sched/carrier.h) runs one task until that comes back: then it gets
 * another, before it can lose that. All of it is the monitor's but the settings. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "observe/stall.h"
#include "observe/trace.h"
#include "os/lock.h"
#include "os/thread_state.h"
#include "sched/carrier.h"
#include "sched/hooks.h"
#include "sched/monitor.h"
#include "sched/settings.h"
#include "task/name.h"
#include "time/clock.h"
#include "weft/observe.h"
#include "weft/time.h"

#define LEAST WEFT_MS(1)
#define LOOKS 4 /* before a stall is one */
#define LONGEST_REST WEFT_MS(100)

struct settings {
    int64_t after; /* 0: off */
    void (*fn)(const weft_stall *stall, void *arg);
    void *arg;
};

static struct weft__lock lock; /* of these: */
static struct settings settings;

static struct settings settings_now(void)
{
    weft__lock_acquire(&lock);
    struct settings now = settings;
    weft__lock_release(&lock);
    return now;
}

/* What was seen of a carrier at the last look, and since when it has been so. */
struct seen {
    uint64_t task;     /* 0: none */
    uint64_t switches; /* of its worker; without one: its losses */
    int64_t ticked;    /* 0: it has none */
    int64_t since;
    int64_t told; /* the duration that was told last; 0: none */
};

static struct seen seen[WEFT__WORKERS_MAX + WEFT__CARRIERS_MORE];
static unsigned seen_count; /* those behind have never been used */

/* NULL: none. The carrier's thread may be anywhere between tasks. */
static WEFT_RACY struct weft_task *task_of(struct weft__carrier *carrier)
{
    struct weft_task *task = carrier->current ? *carrier->current : NULL;
    return task == &carrier->idle ? NULL : task;
}

/* What is known to block holds nobody up. */
static WEFT_RACY bool is_in_section(struct weft__carrier *carrier)
{
    return carrier->sections != 0;
}

static struct seen look(struct weft__carrier *carrier, struct weft_task *task)
{
    struct seen found = { .task = weft__load(&task->id, relaxed) };
    if (weft__load(&carrier->state, acquire) != WEFT__CARRIER_SERVES) {
        found.switches = weft__load(&carrier->losses, relaxed); /* only the monitor adds to it */
        return found;
    }
    struct weft__worker *worker = weft__load(&carrier->worker, relaxed);
    found.switches = weft__load(&worker->switches, relaxed); /* a look: may be a moment old */
    found.ticked = weft__load(&worker->now, relaxed);
    return found;
}

/* Whether the task has not come back. When it has lost its worker meanwhile, which takes some
 * milliseconds at most, it counts from there. */
static bool is_same(const struct seen *before, const struct seen *now)
{
    return before->task == now->task && before->switches == now->switches &&
           before->ticked == now->ticked;
}

static WEFT_RACY const char *site_of(struct weft_task *task)
{
    return task->site;
}

/* Of the task's stack; 0: `sp` is not on it. */
static WEFT_RACY uintptr_t top_of(struct weft_task *task, uintptr_t sp)
{
    struct weft__stack *stack = task->stack;
    if (!stack || sp < (uintptr_t)stack->low || sp >= (uintptr_t)stack->top)
        return 0;
    return (uintptr_t)stack->top;
}

/* The calls of a thread that sleeps: good only if it has slept there all the time. */
static void scan(struct weft__trace *trace, struct weft_task *task, int tid,
                 const struct weft__thread_call *call)
{
    struct weft__thread_call after;
    uintptr_t top = call->number < 0 ? 0 : top_of(task, call->sp);
    if (!top)
        return;
    weft__trace_scan(trace, call->pc, call->sp, top);
    if (!weft__thread_sleeps_in(tid, &after) || after.number != call->number ||
        after.sp != call->sp || after.pc != call->pc)
        trace->depth = 0;
}

static void tell(const struct settings *now, struct weft__carrier *carrier, struct weft_task *task,
                 const struct seen *found, int64_t duration)
{
    struct weft__thread_call call;
    struct weft__trace trace = { .depth = 0 };
    char name[WEFT_NAME_MAX + 32];
    int tid = weft__load(&carrier->tid, relaxed);
    bool blocked = weft__thread_sleeps_in(tid, &call);
    if (blocked)
        scan(&trace, task, tid, &call);
    else
        weft__trace_interrupt(&trace, tid);
    weft__task_name(task, name, sizeof name);
    weft_stall stall = {
        .task = found->task,
        .name = name,
        .site = site_of(task),
        .duration = duration,
        .thread = tid,
        .blocked = blocked,
        .call = call.number,
        .pc = (const void *)call.pc,
        .stack = trace.frames,
        .depth = trace.depth,
        .exact = trace.exact,
    };
    struct seen after = look(carrier, task);
    if (task_of(carrier) != task || !is_same(found, &after) || is_in_section(carrier))
        return; /* it has come back: what we have read may be another's */
    if (now->fn)
        now->fn(&stall, now->arg);
    else
        weft__stall_say(task, &stall);
}

static void look_at(const struct settings *now, unsigned index, int64_t time)
{
    struct weft__carrier *carrier = &weft__rt.carrier[index];
    struct weft_task *task = task_of(carrier);
    struct seen *before = &seen[index], found = { 0 };
    weft__load(&weft__rt.tasks.chunks, acquire); /* pairs with chunk_with_room(): it is mapped */
    if (task && !is_in_section(carrier))
        found = look(carrier, task);
    bool same = found.task != 0 && is_same(before, &found);
    found.since = same ? before->since : time;
    found.told = same ? before->told : 0;
    int64_t duration = time - found.since;
    if (same && duration >= (found.told ? 2 * found.told : now->after)) {
        found.told = duration;
        tell(now, carrier, task, &found, duration);
    }
    *before = found;
}

static int64_t look_at_all(void)
{
    struct settings now = settings_now();
    if (!now.after || weft__clock_is_virtual())
        return INT64_MAX;
    int64_t time = weft__clock_real();
    /* acquire: pairs with the release in make_carrier() */
    unsigned carriers = weft__load(&weft__rt.carriers, acquire);
    for (unsigned i = 0; i < carriers; i++)
        look_at(&now, i, time);
    if (seen_count < carriers)
        seen_count = carriers;
    int64_t rest = now.after / LOOKS;
    return time + (rest < LONGEST_REST ? rest : LONGEST_REST);
}

int weft_watchdog(int64_t after, void (*fn)(const weft_stall *stall, void *arg), void *arg)
{
    if (after != 0 && after < LEAST)
        return -EINVAL;
    weft__lock_acquire(&lock);
    settings = (struct settings){ after, fn, arg };
    weft__lock_release(&lock);
    weft__monitor_call();
    return 0;
}

int weft_watchdog_interrupt(bool allowed)
{
    if (allowed)
        weft__trace_warm_up(); /* the loader's work takes long, and the monitor needs the lock */
    weft__lock_acquire(&lock);
    int rc = weft__trace_allow(allowed);
    weft__lock_release(&lock);
    return rc;
}

static void follow_environment(void)
{
    struct weft__watchdog_wish wish = weft__watchdog_wish;
    if (!wish.after || settings_now().after)
        return;
    weft_watchdog(wish.after, NULL, NULL);
    if (wish.interrupts && weft_watchdog_interrupt(true) < 0)
        fprintf(stderr, "weft: WEFT_WATCHDOG: SIGPROF has a handler\n");
}

static void on_runtime(enum weft__hook_event event)
{
    if (event == WEFT__HOOK_STARTED)
        follow_environment();
    else if (event == WEFT__HOOK_STOPPED) /* the monitor has ended */
        memset(seen, 0, seen_count * sizeof *seen);
}

__attribute__((constructor)) static void set_up(void)
{
    static struct weft__errand errand = { .fn = look_at_all };
    static struct weft__hook hook = { .fn = on_runtime };
    weft__monitor_add(&errand);
    weft__hooks_add(&hook);
}
