#include "sched/share.h"

#include "sched/carrier.h"
#include "sched/poll.h"
#include "sched/schedule.h"
#include "time/clock.h"

bool weft__notify_worker(struct weft__worker *worker)
{
    if (!weft__sleepers_notify(&weft__rt.sleepers, &worker->sleeper))
        return false;
    weft__poller_wake(&worker->poller);
    return true;
}

void weft__notify(void)
{
    if (!weft__sleepers_needed(&weft__rt.sleepers))
        return;
    unsigned start = weft__load(&weft__rt.next_shelf, relaxed); /* any will do */
    for (unsigned i = 0; i < weft__rt.workers; i++) {
        if (weft__notify_worker(&weft__rt.worker[(start + i) % weft__rt.workers]))
            return;
    }
}

static void note_exchange(struct weft__worker *worker, int64_t now)
{
    worker->exchanged = now;
    worker->judged = false;
    worker->came_back = false;
}

void weft__learn_patience(struct weft__worker *worker)
{
    int64_t since = worker->backlog_since - worker->exchanged;
    bool in_vain = worker->came_back && since < WEFT__WAKE_UP;
    if (since >= WEFT__FORGET || (!worker->judged && !in_vain))
        worker->patience = WEFT__PATIENCE;
    else if (!worker->judged && worker->patience < WEFT__PATIENCE_MOST)
        worker->patience *= 2;
    worker->judged = true;
}

void weft__share(struct weft__worker *worker)
{
    size_t ready = weft__queue_count(&worker->ready);
    size_t fresh = weft__queue_count(&worker->fresh);
    if (ready) {
        weft__shelf_give(&worker->shelf, weft__queue_split(&worker->ready, (ready + 1) / 2));
        worker->loan_ends = worker->ticked + WEFT__LOAN;
        note_exchange(worker, worker->ticked);
    } else if (fresh && weft__shelf_empty(&worker->shelf)) {
        weft__shelf_put_fresh(&worker->shelf, WEFT__NEWEST,
                              weft__queue_split_last(&worker->fresh, (fresh + 1) / 2));
    }
    weft__notify();
}

/* Whoever was woken counts as a searcher from then on (PARK-1). */
static bool somebody_searches(void)
{
    return weft__sleepers_searching(weft__load(&weft__rt.sleepers.counts, relaxed)) > 0;
}

void weft__take_oldest(struct weft__worker *worker)
{
    if (worker->ticked >= worker->loan_ends || !somebody_searches()) {
        struct weft__chain given = weft__shelf_take_given(&worker->shelf);
        if (given.head) {
            weft__queue_splice(&worker->ready, given);
            worker->came_back = true;
        }
    }
    struct weft_task *task;
    struct weft__chain oldest = weft__shelf_take_fresh(&worker->shelf, WEFT__OLDEST);
    if (oldest.head) {
        task = oldest.head;
        oldest.head = task->next;
        if (--oldest.count)
            weft__shelf_put_fresh(&worker->shelf, WEFT__OLDEST, oldest);
    } else {
        task = weft__queue_take_last(&worker->fresh);
    }
    if (task)
        weft__queue_append(&worker->ready, task);
}

void weft__take_inbox(struct weft__worker *worker)
{
    struct weft__inbox_node *node = weft__inbox_take(&worker->carrier->inbox);
    while (node) {
        struct weft_task *task = weft__container_of(node, struct weft_task, inbox);
        node = node->next;
        weft__queue_append(&worker->ready, task);
    }
    weft__drop_disarmed(worker);
}

/* The queue's turn comes now, and what was in it goes behind. */
static void put_first(struct weft__worker *worker, struct weft__chain others)
{
    struct weft_task *front = weft__front(worker);
    if (others.head)
        weft__queue_splice(&worker->ready, others);
    if (front)
        weft__queue_append(&worker->ready, front);
    weft__set_front(worker, NULL);
    worker->fresh_turn = true; /* it has been */
}

void weft__take_own_first(struct weft__worker *worker)
{
    struct weft__chain others = weft__queue_take_all(&worker->ready);
    weft__take_inbox(worker);
    size_t own = weft__queue_count(&worker->ready);
    if (own)
        put_first(worker, others);
    else if (others.head)
        weft__queue_splice(&worker->ready, others);
    worker->claimable_from = weft__load(&worker->switches, relaxed) + own + 1;
}

