/* Starting and stopping: what weft_start() builds weft_stop() takes down. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "os/memory.h"
#include "os/signal_mask.h"
#include "sched/carrier.h"
#include "sched/hooks.h"
#include "sched/idle.h"
#include "sched/locals.h"
#include "sched/lot.h"
#include "sched/monitor.h"
#include "sched/poll.h"
#include "sched/schedule.h"
#include "sched/settings.h"
#include "sched/thread.h"
#include "time/clock.h"
#include "vthread/block.h"
#include "weft/common.h"
#include "weft/event.h"
#include "weft/scope.h"
#include "weft/task.h"

struct weft__runtime weft__rt;

/* weft_start() and weft_stop() exclude each other. */
static pthread_mutex_t life = PTHREAD_MUTEX_INITIALIZER;
static uint64_t starts; /* how many there have been; under it */

const char *weft_version(void)
{
    return WEFT_VERSION;
}

unsigned weft_workers(void)
{
    return weft__load(&weft__rt.running, acquire) ? weft__rt.workers : 0;
}

/* A task is spawned, then ends, and both counts only grow. So reading `ended`
 * first and `spawned` after never shows fewer alive than there were in between,
 * and 0 only if there was such a moment. */
uint64_t weft__tasks_alive(void)
{
    uint64_t ended = 0, spawned = 0;
    for (unsigned i = 0; i < weft__rt.workers; i++)
        ended += weft__load(&weft__rt.worker[i].ended, seq_cst);
    for (unsigned i = 0; i < weft__rt.workers; i++)
        spawned += weft__load(&weft__rt.worker[i].spawned, seq_cst);
    spawned += weft__load(&weft__rt.spawned, seq_cst);
    return spawned - ended;
}

static int init_worker(struct weft__worker *worker, unsigned index)
{
    int64_t now = weft__clock_now();
    worker->index = index;
    worker->poller.epoll_fd = worker->poller.wake_fd = -1; /* for finish_worker() */
    weft__ring_init(&worker->ring, &worker->poller);
    weft__carrier_init(&weft__rt.carrier[index], worker);
    worker->quantum = worker->quanta = WEFT__TICK;
    worker->pick_time = 1;
    worker->patience = WEFT__PATIENCE;
    worker->random = weft__rt.config.seed ? weft__rt.config.seed : (uint64_t)now + index;
    worker->ticked = worker->polled = now;
    weft__store(&worker->now, now, relaxed); /* the threads start later */
    weft__store(&worker->next_timer, INT64_MAX, relaxed);
    weft__shelf_init(&worker->shelf);
    weft__wheel_init(&worker->wheel, now);
    if (weft__rt.config.seed) {
        worker->lot = calloc(1, sizeof *worker->lot);
        if (!worker->lot)
            return -ENOMEM;
    }
    return weft__poller_init(&worker->poller);
}

static void finish_worker(struct weft__worker *worker)
{
    weft__ring_finish(&worker->ring);
    weft__poller_finish(&worker->poller);
    weft__blocks_flush(&worker->blocks);
    if (worker->lot)
        free(worker->lot->tasks);
    free(worker->lot);
}

/* Most are never touched. */
static size_t carriers_size(void)
{
    return (weft__rt.config.workers + WEFT__CARRIERS_MORE) * sizeof(struct weft__carrier);
}

static void release_all(void)
{
    weft__threads_close();
    for (unsigned i = 0; i < weft__rt.workers; i++)
        finish_worker(&weft__rt.worker[i]);
    free(weft__rt.worker);
    if (weft__rt.carrier)
        weft__memory_unmap(weft__rt.carrier, carriers_size());
    weft__pool_finish(&weft__rt.tasks);
    weft__pool_finish(&weft__rt.timers);
    weft__stacks_finish(&weft__rt.stacks);
    weft__clock_make_virtual(false);
    weft__rt.workers = 0;
    weft__rt.worker = NULL;
    weft__rt.carrier = NULL;
}

