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
 * when to do it again, in real time. Set by src/task. */
extern int64_t (*weft__monitor_errand)(void);

/* Async-signal-safe, while the runtime runs. */
void weft__monitor_call(void);

/* Makes it end. */
void weft__monitor_stop(void);

#endif
