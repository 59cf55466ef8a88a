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
#include "reactor/poller.h"
#include "sched/queue.h"
#include "sched/task.h"
#include "time/wheel.h"
#include "weft/runtime.h"

#define WEFT__WORKERS_MAX 1024

/* Picks between two looks at the clock, the poller and the shelf: at most this
 * many, and fewer when tasks run long, so that a look comes every TICK_TIME ns. */
#define WEFT__TICK 64
#define WEFT__TICK_TIME 50000
/* Tasks run from the front slot in a row before the queues get their turn. */
#define WEFT__FRONT_RUNS 32
/* Operations a task may complete without suspending. */
#define WEFT__BUDGET 128
/* Fresh tasks kept private; that many make a bundle. */
#define WEFT__FRESH_PRIVATE 32

struct weft__worker {
    /* What every pick touches. Under the seat. */
    struct weft__seat seat;
    uint32_t quantum;                  /* picks left until the next tick, */
    uint32_t quanta;                   /* of this many */
    uint32_t front_runs;               /* picks from `front` in a row */
    _Atomic(struct weft_task *) front; /* made runnable last, by a task: runs next */
    struct weft__queue ready;
    struct weft__queue fresh;
    struct weft__carrier *carrier;
    struct weft_task **current; /* where the carrier keeps weft__self() */
    struct weft_task *leaving;  /* switched away from, not yet off the CPU */
    uint32_t budget;            /* operations the task may still complete without suspending */
    bool fresh_turn;            /* fresh and ready take turns */
    uint8_t backlog_picks;      /* picks in a row with work that others would like */
    _Atomic(uint64_t) switches;

    /* What spawning and ending touch. Under the seat. */
    struct weft__magazine tasks, stacks, timers, blocks;
    _Atomic(uint64_t) spawned, ended;
    uint64_t next_id, last_id;

    /* What a tick touches. Under the seat. */
    _Atomic(int64_t) now; /* the clock at the last tick or poll */
    int64_t ticked;       /* the clock at the last tick */
    int64_t polled;       /* when the poller was last asked */
    uint64_t random;
    struct weft__lot *lot; /* with a seed: all runnable tasks, else NULL */
    struct weft__poller poller;
    struct weft__wheel wheel;
    _Atomic(int64_t) next_timer; /* for the monitor */
    _Atomic(uint64_t) steals, stolen, parks, polls, events;
    /* Waits that something outside the runtime ends (descriptors, helper
     * threads) begun minus ended here; the sum over all workers counts. */
    _Atomic(int64_t) outside;

    /* Shared. */
    WEFT_ALIGNED(WEFT_CACHE_LINE) struct weft__shelf shelf;
    struct weft__sleeper sleeper;
    struct weft__inbox disarmed; /* timers that others have disarmed */
    unsigned index;
};

struct weft__carrier {
    struct weft_task idle; /* its own context: the search for work */
    struct weft__worker *worker;
    struct weft__inbox inbox; /* runnable tasks that are pinned here, from elsewhere */
    void *thread_pointer;
    void *signal_stack;
    pthread_t thread;
};

enum weft__monitor_state {
    WEFT__MONITOR_LOOKS,
    WEFT__MONITOR_RESTS,  /* until its time has come */
    WEFT__MONITOR_ASLEEP, /* until a worker wakes */
};

struct weft__runtime {
    /* Read by every pick, written when a worker falls asleep or wakes. */
    WEFT_ALIGNED(WEFT_CACHE_LINE) struct weft__sleepers sleepers;

    WEFT_ALIGNED(WEFT_CACHE_LINE) _Atomic(bool) running; /* tasks may be spawned */
    _Atomic(bool) stopping;                              /* weft_stop() waits */
    _Atomic(bool) closing;                               /* carriers end */
    unsigned workers;
    struct weft__worker *worker;   /* [workers] */
    struct weft__carrier *carrier; /* [workers] */
    pthread_t monitor_thread;
    struct weft_config config;

    struct weft__pool tasks, timers;
    struct weft__stacks stacks;

    /* What plain threads count; workers count their own. */
    WEFT_ALIGNED(WEFT_CACHE_LINE) _Atomic(uint64_t) spawned;
    _Atomic(uint64_t) next_id;
    _Atomic(uint32_t) next_shelf;

    _Atomic(uint32_t) idle_event;  /* counts up when weft_stop() should look again */
    _Atomic(bool) awaited;         /* a plain thread waits for the end */
    _Atomic(uint32_t) guests;      /* other threads inside: the end waits for them */
    _Atomic(uint32_t) monitor;     /* enum weft__monitor_state */
    _Atomic(uint32_t) rescue;      /* worker to help + 1, set by the monitor */
    struct weft__lock rescue_lock; /* one rescuer at a time */
};

extern struct weft__runtime weft__rt;

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

#endif
