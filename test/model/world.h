/* world.h - the rest of the runtime, as the models of its protocols see it.
 *
 * A test includes this and then the very .c files whose protocol it checks. Each
 * model thread is an OS thread with a worker of its own; it runs one task, and a
 * task that suspends stays on its thread: "runnable" is a flag. Functions that
 * no model needs fail. */
#ifndef WEFT_TEST_MODEL_WORLD_H
#define WEFT_TEST_MODEL_WORLD_H

#include <stdlib.h>
#include <string.h>

#include "model.h"
/* Prototypes and types of what is replaced here. */
#include "base/assert.h"
#include "os/barrier.h"
#include "os/futex.h"
#include "os/latch.h"
#include "os/lock.h"
#include "os/thread_state.h"
#include "sched/bury.h"
#include "sched/carrier.h"
#include "sched/hooks.h"
#include "sched/monitor.h"
#include "sched/poll.h"
#include "sched/schedule.h"
#include "sched/share.h"
#include "sched/thread.h"
#include "sched/worker.h"
#include "task/scope.h"
#include "time/clock.h"
#include "vthread/block.h"

#define WORLD_THREADS 4

struct weft__runtime weft__rt;
struct weft__latch_section weft__latch_section[WEFT__LATCH_SECTIONS];

static struct weft__worker workers[WORLD_THREADS];
static struct weft__carrier carriers[WORLD_THREADS];
static struct weft_task tasks[WORLD_THREADS];
static struct weft__plain_thread thread_waiters[WORLD_THREADS];
static bool plain[WORLD_THREADS];           /* this model thread is a plain thread */
static int runnable[WORLD_THREADS];         /* how often its task was made so */
static uint64_t deadline_of[WORLD_THREADS]; /* ticket for which a timer is armed; 0: none */
static bool world_over;                     /* no timer will be armed any more */
static int64_t world_now;                   /* what the clock says */
static bool world_expired;                  /* somebody's scope was found to be so */

static void world_reset(unsigned worker_count)
{
    memset(&weft__rt, 0, sizeof weft__rt);
    memset(workers, 0, sizeof workers);
    memset(carriers, 0, sizeof carriers);
    memset(tasks, 0, sizeof tasks);
    memset(thread_waiters, 0, sizeof thread_waiters);
    memset(plain, 0, sizeof plain);
    memset(runnable, 0, sizeof runnable);
    memset(deadline_of, 0, sizeof deadline_of);
    memset(weft__latch_section, 0, WORLD_THREADS * sizeof *weft__latch_section);
    world_over = world_expired = false;
    world_now = 0;
    weft__rt.workers = worker_count;
    weft__rt.worker = workers;
    weft__rt.carrier = carriers;
    weft__rt.running = true;
    for (unsigned i = 0; i < WORLD_THREADS; i++) {
        workers[i].index = i;
        workers[i].carrier = &carriers[i];
        workers[i].seat = &carriers[i].seat;
        workers[i].next_timer = INT64_MAX;
        weft__shelf_init(&workers[i].shelf);
        carriers[i].worker = &workers[i];
        tasks[i].worker = &workers[i];
        tasks[i].seat = &carriers[i].seat;
        tasks[i].id = i + 1;
        thread_waiters[i].waiter.word = WEFT__WAIT_THREAD;
    }
    model_name(workers);
    model_name(tasks);
    model_name(thread_waiters);
    model_name(weft__rt);
}

WEFT_UNUSED static unsigned index_of(struct weft_task *task)
{
    return (unsigned)(task - tasks);
}

struct weft_task *weft__self(void)
{
    return plain[model_self()] ? NULL : &tasks[model_self()];
}

struct weft__waiter *weft__thread_waiter(void)
{
    return &thread_waiters[model_self()].waiter;
}

uint64_t weft__thread_number(void)
{
    return 1 + model_self();
}

/* Tasks go from one thread to another through a shelf's lock, or not at all. */
static void make_runnable(struct weft_task *task)
{
    model_fence();
    model_assert(++runnable[task - tasks] == 1, "WAIT-2");
}

#ifndef WORLD_HAS_SCHEDULE
static bool is_runnable(void *arg)
{
    return runnable[(struct weft_task *)arg - tasks];
}

void weft__suspend(struct weft_task *self)
{
    /* Others run on this worker meanwhile, and leave its seat. */
    weft__seat_leave(self->seat);
    model_wait(is_runnable, self);
    weft__seat_enter(self->seat);
    runnable[self - tasks] = 0;
}

void weft__make_ready(struct weft_task *task)
{
    make_runnable(task);
}

void weft__make_ready_here(struct weft__worker *worker, struct weft_task *task)
{
    (void)worker;
    make_runnable(task);
}
#endif

void weft__ready_queued(struct weft__worker *worker, struct weft_task *task)
{
    (void)worker;
    make_runnable(task);
}

/* As cancellers and senders of signals do after they have stored what it is about: the
 * word of a wait that may be ended. 0: it does not wait. */
