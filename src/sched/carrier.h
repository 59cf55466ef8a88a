/* carrier.h - the OS threads, and which of them serves which worker.
 *
 * A task that holds its worker for too long, because it computes or because it
 * sits in a blocking call, keeps its carrier and loses its worker: another
 * carrier takes the worker over and goes on with what waits there.
 *
 *     SERVES --hand-off, by the monitor--> AWAY --its task enters--> SPARE or CLAIMS
 *     SPARE  --somebody's hand-off-------> SERVES
 *     SPARE  --a pinned task is woken----> CLAIMS
 *     CLAIMS --a worker's tick-----------> SERVES, and whose worker it was: SPARE
 *
 * CARRIER-1  A worker is served by one carrier, which is in the state SERVES; who
 *            serves whom changes under the runtime's rescue_lock, so it stays as
 *            it is for a rescuer, and its carriers_lock, and only while the
 *            worker's seat is held: by the carrier itself, which is in its idle
 *            context, or by the monitor, which has taken it.
 * CARRIER-2  A carrier that is AWAY touches nothing of its former worker's
 *            (SEAT-4). Its task, when it next wants to suspend, saves its context
 *            and goes to the idle context, which makes it runnable elsewhere; so
 *            it is in no queue before its context is complete.
 * CARRIER-3  No pinned task is forgotten. Who makes one runnable puts it into the
 *            carrier's inbox and then looks at the state; who stops serving
 *            publishes its state and then looks into the inbox. All four are
 *            seq_cst. A claim is published like shared work: a worker that falls
 *            asleep looks for claims after it has announced it (PARK-2).
 * CARRIER-4  Carriers that claim do not pass a worker round among themselves: who
 *            gets one runs all that it has claimed it for, and one task more, so
 *            that those without a claim have their turn, before it answers the
 *            next claim; or it has nothing to run. */
#ifndef WEFT_SCHED_CARRIER_H
#define WEFT_SCHED_CARRIER_H

#include "sched/worker.h"

/* The thread's function; `carrier` is a struct weft__carrier that has its worker. */
void *weft__carrier_main(void *carrier);

/* Readies a carrier for its thread, and starts it: 0 or an error number. */
void weft__carrier_init(struct weft__carrier *carrier, struct weft__worker *worker);
int weft__carrier_start(struct weft__carrier *carrier);

/* The running task's worker was given away: makes the task runnable elsewhere.
 * Suspends; on return a worker's seat is held. */
WEFT_COLD void weft__come_home(struct weft_task *self);

/* A task has been put into this carrier's inbox. Any thread. */
void weft__carrier_has_post(struct weft__carrier *carrier);

/* The monitor: gives the worker of a task that does not come back to another
 * carrier. `switches`: the worker's, when that task was seen. False: it came back, or
 * there is no carrier to be had. */
bool weft__hand_off(struct weft__worker *worker, uint64_t switches);

/* For a task that is to be pinned, by a thread that has no worker: a carrier that has
 * one, since others may be away for long. */
struct weft__carrier *weft__choose_carrier(void);

/* The idle context: gives its worker to a carrier that claims one. False: none
 * does. The worker is not to be touched after. */
bool weft__answer_claim(struct weft__worker *worker);

/* Waits for a worker. False: the runtime closes. */
bool weft__await_worker(struct weft__carrier *carrier);

/* The runtime closes: all carriers that wait end. */
void weft__dismiss_carriers(void);

/* What weft__self() returns. initial-exec: read in signal handlers, where the loader
 * must not be needed. To be read directly only by functions that are not inlined and
 * do not suspend. */
extern _Thread_local struct weft_task *weft__current
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* The same in the block of another thread. */
struct weft_task **weft__current_at(char *thread_pointer);

/* Set by src/observe: readies the calling thread for reporting crashes, and
 * undoes it. May be NULL. */
extern void (*weft__on_carrier_thread)(void *carrier, int starting);

#endif
