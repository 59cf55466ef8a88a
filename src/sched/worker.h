/* worker.h - workers, carriers, and the runtime that owns them.
 *
 * A worker is a slot in which one task at a time runs: its queues, timers,
 * poller and caches. A carrier is the OS thread that serves a worker. */
#ifndef WEFT_SCHED_WORKER_H
#define WEFT_SCHED_WORKER_H

#include <pthread.h>

#include "base/random.h"
#include "lockfree/inbox.h"
#include "lockfree/seat.h"
#include "lockfree/sleepers.h"
#include "mem/pool.h"
#include "mem/stack.h"
#include "os/latch.h"
#include "reactor/poller.h"
#include "reactor/ring.h"
#include "sched/queue.h"
#include "sched/task.h"
#include "time/wheel.h"
#include "weft/runtime.h"

#define WEFT__WORKERS_MAX WEFT__LATCH_SECTIONS /* a section for each */

/* Picks between two looks at the clock, the poller and the shelf: at most this
 * many, and fewer when tasks run long, so that a look comes every TICK_TIME ns. */
#define WEFT__TICK 64
#define WEFT__TICK_TIME 50000
/* The poller is asked once all that was ready has had a turn, or after this long. */
#define WEFT__POLL_TIME 1000000
/* How long work has to wait, in nanoseconds, before others are woken for it. Less
 * wakes them for bursts that their owner would be done with sooner. Each time that
 * was in vain it is twice as long, up to: */
#define WEFT__PATIENCE 10000
#define WEFT__PATIENCE_MOST 160000
/* After so long without sharing it is as at the beginning again. */
#define WEFT__FORGET 10000000
/* As long as a thread takes to wake up, about, in nanoseconds. */
#define WEFT__WAKE_UP 50000
/* How long at most what was given away is left for those who were woken: some times
 * as long as a thread takes to wake up. */
#define WEFT__LOAN 250000
/* Tasks run from the front slot in a row before the queues get their turn. */
#define WEFT__FRONT_RUNS 32
/* Operations a task may complete without suspending, and in how many bits it varies: see
 * weft__budget_next(). */
#define WEFT__BUDGET 128
#define WEFT__BUDGET_BITS 5
/* Fresh tasks kept private; that many make a bundle. */
#define WEFT__FRESH_PRIVATE 32

/* What a spawner keeps for itself: free control blocks, and numbers for new tasks.
 * Each worker has one, and each plain thread (sched/thread.h). */
struct weft__stock {
    struct weft__magazine tasks;
    uint64_t next_id, last_id;
};

struct weft__worker {
    /* What every pick touches. Under the seat. */
    struct weft__seat *seat;           /* its carrier's */
    uint32_t quantum;                  /* picks left until the next tick, */
    uint32_t quanta;                   /* of this many */
    uint32_t front_runs;               /* picks from `front` in a row */
    _Atomic(struct weft_task *) front; /* made runnable last, by a task: runs next */
    struct weft__queue ready;
    struct weft__queue fresh;
    unsigned index;
    struct weft__carrier *carrier;
    struct weft_task **current; /* its carrier's */
    struct weft_task *leaving;  /* switched away from, not yet off the CPU */
    bool fresh_turn;            /* fresh and ready take turns */
    _Atomic(uint64_t) switches;
    int64_t backlog_since;   /* others would like some of our work since then; 0: not looked yet */
    int32_t look;            /* picks with a backlog until it is looked at */
    uint32_t pick_time;      /* what a pick took of late, in nanoseconds */
    uint64_t claimable_from; /* so many switches: CARRIER-4 */
    _Atomic(int) tid;        /* its carrier's, for the monitor; 0: not there yet */
    uint32_t sections;       /* numbers for: */
    _Atomic(uint64_t) section; /* the one that its task is in: section.h */

    /* What spawning and ending touch. Under the seat. */
    struct weft__stock stock;
    struct weft__magazine timers, blocks, stacks[WEFT__STACK_SIZES];
    _Atomic(uint64_t) spawned, ended;

