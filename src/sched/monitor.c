#include "sched/monitor.h"

#include "os/futex.h"
#include "os/thread_state.h"
#include "sched/carrier.h"
#include "sched/share.h"
#include "time/clock.h"
#include "vthread/block.h"

/* How often it looks, in nanoseconds: at first and after it had to help, and
 * when for some time nobody needed help. While every worker sleeps it sleeps
 * too, but for the once-a-second trimming of caches. */
#define LOOK_FIRST 250000
#define LOOK_LAST 2000000
/* How long a task may compute before its worker is given to another carrier. */
#define COMPUTES_TOO_LONG 10000000
#define TRIM_EVERY 1000000000

struct look {
    uint64_t switches;
    unsigned same; /* looks in a row without a switch */
    int64_t since; /* the first of them */
};

_Atomic(int64_t) weft__threads_outside;
_Atomic(uint32_t) weft__monitor_spawns;

static struct weft__errand *errands;
static _Atomic(bool) called;

void weft__monitor_add(struct weft__errand *errand)
{
    errand->next = errands;
    errands = errand;
}

/* Returns when to run them again. */
static int64_t run_errands(void)
{
    int64_t next = INT64_MAX;
    for (struct weft__errand *errand = errands; errand; errand = errand->next) {
        int64_t at = errand->fn();
        next = at < next ? at : next;
    }
    return next;
}

/* Whether anybody waits for a descriptor. Which poller has it is not known: the
 * counts of single workers say where waits began and ended. */
static bool events_awaited(void)
{
    int64_t waits = weft__load(&weft__threads_outside, relaxed);
    /* acquire: pairs with the release in make_carrier() */
    uint32_t carriers = weft__load(&weft__rt.carriers, acquire);
    for (uint32_t i = 0; i < carriers; i++)
        waits += weft__load(&weft__rt.carrier[i].outside, relaxed);
    return waits > 0;
}

static bool has_waiting(struct weft__worker *worker, int64_t now)
{
    return weft__front(worker) || weft__queue_count(&worker->ready) ||
           weft__queue_count(&worker->fresh) || !weft__shelf_empty(&worker->shelf) ||
           weft__load(&worker->next_timer, relaxed) <= now ||
           weft__load(&weft__rt.claims, relaxed) || events_awaited();
}

/* A worker that runs the same task as when we last looked, while something
 * waits behind it. */
static bool stuck(struct weft__worker *worker, struct look *look, int64_t now)
{
    uint64_t switches = weft__load(&worker->switches, relaxed);
    bool awake = weft__load(&worker->sleeper.state, relaxed) == WEFT__AWAKE;
    bool same = awake && switches == look->switches;
    look->same = same ? look->same + 1 : 0;
    look->since = same ? look->since : now;
    look->switches = switches;
    return look->same > 0 && has_waiting(worker, now);
}

/* With a seed or the virtual clock one carrier runs everything, in its order. */
static bool may_hand_off(void)
{
    return !weft__rt.config.seed && !weft__clock_is_virtual() &&
           !(weft__rt.config.flags & WEFT_NO_HAND_OFF);
}

/* A worker whose task sits in a blocking call goes to another carrier at once: a
 * CPU has nothing to do. One whose task computes is helped by the others first. */
static bool time_to_hand_off(struct weft__worker *worker, const struct look *look, int64_t now)
{
    if (!may_hand_off())
        return false;
    return now - look->since >= COMPUTES_TOO_LONG ||
           weft__thread_sleeps(weft__load(&worker->tid, relaxed));
}

/* Returns whether anybody was stuck. */
static bool look_at_all(struct look *looks)
{
    bool found = false;
    int64_t now = weft__clock_now();
    for (unsigned i = 0; i < weft__rt.workers; i++) {
        struct weft__worker *worker = &weft__rt.worker[i];
        if (!stuck(worker, &looks[i], now))
            continue;
        found = true;
        if (time_to_hand_off(worker, &looks[i], now) && weft__hand_off(worker, looks[i].switches)) {
            looks[i] = (struct look){ .switches = looks[i].switches, .since = now };
            continue;
        }
        weft__store(&weft__rt.rescue, i + 1, release); /* pairs with the exchange in search() */
        weft__notify();
    }
    return found;
}

static bool all_asleep(void)
{
    uint32_t counts = weft__load(&weft__rt.sleepers.counts, seq_cst);
    return weft__sleepers_sleeping(counts) == weft__rt.workers;
}

static void rest(int64_t until)
{
    uint32_t state = weft__load(&weft__rt.monitor, relaxed);
    if (state != 0)
        weft__futex_wait(&weft__rt.monitor, state, until);
}

void *weft__monitor_main(void *unused)
{
    struct look looks[WEFT__WORKERS_MAX] = { 0 };
    int64_t interval = LOOK_FIRST, trim_at = weft__clock_real() + TRIM_EVERY;
    int64_t errand_at = 0;
    bool quiet = weft__rt.workers == 1 && !may_hand_off(); /* nobody could help */
    bool trimmed = true;
    (void)unused;
    while (!weft__load(&weft__rt.closing, acquire)) {
        int64_t now = weft__clock_real();
        if (weft__exchange(&called, false, seq_cst) || now >= errand_at)
            errand_at = run_errands();
        if (now >= trim_at) {
            trimmed = weft__stacks_trim(&weft__rt.stacks);
            trimmed |= weft__blocks_trim();
            trim_at = now + TRIM_EVERY;
        }
        /* A worker that wakes, a caller, or weft_stop(), clears ASLEEP; what came just
         * before is seen by the conditions, all being seq_cst. */
        weft__store(&weft__rt.monitor, quiet ? WEFT__MONITOR_RESTS : WEFT__MONITOR_ASLEEP, seq_cst);
        if (weft__load(&called, seq_cst))
            continue;
        if ((quiet || all_asleep()) && !weft__load(&weft__rt.closing, seq_cst)) {
            int64_t until = quiet || trimmed ? trim_at : INT64_MAX;
            rest(until < errand_at ? until : errand_at);
            continue;
        }
        weft__store(&weft__rt.monitor, WEFT__MONITOR_RESTS, relaxed);
        if (look_at_all(looks))
            interval = LOOK_FIRST;
        else if (interval < LOOK_LAST)
            interval *= 2;
        rest(now + interval);
    }
    weft__thread_state_finish();
    return unused;
}

void weft__monitor_call(void)
{
    weft__store(&called, true, seq_cst);
    weft__monitor_stop();
}

void weft__monitor_stop(void)
{
    weft__store(&weft__rt.monitor, 0, seq_cst);
    weft__futex_wake(&weft__rt.monitor, 1);
}
