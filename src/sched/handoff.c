/* Carriers that have no worker, and how they come by one: see carrier.h. */
#include <string.h>

#include "os/futex.h"
#include "sched/carrier.h"
#include "sched/section.h"
#include "sched/share.h"
#include "time/clock.h"

/* CARRIER-1. Under both locks. */
static void bind(struct weft__carrier *carrier, struct weft__worker *worker)
{
    worker->carrier = carrier;
    worker->seat = &carrier->seat;
    weft__store(&worker->tid, 0, relaxed);          /* the monitor's hint */
    weft__store(&carrier->worker, worker, relaxed); /* with `state` */
    weft__store(&carrier->state, WEFT__CARRIER_SERVES, seq_cst);
}

void weft__carrier_init(struct weft__carrier *carrier, struct weft__worker *worker)
{
    memset(carrier, 0, sizeof *carrier);
    carrier->idle.flags = WEFT__TASK_IDLE;
    carrier->idle.seat = &carrier->seat;
    carrier->idle.worker = worker;
    carrier->seat.inside = 1; /* until it runs a task */
    weft__list_init(&carrier->link);
    bind(carrier, worker);
}

int weft__carrier_start(struct weft__carrier *carrier)
{
    return pthread_create(&carrier->thread, NULL, weft__carrier_main, carrier);
}

static struct weft__carrier *take_first(struct weft__list *list)
{
    struct weft__list *link = weft__list_first(list);
    if (!link)
        return NULL;
    weft__list_remove(link);
    return weft__container_of(link, struct weft__carrier, link);
}

static struct weft__carrier *take_claiming(void)
{
    struct weft__carrier *carrier = take_first(&weft__rt.claiming);
    if (carrier)
        weft__add(&weft__rt.claims, (uint32_t)-1, relaxed); /* a hint */
    return carrier;
}

static void claim(struct weft__carrier *carrier)
{
    weft__list_append(&weft__rt.claiming, &carrier->link);
    weft__add(&weft__rt.claims, 1, seq_cst); /* CARRIER-3 */
    weft__store(&carrier->state, WEFT__CARRIER_CLAIMS, seq_cst);
}

static void wake(struct weft__carrier *carrier)
{
    weft__futex_wake(&carrier->state, 1);
}

void weft__carrier_has_post(struct weft__carrier *carrier)
{
    uint32_t state = weft__load(&carrier->state, seq_cst); /* CARRIER-3 */
    if (state == WEFT__CARRIER_SERVES) {
        weft__notify_worker(weft__load(&carrier->worker, relaxed)); /* stale: does no harm */
        return;
    }
    if (state != WEFT__CARRIER_SPARE)
        return; /* it will look */
    weft__lock_acquire(&weft__rt.carriers_lock);
    bool claims = weft__load(&carrier->state, relaxed) == WEFT__CARRIER_SPARE;
    if (claims) {
        weft__list_remove(&carrier->link);
        claim(carrier);
    }
    weft__lock_release(&weft__rt.carriers_lock);
    if (claims)
        weft__notify();
}

/* A thread that is new. Under both locks. NULL: the limit, or none to be had. */
static struct weft__carrier *make_carrier(struct weft__worker *worker)
{
    uint32_t count = weft__load(&weft__rt.carriers, relaxed); /* changed under the lock */
    struct weft__carrier *before = worker->carrier, *carrier = weft__carrier_revive();
    bool revived = carrier != NULL;
    if (revived) {
        bind(carrier, worker);
    } else {
        if (count == weft__rt.workers + weft__rt.config.carriers_more)
            return NULL;
        carrier = &weft__rt.carrier[count];
        weft__carrier_init(carrier, worker);
    }
    if (weft__carrier_start(carrier) != 0) {
        if (revived)
            weft__carrier_lose(carrier);
        bind(before, worker);
        weft__store(&worker->tid, weft__load(&before->tid, relaxed), relaxed);
        return NULL;
    }
    if (!revived)
        weft__store(&weft__rt.carriers, count + 1, release); /* pairs with loops over all */
    return carrier;
}