    /* What a tick touches. Under the seat. */
    _Atomic(int64_t) now; /* the clock at the last tick or poll */
    int64_t ticked;       /* the clock at the last tick */
    int64_t polled;       /* when the poller was last asked */
    uint64_t round;       /* `switches` when all that was ready then has had its turn */
    int64_t loan_ends;    /* until then the shelf's given tasks are left to others */
    int64_t exchanged;    /* ready tasks with others, the last time */
    bool judged;          /* it has been, whether that was in vain: share.c */
    int32_t patience;     /* so long a backlog has to have been there, in nanoseconds */
    bool came_back;       /* since the exchange: a task that ran elsewhere, or nobody came */
    uint64_t random;
    struct weft__lot *lot; /* with a seed: all runnable tasks, else NULL */
    struct weft__poller poller;
    struct weft__wheel wheel;
    _Atomic(int64_t) next_timer; /* for the monitor: TIMER-5 */
    _Atomic(uint64_t) steals, stolen, parks, polls, events;

    /* Shared. */
    WEFT_ALIGNED(WEFT_CACHE_LINE) struct weft__shelf shelf;
    struct weft__sleeper sleeper;
    _Atomic(bool) stuck;         /* to be helped: RESCUE-1 */
    struct weft__inbox disarmed; /* timers that others have disarmed */
    struct weft__ring ring;      /* has its own locks: RING-2 */
};

/* See sched/carrier.c. */
enum weft__carrier_state {
    WEFT__CARRIER_SERVES,
    WEFT__CARRIER_AWAY,   /* its task goes on without a worker */
    WEFT__CARRIER_SPARE,  /* waits for a worker that needs one */
    WEFT__CARRIER_CLAIMS, /* wants a worker: it has pinned tasks to run */
    WEFT__CARRIER_ENDS,
    WEFT__CARRIER_GONE, /* its thread has been joined: for a new one */
};

struct weft__carrier {
    struct weft_task idle; /* its own context: the search for work */
    struct weft__seat seat;
    uint32_t budget;         /* operations the task may still complete without suspending */
    uint32_t sections;       /* that the task has begun since it arrived, and not ended */
    _Atomic(uint32_t) state; /* enum weft__carrier_state; under the carriers' lock */
    _Atomic(struct weft__worker *) worker; /* NULL: none; else the one it serves, or has lost */
    struct weft__inbox inbox;              /* runnable tasks that are pinned here, from elsewhere */
    struct weft__list link;                /* in one of the runtime's lists */
    struct weft_task *homecomer; /* the task that has brought it home, for its idle context */
    struct weft_task **current;  /* where the thread keeps weft__self() */
    /* CARRIER-5: tasks that are pinned here. By its own thread, for those that it pins less
     * those that are no more; by others, under the carriers' lock. The sum counts. */
    _Atomic(uint32_t) pinned, pinned_by_others;
    /* Waits that something outside the runtime ends (descriptors, helper
     * threads) begun minus ended here; the sum over all carriers counts. */
    _Atomic(int64_t) outside;
    void *thread_pointer;
    void *signal_stack;
    pthread_t thread;
    _Atomic(int) tid;
    _Atomic(uint64_t) losses; /* of a worker, so far: the watchdog's hint */
    _Atomic(uint64_t) nudged; /* src/hook's */
};

/* The highest limit for carriers beyond one for each worker, and the default. */
#define WEFT__CARRIERS_MORE 1024

enum weft__monitor_state {
    WEFT__MONITOR_LOOKS,
    WEFT__MONITOR_RESTS,  /* until its time has come, */
    WEFT__MONITOR_NAPS,   /* which is soon */
    WEFT__MONITOR_ASLEEP, /* until a worker wakes */
};

struct weft__runtime {
    /* Read by every pick, written when a worker falls asleep or wakes, or a carrier
     * wants one. */
    WEFT_ALIGNED(WEFT_CACHE_LINE) struct weft__sleepers sleepers;
    _Atomic(uint32_t) claims; /* carriers in `claiming` */

    WEFT_ALIGNED(WEFT_CACHE_LINE) _Atomic(bool) running; /* tasks may be spawned */
    _Atomic(bool) closing;                               /* carriers end */
    _Atomic(bool) cancelled;                             /* weft_cancel_all() */
    unsigned workers;
    struct weft__worker *worker;   /* [workers] */
    struct weft__carrier *carrier; /* [workers + WEFT__CARRIERS_MORE] */
    sigset_t host_mask;            /* of the thread that started the runtime */
    _Atomic(uint32_t) carriers;    /* that have ever been started: the first so many */
    pthread_t monitor_thread;
    struct weft_config config;

