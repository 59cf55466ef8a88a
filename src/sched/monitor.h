/* monitor.h - one thread that sees to it that no work waits behind a task that
 * does not come back, and that unused memory goes back to the kernel. */
#ifndef WEFT_SCHED_MONITOR_H
#define WEFT_SCHED_MONITOR_H

/* The thread's function. */
void *weft__monitor_main(void *unused);

/* Makes it end. */
void weft__monitor_stop(void);

#endif
