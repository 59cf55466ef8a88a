#include "sched/monitor.h"

#include "os/futex.h"
#include "os/thread_state.h"
#include "sched/carrier.h"
#include "sched/section.h"
#include "sched/share.h"
#include "time/clock.h"
#include "vthread/block.h"

/* How often it looks, in nanoseconds: at first and after it had to help, and
 * when for some time nobody needed help. While every worker sleeps it sleeps
 * too, but for the once-a-second trimming of caches. */
#define LOOK_FIRST 250000
#define LOOK_LAST 2000000
/* While tasks are in blocking sections that others wait for. Who is seen there again after
 * about that time has been there for so long; looks that were hurried are nearer to each
 * other. The kernel adds its timer slack, 50 us. */
#define LOOK_QUICK 20000
/* How long a task may compute before its worker is given to another carrier. */
#define COMPUTES_TOO_LONG 10000000
#define TRIM_EVERY 1000000000

struct look {
    uint64_t switches;
    uint64_t section; /* that its task was in; 0: none */
    bool again;       /* and has been for some time */
    int64_t entered;  /* the first look that has found that section */
    int64_t since;    /* the first look that has found these switches */
    int64_t helped;   /* the same, or when something was done about it */
};

_Atomic(int64_t) weft__threads_outside;
_Atomic(uint32_t) weft__monitor_spawns;

static struct weft__errand *errands;

enum { NOT_CALLED, CALLED, ON_ERRANDS };
static _Atomic(uint32_t) call;

void weft__monitor_add(struct weft__errand *errand)
{
    errand->next = errands;
    errands = errand;
}

static bool move(uint32_t from, uint32_t to)
{
    return weft__cas(&call, &from, to, seq_cst, seq_cst);
}