    struct weft__pool tasks, timers;
    struct weft__stacks stacks;

    /* What plain threads count; workers count their own. */
    WEFT_ALIGNED(WEFT_CACHE_LINE) _Atomic(uint64_t) spawned;
    _Atomic(uint64_t) next_id;
    _Atomic(uint32_t) next_shelf;

    _Atomic(bool) awaited;         /* a plain thread waits for the end */
    _Atomic(uint32_t) monitor;     /* enum weft__monitor_state */
    _Atomic(bool) rescue;          /* the monitor has marked workers as stuck: RESCUE-1 */
    struct weft__lock rescue_lock; /* one rescuer at a time; who serves whom stays */

    struct weft__lock carriers_lock; /* their states and lists; after the one above */
    struct weft__list spare, claiming;
    struct weft__list retired, gone;  /* CARRIER-6: their threads end, have ended */
    _Atomic(uint32_t) retiring, lost; /* carriers in these two */
    _Atomic(uint32_t) away;           /* tasks that have lost their worker and run on none yet */
    _Atomic(uint64_t) handoffs;

    /* What other threads may touch at any time: a start resets only what is before. */
    WEFT_ALIGNED(WEFT_CACHE_LINE) _Atomic(bool) open; /* guests may bring work */
    _Atomic(bool) stopping;                           /* weft_stop() waits, or weft_run() */
    _Atomic(uint32_t) guests;     /* other threads inside: the end waits for them */
    _Atomic(uint32_t) idle_event; /* counts up when weft_stop() should look again */
};

extern struct weft__runtime weft__rt;

/* The carrier that runs the calling task. */
WEFT_INLINE struct weft__carrier *weft__carrier_of(struct weft_task *self)
{
    return weft__container_of(self->seat, struct weft__carrier, seat);
}

/* What a task that has just given way may complete before it does so again. Not always as much:
 * whoever held a lock at every so many of its operations would have it in its hands each time. */
WEFT_INLINE uint32_t weft__budget_next(struct weft_task *self)
{
    uint64_t mixed = weft__load(&self->worker->switches, relaxed) * 0x9e3779b97f4a7c15u;
    uint32_t more = (uint32_t)(mixed >> (64 - WEFT__BUDGET_BITS));
    return WEFT__BUDGET - (1 << WEFT__BUDGET_BITS) / 2 + more;
}

/* Whether a carrier claims a worker, and may have this one. Under the seat. */
WEFT_INLINE bool weft__is_claimed(struct weft__worker *worker)
{
    return weft__load(&weft__rt.claims, relaxed) && /* sleepers look again: CARRIER-3 */
           weft__load(&worker->switches, relaxed) >= worker->claimable_from;
}

/* Under the seat; the monitor looks as well, hence atomic. */
WEFT_INLINE struct weft_task *weft__front(struct weft__worker *worker)
{
    return weft__load(&worker->front, relaxed);
}

WEFT_INLINE void weft__set_front(struct weft__worker *worker, struct weft_task *task)
{
    weft__store(&worker->front, task, relaxed);
}

/* Tasks alive: spawned and not ended. Exact when it is 0 and no plain thread
 * spawns; else true of some moment around the call. */
uint64_t weft__tasks_alive(void);

/* A thread that is not the runtime's is about to touch what weft_stop() takes
 * down, or has done with it. weft_stop() waits. Leaving is its last act there. */
void weft__guest_enter(void);
void weft__guest_leave(void);

/* As weft__guest_enter(), for who brings work: whether a runtime takes it. Until the guest
 * leaves, what it brings keeps the runtime, and is not too late. False: it is none.
 * Async-signal-safe, as the other two. */
bool weft__guest_bring(void);

/* For who only looks, a task or any other thread: whether there is a runtime, which is then
 * there until the visit ends. Async-signal-safe. */
bool weft__visit_begin(void);
void weft__visit_end(void);

/* For weft_stop(), which has said that it waits (`stopping`): until there is no task and no
 * guest. Then, nobody brings anything any more; false: somebody has meanwhile, and may. */
void weft__await_quiet(void);
bool weft__close_doors(void);

/* The same, after that: until there is no guest. Those who come find that nothing runs. */
void weft__await_guests(void);

#endif