/* Under both locks, with the seat of the worker's carrier. */
static bool replace(struct weft__worker *worker)
{
    struct weft__carrier *left = worker->carrier, *next = take_claiming();
    if (!next)
        next = take_first(&weft__rt.spare);
    bool waits = next != NULL;
    weft__add(&weft__rt.away, 1, seq_cst); /* before `next` may look for a deadlock */
    if (waits) {
        bind(next, worker);
    } else if (!(next = make_carrier(worker))) {
        weft__add(&weft__rt.away, (uint32_t)-1, relaxed);
        return false;
    }
    weft__store(&left->state, WEFT__CARRIER_AWAY, seq_cst);
    weft__add(&weft__rt.handoffs, 1, relaxed);
    weft__add(&left->losses, 1, relaxed);
    weft__seat_hand_over(&left->seat);
    if (waits)
        wake(next);
    return true;
}

/* Whether its task is still where it was seen. Under the seat. */
static bool is_there(struct weft__worker *worker, uint64_t switches, uint64_t section)
{
    return weft__load(&worker->switches, relaxed) == switches &&
           (!section || weft__section_of(worker) == section); /* SECTION-2 */
}

bool weft__hand_off(struct weft__worker *worker, uint64_t switches, uint64_t section)
{
    bool done = false;
    weft__lock_acquire(&weft__rt.rescue_lock);
    struct weft__seat *seat = worker->seat;
    if (weft__seat_take(seat)) {
        weft__lock_acquire(&weft__rt.carriers_lock);
        done = is_there(worker, switches, section) && replace(worker);
        weft__lock_release(&weft__rt.carriers_lock);
        if (!done)
            weft__seat_give_back(seat);
    }
    weft__lock_release(&weft__rt.rescue_lock);
    return done;
}

bool weft__answer_claim(struct weft__worker *worker)
{
    weft__lock_acquire(&weft__rt.rescue_lock);
    weft__lock_acquire(&weft__rt.carriers_lock);
    struct weft__carrier *claimer = take_claiming();
    if (claimer)
        bind(claimer, worker);
    weft__lock_release(&weft__rt.carriers_lock);
    weft__lock_release(&weft__rt.rescue_lock);
    if (claimer)
        wake(claimer);
    return claimer != NULL;
}

/* Stops serving, which includes a last look into the inbox. */
static void queue_up(struct weft__carrier *carrier)
{
    weft__lock_acquire(&weft__rt.carriers_lock);
    if (weft__load(&weft__rt.closing, relaxed)) {
        weft__store(&carrier->state, WEFT__CARRIER_ENDS, relaxed);
    } else {
        weft__list_prepend(&weft__rt.spare, &carrier->link); /* the newest is the warmest */
        weft__store(&carrier->state, WEFT__CARRIER_SPARE, seq_cst);
    }
    weft__lock_release(&weft__rt.carriers_lock);
    if (!weft__inbox_empty(&carrier->inbox)) /* CARRIER-3 */
        weft__carrier_has_post(carrier);
}

struct weft__carrier *weft__choose_carrier(void)
{
    uint32_t at = weft__add(&weft__rt.next_shelf, 1, relaxed) % weft__rt.workers;
    weft__lock_acquire(&weft__rt.carriers_lock);
    struct weft__carrier *carrier = weft__rt.worker[at].carrier; /* CARRIER-1 */
    weft__add(&carrier->pinned_by_others, 1, relaxed);           /* under the lock: CARRIER-5 */
    weft__lock_release(&weft__rt.carriers_lock);
    return carrier;
}

static int64_t end_of_patience(void)
{
    int64_t now = weft__clock_real(), idle = weft__rt.config.carrier_idle;
    return idle < INT64_MAX - now ? now + idle : INT64_MAX;
}

bool weft__await_worker(struct weft__carrier *carrier)
{
    queue_up(carrier);
    int64_t until = end_of_patience();
    for (;;) {
        /* acquire: pairs with bind(): the worker's parts are ours */
        uint32_t state = weft__load(&carrier->state, acquire);
        if (state == WEFT__CARRIER_SERVES)
            return true;
        if (state == WEFT__CARRIER_ENDS)
            return false;
        if (weft__futex_wait(&carrier->state, state, until))
            continue;
        if (weft__carrier_retires(carrier))
            return false;
        until = INT64_MAX; /* who is pinned to it comes back, or a worker calls it */
    }
}

void weft__dismiss_carriers(void)
{
    weft__lock_acquire(&weft__rt.carriers_lock);
    struct weft__carrier *carrier;
    while ((carrier = take_first(&weft__rt.spare)) || (carrier = take_claiming())) {
        weft__store(&carrier->state, WEFT__CARRIER_ENDS, release);
        wake(carrier);
    }
    weft__lock_release(&weft__rt.carriers_lock);
}