/* calloc() aligns to 16 bytes; workers want cache lines of their own. */
static void *zeroed(size_t count, size_t size)
{
    size_t bytes = (count * size + WEFT_CACHE_LINE - 1) / WEFT_CACHE_LINE * WEFT_CACHE_LINE;
    void *memory = aligned_alloc(WEFT_CACHE_LINE, bytes);
    if (memory)
        memset(memory, 0, bytes);
    return memory;
}

static int set_up(const weft_config *config)
{
    weft__rt.config = *config;
    weft__barrier_setup();
    weft__clock_make_virtual(config->flags & WEFT_VIRTUAL_CLOCK);
    weft__pool_init(&weft__rt.tasks, sizeof(struct weft_task));
    weft__pool_init(&weft__rt.timers, weft__timer_size);
    weft__threads_open();
    weft__stacks_init(&weft__rt.stacks, config->stack_size);
    weft__rt.worker = zeroed(config->workers, sizeof *weft__rt.worker);
    weft__rt.carrier = weft__memory_map(carriers_size(), weft__memory_page(), false);
    weft__list_init(&weft__rt.spare);
    weft__list_init(&weft__rt.claiming);
    weft__list_init(&weft__rt.retired);
    weft__list_init(&weft__rt.gone);
    int rc = weft__rt.worker && weft__rt.carrier ? 0 : -ENOMEM;
    while (rc == 0 && weft__rt.workers < config->workers) {
        rc = init_worker(&weft__rt.worker[weft__rt.workers], weft__rt.workers);
        weft__rt.workers++;
    }
    return rc;
}

/* The monitor first: it starts carriers. */
static void join_threads(bool monitor)
{
    weft__store(&weft__rt.closing, true, seq_cst); /* pairs with the loads in idle.c */
    if (monitor) {
        weft__monitor_stop();
        pthread_join(weft__rt.monitor_thread, NULL);
    }
    for (unsigned i = 0; i < weft__rt.workers; i++)
        weft__poller_wake(&weft__rt.worker[i].poller);
    weft__dismiss_carriers();
    for (unsigned i = 0; i < weft__load(&weft__rt.carriers, acquire); i++) {
        struct weft__carrier *carrier = &weft__rt.carrier[i];
        if (weft__load(&carrier->state, relaxed) != WEFT__CARRIER_GONE) /* CARRIER-6 */
            pthread_join(carrier->thread, NULL);
    }
}

static int start_threads(void)
{
    weft__signals_block(&weft__rt.host_mask);
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < weft__rt.workers; i++) {
        rc = weft__carrier_start(&weft__rt.carrier[i]);
        if (rc == 0)
            weft__add(&weft__rt.carriers, 1, release); /* pairs with loops over all */
    }
    if (rc == 0)
        rc = pthread_create(&weft__rt.monitor_thread, NULL, weft__monitor_main, NULL);
    pthread_sigmask(SIG_SETMASK, &weft__rt.host_mask, NULL);
    if (rc != 0)
        join_threads(false);
    return -rc;
}

static int start_locked(const weft_config *asked)
{
    weft_config config;
    if (weft__load(&weft__rt.running, relaxed)) /* under `life` */
        return -EBUSY;
    int rc = weft__settings(asked, &config);
    if (rc)
        return rc;
    memset(&weft__rt, 0, offsetof(struct weft__runtime, open));
    weft__store(&weft__rt.stopping, false, seq_cst); /* as await_end() */
    rc = set_up(&config);
    if (rc == 0)
        rc = start_threads();
    if (rc) {
        release_all();
        return rc;
    }
    weft__hooks_run(WEFT__HOOK_STARTED);
    weft__store(&weft__rt.running, true, release); /* pairs with weft_workers(), spawning */
    weft__store(&weft__rt.open, true, seq_cst);    /* pairs with weft__guest_bring() */
    return 0;
}

/* Nobody stops it before the caller, who becomes a guest, has left. */
static int start_and_enter(const weft_config *config, uint64_t *ret_start)
{
    pthread_mutex_lock(&life);
    int rc = start_locked(config);
    if (rc == 0) {
        *ret_start = ++starts;
        weft__guest_enter();
    }
    pthread_mutex_unlock(&life);
    return rc;
}