WEFT_UNUSED static uint64_t world_find_wait(struct weft__waiter *waiter)
{
    weft__barrier_heavy();
    uint64_t word = weft__load(&waiter->word, acquire);
    return (word & WEFT__WAIT_STATE) == WEFT__WAITING ? word : 0;
}

void weft__requeue(struct weft__worker *worker, struct weft_task *task)
{
    (void)worker;
    make_runnable(task);
}

#ifndef WORLD_HAS_TIMERS
/* A thread of the model may fire it with world_fire_timer(). */
struct weft__timer_handle weft__timer_arm(struct weft__worker *worker, struct weft__waiter *waiter,
                                          uint64_t ticket, int64_t when)
{
    (void)worker, (void)when;
    deadline_of[index_of(weft__task_of(waiter))] = ticket;
    return (struct weft__timer_handle){ 0 };
}

void weft__timer_disarm(struct weft__worker *worker, struct weft__timer_handle handle)
{
    /* The timer may be on its way: what it knows stays what it is (WAIT-3). */
    (void)worker, (void)handle;
}

static bool armed_or_over(void *ticket)
{
    return world_over || *(uint64_t *)ticket;
}

/* Ends a wait with a deadline of this thread's task, at any moment. There may be none
 * before world_over is set. */
WEFT_UNUSED static void world_fire_timer(unsigned thread, enum weft__wait_state reason)
{
    model_wait(armed_or_over, &deadline_of[thread]);
    model_heavy_barrier(); /* the taking of the seat */
    if (deadline_of[thread])
        weft__wait_fire(&tasks[thread].waiter, deadline_of[thread], reason);
}
#endif

struct weft__stock *weft__thread_stock(void)
{
    return NULL;
}

void weft__thread_pause(void)
{
}

void weft__thread_waited(int64_t since)
{
    (void)since;
}

#ifndef WORLD_HAS_CARRIERS
/* Nobody takes a worker away. */
void weft__come_home(struct weft_task *self)
{
    (void)self;
    model_fail("SEAT-4");
}

bool weft__answer_claim(struct weft__worker *worker)
{
    (void)worker;
    model_fail("nobody claims a worker");
}

void weft__carrier_has_post(struct weft__carrier *carrier)
{
    (void)carrier;
    model_fail("nobody is pinned");
}
#endif

/* No task of a model is a virtual thread. */
ptrdiff_t weft__block_home;
_Atomic(weft__change_fn *) weft__on_change; /* nobody watches */
#ifdef __x86_64__
bool weft__context_write_by_call;
#endif

WEFT_UNUSED static struct weft__block *no_block(void)
{
    model_fail("a light task has no block");
    return NULL;
}

struct weft__block *weft__block_at(void *tp)
{
    (void)tp;
    return no_block();
}

void weft__block_give(struct weft__magazine *magazine, struct weft__block *block)
{
    (void)magazine, (void)block;
    no_block();
}

_Atomic(uint32_t) weft__monitor_spawns;

#ifndef WORLD_HAS_GUESTS
/* Nobody stops the runtime of a model. */
bool weft__guest_bring(void)
{
    return true;
}

void weft__guest_enter(void)
{
}

void weft__guest_leave(void)
{
}
#endif

/* A deadline is a moment like any other. */
/* For the search for deadlocks: there is nobody from outside. */
unsigned weft__threads_counted(void)
{
    return weft__load(&weft__rt.carriers, relaxed) + 2;
}

unsigned weft__thread_readers(void)
{
    return 0;
}

unsigned weft__threads_of_kernel(void)
{
    return 0;
}

bool weft__ring_is_open(struct weft__ring *ring)
{
    (void)ring;
    return false;
}

bool weft__futex_wait(_Atomic(uint32_t) *word, uint32_t value, int64_t deadline)
{
    return model_futex_wait(word, value, deadline != INT64_MAX);
}

void weft__futex_wake(_Atomic(uint32_t) *word, int count)
{
    model_futex_wake(word, count);
}

void weft__lock_slow(struct weft__lock *lock)
{
    while (!weft__lock_try(lock))
        weft__spin_hint();
}

_Atomic(uint32_t) weft__latch_sleepers;

/* As in os/latch.c, which the latch's own model has. */
bool weft__latch_straighten(struct weft__latch *latch)
{
    uint32_t state = weft__load(&latch->state, relaxed);
    if (state < WEFT__LATCH_LEANS ||
        !weft__cas(&latch->state, &state, WEFT__LATCH_HELD, acquire, relaxed))
        return false;
    weft__barrier_heavy();
    while (weft__latch_is_inside(state - WEFT__LATCH_LEANS, latch))
        weft__spin_hint();
    return true;
}

void weft__latch_slow(struct weft__latch *latch)
{
    while (!weft__latch_try(latch) && !weft__latch_straighten(latch))
        weft__spin_hint();
}

void weft__panic(const char *format, ...)
{
    model_fail("panic: %s", format);
}

int64_t weft__clock_now(void)
{
    return world_now;
}

int64_t weft__clock_real(void)
{
    return 0;
}

bool weft__clock_is_virtual(void)
{
    return false;
}

#endif
