/* carrier.h - the OS threads. */
#ifndef WEFT_SCHED_CARRIER_H
#define WEFT_SCHED_CARRIER_H

/* The thread's function; `carrier` is a struct weft__carrier that has its worker. */
void *weft__carrier_main(void *carrier);

/* Where weft__self() looks in the block of another thread. */
struct weft_task **weft__current_at(char *thread_pointer);

/* Set by src/observe: readies the calling thread for reporting crashes, and
 * undoes it. May be NULL. */
extern void (*weft__on_carrier_thread)(void *carrier, int starting);

#endif
