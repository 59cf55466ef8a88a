#include "sched/idle.h"

#include "os/futex.h"
#include "os/thread_state.h"
#include "sched/carrier.h"
#include "sched/monitor.h"
#include "sched/poll.h"
#include "sched/schedule.h"
#include "sched/share.h"
#include "time/clock.h"

/* What a worker with a virtual clock allows it in one go, in nanoseconds. */
#define MONITORS_TIME 1000000

/* PARK-2: every queue from which this worker could take. */
static bool shared_work(struct weft__worker *worker)
{
    if (!weft__inbox_empty(&worker->carrier->inbox) || weft__load(&weft__rt.claims, seq_cst))
        return true;
    for (unsigned i = 0; i < weft__rt.workers; i++) {
        if (!weft__shelf_empty(&weft__rt.worker[i].shelf))
            return true;
    }
    return false;
}

static bool search(struct weft__worker *worker)
{
    bool rescued = weft__help(worker);
    return weft__steal(worker) || rescued;
}

/* There may be more: whoever added it may have counted on us. */
static void pass_on(void)
{
    if (weft__load(&weft__rt.claims, seq_cst)) {
        weft__notify();
        return;
    }
    for (unsigned i = 0; i < weft__rt.workers; i++) {
        if (!weft__shelf_empty(&weft__rt.worker[i].shelf)) {
            weft__notify();
            return;
        }
    }
}

static void stop_searching(void)
{
    if (weft__sleepers_found(&weft__rt.sleepers))
        pass_on();
}

/* Whether no carrier is away, is about to end, has runnable tasks that are pinned to it, or tasks
 * that something outside will wake. */
static bool carriers_wait(void)
{
    int64_t outside = 0;
    /* acquire: pairs with the release in make_carrier() */
    uint32_t carriers = weft__load(&weft__rt.carriers, acquire);
    for (uint32_t i = 0; i < carriers; i++) {
        if (!weft__inbox_empty(&weft__rt.carrier[i].inbox))
            return false;
        outside += weft__load(&weft__rt.carrier[i].outside, relaxed);
    }
    return outside == 0 && weft__load(&weft__rt.away, seq_cst) == 0 &&
           weft__load(&weft__rt.retiring, seq_cst) == 0; /* CARRIER-6 */
}

/* Whether nothing in the runtime can make anything happen: every worker sleeps,
 * nothing is queued, no timer is armed, nothing outside will end a wait, and a signal
 * handler has brought no work. The sum of switches tells two such moments apart. */
static bool everything_waits(uint64_t *ret_switches)
{
    *ret_switches = 0;
    for (unsigned i = 0; i < weft__rt.workers; i++) {
        struct weft__worker *worker = &weft__rt.worker[i];
        /* acquire: pairs with the release in publish_next() */
        if (weft__load(&worker->next_timer, acquire) != INT64_MAX || weft__front(worker) ||
            weft__queue_count(&worker->ready) || weft__queue_count(&worker->fresh) ||
            !weft__shelf_empty(&worker->shelf))
            return false;
        *ret_switches += weft__load(&worker->switches, relaxed);
    }
    uint32_t counts = weft__load(&weft__rt.sleepers.counts, seq_cst);
    return weft__sleepers_sleeping(counts) == weft__rt.workers && carriers_wait() &&
           weft__load(&weft__monitor_spawns, seq_cst) == 0;
}

static _Atomic(uint32_t) threads_resting, threads_working;

void weft__threads_rest(int change)
{
    weft__add(&threads_resting, (uint32_t)change, seq_cst);
}

void weft__threads_work(int change)
{
    weft__add(&threads_working, (uint32_t)change, relaxed); /* a hint */
}

/* Asking takes a while, and a thread. */
static unsigned kernel_threads(void)
{
    for (unsigned i = 0; i < weft__rt.workers; i++) {
        if (weft__ring_is_open(&weft__rt.worker[i].ring))
            return weft__threads_of_kernel();
    }
    return 0;
}

/* Tasks that nobody can wake are a deadlock; but threads that are not the
 * runtime's might. Counting those takes its time, in which a task may have come
 * and be running: nothing must have happened between two looks. */
static void check_deadlock(void)
{
    uint64_t before, after;
    if (!weft__load(&weft__rt.awaited, acquire) || weft__load(&threads_working, relaxed) ||
        !everything_waits(&before) || weft__tasks_alive() == 0)
        return;
    unsigned kernels = kernel_threads();
    /* and the monitor, and who waits for the end */
    unsigned ours = weft__carriers_alive() + weft__thread_readers() + kernels +
                    weft__load(&threads_resting, seq_cst) + 2;
    if (weft__threads_counted() == ours && everything_waits(&after) && before == after &&
        weft__tasks_alive() != 0)
        weft__on_deadlock();
}