/* Returns when to run them again. */
static int64_t run_errands(void)
{
    int64_t next = INT64_MAX;
    for (struct weft__errand *errand = errands; errand; errand = errand->next) {
        int64_t at = errand->fn();
        next = at < next ? at : next;
    }
    move(ON_ERRANDS, NOT_CALLED); /* else somebody has called meanwhile */
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

static void look_at(struct weft__worker *worker, struct look *look, int64_t now)
{
    uint64_t switches = weft__load(&worker->switches, relaxed);
    bool awake = weft__load(&worker->sleeper.state, relaxed) == WEFT__AWAKE;
    uint64_t section = awake ? weft__section_of(worker) : 0;
    if (!awake || switches != look->switches)
        look->since = look->helped = now;
    if (section != look->section)
        look->entered = now;
    look->section = section;
    look->again = section && now - look->entered >= LOOK_QUICK / 2;
    look->switches = switches;
}

/* A worker that runs the same task as when we last looked, however soon that was when
 * it is in a section. (Half: no two looks are exactly that far apart.) */
static bool is_held(const struct look *look, int64_t now)
{
    return look->again || now - look->helped >= LOOK_FIRST / 2;
}

bool weft__hands_off(void)
{
    return !weft__rt.config.seed && !weft__clock_is_virtual() &&
           !(weft__rt.config.flags & WEFT_NO_HAND_OFF);
}

/* A worker whose task sits in a blocking call goes to another carrier at once: a
 * CPU has nothing to do. One whose task computes is helped by the others first. */
static bool time_to_hand_off(struct weft__worker *worker, const struct look *look, int64_t now)
{
    if (!weft__hands_off())
        return false;
    return look->again || now - look->since >= COMPUTES_TOO_LONG ||
           weft__thread_sleeps(weft__load(&worker->tid, relaxed));
}

/* RESCUE-1, RESCUE-2 */
static void ask_for_help(struct weft__worker *worker)
{
    weft__store(&worker->stuck, true, relaxed);
    weft__store(&weft__rt.rescue, true, release); /* pairs with the exchange in weft__help() */
    weft__notify();
}

/* For a worker that is held while something waits behind it: when to look again. */
static int64_t help(struct weft__worker *worker, struct look *look, int64_t now)
{
    look->helped = now;
    if (time_to_hand_off(worker, look, now) &&
        weft__hand_off(worker, look->switches, look->again ? look->section : 0)) {
        *look = (struct look){ .switches = look->switches, .since = now, .helped = now };
        return LOOK_QUICK;
    }
    ask_for_help(worker);
    return LOOK_FIRST;
}

/* Returns how soon to look again; INT64_MAX: nobody needs help. */
static int64_t look_at_all(struct look *looks)
{
    int64_t pace = INT64_MAX, now = weft__clock_now();
    for (unsigned i = 0; i < weft__rt.workers; i++) {
        struct weft__worker *worker = &weft__rt.worker[i];
        look_at(worker, &looks[i], now);
        bool held = is_held(&looks[i], now);
        if (!(held || looks[i].section) || !has_waiting(worker, now))
            continue;
        int64_t soon = held ? help(worker, &looks[i], now) : LOOK_QUICK;
        pace = soon < pace ? soon : pace;
    }
    return pace;
}

static bool all_asleep(void)
{
    uint32_t counts = weft__load(&weft__rt.sleepers.counts, seq_cst);
    return weft__sleepers_sleeping(counts) == weft__rt.workers;
}

/* True: somebody has ended it. */
static bool rest(int64_t until)
{
    uint32_t state = weft__load(&weft__rt.monitor, relaxed);
    if (state != 0)
        weft__futex_wait(&weft__rt.monitor, state, until);
    return weft__load(&weft__rt.monitor, relaxed) == WEFT__MONITOR_LOOKS;
}

/* Nobody need hurry it. */
static void say_soon(void)
{
    uint32_t rests = WEFT__MONITOR_RESTS;
    weft__cas(&weft__rt.monitor, &rests, WEFT__MONITOR_NAPS, relaxed, relaxed); /* a hint */
}

void *weft__monitor_main(void *unused)
{
    struct look looks[WEFT__WORKERS_MAX] = { 0 };
    int64_t interval = LOOK_FIRST, trim_at = weft__clock_real() + TRIM_EVERY;
    int64_t errand_at = 0;
    bool quiet = weft__rt.workers == 1 && !weft__hands_off(); /* nobody could help */
    bool trimmed = true, hurried = false;
    (void)unused;
    while (!weft__load(&weft__rt.closing, acquire)) {
        int64_t now = weft__clock_real();
        if (move(CALLED, ON_ERRANDS) || now >= errand_at)
            errand_at = run_errands();
        if (now >= trim_at) {
            trimmed = weft__stacks_trim(&weft__rt.stacks);
            trimmed |= weft__blocks_trim();
            trim_at = now + TRIM_EVERY;
        }
        /* A worker that wakes, a caller, or weft_stop(), clears ASLEEP; what came just
         * before is seen by the conditions, all being seq_cst. */
        weft__store(&weft__rt.monitor, quiet ? WEFT__MONITOR_RESTS : WEFT__MONITOR_ASLEEP, seq_cst);
        if (weft__load(&call, seq_cst) == CALLED)
            continue;
        if ((quiet || all_asleep()) && !weft__load(&weft__rt.closing, seq_cst)) {
            int64_t until = quiet || trimmed ? trim_at : INT64_MAX;
            rest(until < errand_at ? until : errand_at);
            continue;
        }
        weft__store(&weft__rt.monitor, WEFT__MONITOR_RESTS, relaxed);
        int64_t pace = look_at_all(looks);
        if (pace != INT64_MAX)
            interval = pace;
        else if (hurried) /* in vain: short sections follow each other, and need not hurry it */
            interval = LOOK_QUICK;
        else
            interval = 2 * interval < LOOK_LAST ? 2 * interval : LOOK_LAST;
        if (interval < LOOK_FIRST)
            say_soon();
        hurried = rest(now + interval);
    }
    weft__thread_state_finish();
    return unused;
}

void weft__monitor_call(void)
{
    weft__store(&call, CALLED, seq_cst);
    weft__monitor_stop();
}

bool weft__monitor_owes(void)
{
    return weft__load(&call, seq_cst) != NOT_CALLED || weft__load(&weft__monitor_spawns, seq_cst);
}

void weft__monitor_hurry(void)
{
    uint32_t rests = WEFT__MONITOR_RESTS;
    if (weft__load(&weft__rt.monitor, relaxed) == rests &&
        weft__cas(&weft__rt.monitor, &rests, WEFT__MONITOR_LOOKS, seq_cst, relaxed))
        weft__futex_wake(&weft__rt.monitor, 1);
}

void weft__monitor_stop(void)
{
    weft__store(&weft__rt.monitor, 0, seq_cst);
    weft__futex_wake(&weft__rt.monitor, 1);
}