int weft_start(const weft_config *config)
{
    uint64_t start;
    int rc = weft__self() ? -EPERM : start_and_enter(config, &start);
    if (rc == 0)
        weft__guest_leave();
    return rc;
}

/* Workers that sleep already look for a deadlock again. */
static void set_awaited(void)
{
    weft__store(&weft__rt.awaited, true, seq_cst); /* pairs with check_deadlock() */
    weft__poller_wake(&weft__rt.worker[0].poller);
}

/* seq_cst: a worker that falls asleep sees that the thread rests, or we see it asleep. */
void weft__look_for_deadlock(void)
{
    if (!weft__guest_bring())
        return;
    uint32_t counts = weft__load(&weft__rt.sleepers.counts, seq_cst);
    if (weft__load(&weft__rt.awaited, acquire) &&
        weft__sleepers_sleeping(counts) == weft__rt.workers)
        weft__poller_wake(&weft__rt.worker[0].poller);
    weft__guest_leave();
}

static void await_end(void)
{
    /* pairs with sleep_in_kernel() and weft__guest_leave() */
    weft__store(&weft__rt.stopping, true, seq_cst);
    set_awaited();
    weft__await_quiet();
}

static int stop_locked(void)
{
    if (!weft__load(&weft__rt.running, relaxed)) /* under `life` */
        return -EINVAL;
    do {
        await_end();
        while (weft__locals_drain()) /* destructors may spawn */
            await_end();
    } while (!weft__close_doors());
    weft__store(&weft__rt.running, false, seq_cst);
    weft__await_guests(); /* who has counted himself in before he saw that it runs: GUEST-1 */
    join_threads(true);
    weft__hooks_run(WEFT__HOOK_STOPPED);
    release_all();
    return 0;
}

/* What that start has started; 0: whatever runs. */
static int stop(uint64_t start)
{
    pthread_mutex_lock(&life);
    int rc = start == 0 || start == starts ? stop_locked() : -EINVAL;
    pthread_mutex_unlock(&life);
    return rc;
}

int weft_stop(void)
{
    return weft__self() ? -EPERM : stop(0);
}

static bool cuts_short(int rc)
{
    return rc == -ECANCELED || rc == -ETIMEDOUT;
}

/* Returns its result. */
static int await_first(weft_task *task)
{
    int result, rc = weft_join(task, &result);
    if (cuts_short(rc)) {
        weft_scope shield;
        weft_cancel_all();
        set_awaited();
        weft_scope_enter_shielded(&shield, WEFT_NEVER);
        rc = weft_join(task, &result);
        weft_scope_leave(&shield);
    }
    if (rc == 0 && result < 0)
        weft_cancel_all();
    return rc ? rc : result;
}

/* As await_end(), for as long as the caller's scope allows. */
static void await_others(void)
{
    int rc = 0;
    weft__store(&weft__rt.stopping, true, seq_cst); /* pairs with sleep_in_kernel() */
    while (rc == 0) {
        weft_event_clear(&weft__fell_asleep);
        if (weft__tasks_alive() == 0)
            break;
        rc = weft_event_wait(&weft__fell_asleep);
    }
    if (cuts_short(rc))
        weft_cancel_all();
}

int weft_run(const weft_config *config, int (*fn)(void *arg), void *arg)
{
    uint64_t start;
    int rc = weft__self() ? -EPERM : weft_checkpoint();
    if (rc == 0)
        rc = start_and_enter(config, &start);
    if (rc)
        return rc;
    weft_task *first;
    bool in_scope = weft__thread_waiter()->scope; /* it may end them: no deadlock */
    rc = weft_spawn_at("main", NULL, fn, arg, &first);
    if (!in_scope)
        set_awaited(); /* not before the task is in a queue: it would look like a deadlock */
    if (rc == 0)
        rc = await_first(first);
    if (in_scope)
        await_others();
    weft__guest_leave();
    stop(start); /* somebody else may have done so, and have started another */
    return rc;
}