static void tell(struct weft__worker *worker, enum weft_carrier_event event)
{
    if (weft__rt.config.on_carrier)
        weft__rt.config.on_carrier(event, (unsigned)(worker->carrier - weft__rt.carrier),
                                   weft__rt.config.on_carrier_arg);
}

/* How long to sleep; negative: until woken. */
static int64_t timeout_of(struct weft__worker *worker)
{
    int64_t next = weft__wheel_next(&worker->wheel);
    if (next == INT64_MAX)
        return -1;
    int64_t now = weft__clock_now();
    return next > now ? next - now : 0;
}

/* CLOCK-1  Virtual time advances only when nothing else can be done: what was posted before
 *          the only worker found nothing to do is done first, and at the same time. It is
 *          in a queue, or the monitor is still to bring it there: who posts tells the
 *          monitor before the call returns, and the monitor puts it in the queue before it
 *          says that it owes nothing. So the monitor is asked first, then the queues. */
static void advance_clock(struct weft__worker *worker)
{
    if (weft__monitor_owes()) {
        weft__poll(worker, worker, MONITORS_TIME);
        return;
    }
    if (!weft__poll(worker, worker, 0) && !shared_work(worker))
        weft__clock_advance(weft__wheel_next(&worker->wheel));
}

weft_event weft__fell_asleep = WEFT_EVENT_INIT;

static void sleep_in_kernel(struct weft__worker *worker, bool all_asleep)
{
    if (weft__load(&weft__rt.stopping, seq_cst)) { /* pairs with await_end() and others */
        weft__add(&weft__rt.idle_event, 1, acq_rel);
        weft__futex_wake(&weft__rt.idle_event, 1);
        weft_event_set(&weft__fell_asleep);
    }
    int64_t timeout = timeout_of(worker);
    if (timeout > 0 && weft__clock_is_virtual()) { /* one worker: nobody else can run */
        advance_clock(worker);
        return;
    }
    if (timeout < 0 && all_asleep)
        check_deadlock();
    if (timeout != 0) {
        weft__bump(&worker->parks, 1);
        tell(worker, WEFT_CARRIER_PARK);
    }
    weft__poll(worker, worker, timeout);
    if (timeout != 0)
        tell(worker, WEFT_CARRIER_UNPARK);
}

static void wake_monitor(void)
{
    uint32_t asleep = WEFT__MONITOR_ASLEEP;
    if (weft__load(&weft__rt.monitor, seq_cst) == asleep &&
        weft__cas(&weft__rt.monitor, &asleep, WEFT__MONITOR_LOOKS, seq_cst, relaxed))
        weft__futex_wake(&weft__rt.monitor, 1);
}

static void expire_own(struct weft__worker *worker)
{
    weft__expire_timers(worker, worker, weft__clock_now());
}

/* Sleeps unless there is work to share after all. Returns whether the worker is
 * a searcher when it comes back. */
static bool doze(struct weft__worker *worker, bool searching)
{
    bool all =
        weft__sleepers_announce(&weft__rt.sleepers, &worker->sleeper, searching, weft__rt.workers);
    bool shared = shared_work(worker);
    if (!shared && !weft__load(&weft__rt.closing, seq_cst)) {
        sleep_in_kernel(worker, all);
        expire_own(worker);
    }
    searching = weft__sleepers_retract(&weft__rt.sleepers, &worker->sleeper);
    wake_monitor();
    /* However many search already: one of them may have been stopped by the kernel
     * between counting itself and looking, and we would spin until it goes on. */
    if (shared && search(worker) && !searching)
        pass_on();
    return searching;
}

struct weft_task *weft__find(struct weft__worker *worker)
{
    bool searching = false;
    expire_own(worker);
    while (!weft__load(&weft__rt.closing, acquire)) { /* pairs with weft_stop() */
        weft__take_inbox(worker);
        bool works = weft__has_work(worker);
        if (weft__unlikely(weft__load(&weft__rt.claims, relaxed)) &&
            (!works || weft__is_claimed(worker)) && weft__answer_claim(worker))
            break;
        if (!searching && !works)
            searching = weft__sleepers_search(&weft__rt.sleepers, weft__rt.workers);
        if (!works && !(searching && search(worker))) {
            searching = doze(worker, searching);
            continue;
        }
        struct weft_task *task = weft__next(worker);
        if (task) {
            if (searching)
                stop_searching();
            return task;
        }
    }
    if (searching)
        stop_searching();
    return NULL;
}
