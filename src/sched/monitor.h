/* monitor.h - one thread that sees to it that no work waits behind a task that
 * does not come back, and that unused memory goes back to the kernel. */
#ifndef WEFT_SCHED_MONITOR_H
#define WEFT_SCHED_MONITOR_H

#include "base/atomic.h"

/* Plain threads that wait for a descriptor. */
extern _Atomic(int64_t) weft__threads_outside;

/* The thread's function. */
void *weft__monitor_main(void *unused);

/* What it does soon after weft__monitor_call(), and when that has asked for it: returns
 * when to do it again, in real time. */
struct weft__errand {
    int64_t (*fn)(void);
    struct weft__errand *next;
};

/* `errand` is static storage; for constructors. */
void weft__monitor_add(struct weft__errand *errand);

/* Async-signal-safe, while the runtime runs. */
void weft__monitor_call(void);

/* Tasks that it was asked to spawn and has not: as long as there are any nothing is a
 * deadlock. */
extern _Atomic(uint32_t) weft__monitor_spawns;

/* Whether somebody has called it, or asked it to spawn, and it is not done with that. Who
 * finds that it is not so finds what it has made runnable in the queues. */
bool weft__monitor_owes(void);

/* Whether workers are taken away from tasks that do not come back. With a seed or the
 * virtual clock one carrier runs everything, in its order. */
bool weft__hands_off(void);

/* A task may block, and others wait behind it: the monitor looks soon. Any task. */
void weft__monitor_hurry(void);

/* Makes it end. */
void weft__monitor_stop(void);

#endif