static bool unpack(struct weft__worker *worker, struct weft__chain tasks, struct weft__queue *queue)
{
    if (!tasks.head)
        return false;
    weft__queue_splice(queue, tasks);
    weft__bump(&worker->steals, 1);
    weft__bump(&worker->stolen, tasks.count);
    return true;
}

static bool steal_given(struct weft__worker *worker, struct weft__worker *victim)
{
    if (!unpack(worker, weft__shelf_take_given(&victim->shelf), &worker->ready))
        return false;
    if (victim != worker)
        note_exchange(worker, weft__clock_now());
    else
        worker->came_back = true;
    return true;
}

static bool steal_from(struct weft__worker *worker, struct weft__worker *victim)
{
    return steal_given(worker, victim) ||
           unpack(worker, weft__shelf_take_fresh(&victim->shelf, WEFT__OLDEST), &worker->fresh);
}

bool weft__steal(struct weft__worker *worker)
{
    /* With a seed, and one worker, the numbers are the lot's: how often an idle
     * worker searches depends on the kernel. */
    uint32_t start = worker->lot ? 0 : weft__random_below(&worker->random, weft__rt.workers);
    for (unsigned i = 0; i < weft__rt.workers; i++) {
        struct weft__worker *victim = &weft__rt.worker[(start + i) % weft__rt.workers];
        if (steal_from(worker, victim))
            return true;
    }
    return false;
}

/* Both seats are held. */
static bool take_half(struct weft__worker *worker, struct weft__worker *victim)
{
    bool got = false;
    struct weft_task *front = weft__front(victim);
    if (front) {
        weft__set_front(victim, NULL);
        weft__requeue(worker, front);
        got = true;
    }
    size_t ready = weft__queue_count(&victim->ready), fresh = weft__queue_count(&victim->fresh);
    if (ready)
        got |= unpack(worker, weft__queue_split(&victim->ready, (ready + 1) / 2), &worker->ready);
    if (fresh)
        got |=
            unpack(worker, weft__queue_split_last(&victim->fresh, (fresh + 1) / 2), &worker->fresh);
    int64_t now = weft__clock_now();
    got |= weft__expire_timers(worker, victim, now);
    if (now - victim->polled >= WEFT__TICK_TIME)
        got |= weft__poll(worker, victim, 0);
    return got;
}

/* Under the rescue lock: the worker and its seat stay together. */
static bool rescue(struct weft__worker *worker, struct weft__worker *victim)
{
    bool got = false;
    if (victim == worker) /* it has come back */
        return false;
    if (weft__seat_take(victim->seat)) {
        got = take_half(worker, victim);
        weft__seat_give_back(victim->seat);
    }
    return got || steal_from(worker, victim);
}

bool weft__help(struct weft__worker *worker)
{
    bool got = false;
    if (weft__likely(!weft__load(&weft__rt.rescue, relaxed)) ||
        !weft__lock_try(&weft__rt.rescue_lock))
        return false;
    /* RESCUE-1. acquire: pairs with the release in ask_for_help() */
    weft__exchange(&weft__rt.rescue, false, acquire);
    for (unsigned i = 0; i < weft__rt.workers; i++) {
        struct weft__worker *victim = &weft__rt.worker[i];
        if (weft__load(&victim->stuck, relaxed) && weft__exchange(&victim->stuck, false, relaxed))
            got |= rescue(worker, victim);
    }
    weft__lock_release(&weft__rt.rescue_lock);
    return got;
}

void weft__ready_outside(struct weft_task *task)
{
    if (task->carrier) { /* PIN-1 */
        struct weft__carrier *carrier = task->carrier;
        weft__inbox_put(&carrier->inbox, &task->inbox);
        weft__carrier_has_post(carrier);
        return;
    }
    unsigned at = weft__add(&weft__rt.next_shelf, 1, relaxed) % weft__rt.workers;
    task->next = NULL;
    weft__shelf_give(&weft__rt.worker[at].shelf, (struct weft__chain){ task, task, 1 });
    weft__notify();
}
