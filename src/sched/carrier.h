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
 *     SPARE  --nothing to do for a while-> ENDS --its thread has ended--> GONE
 *     GONE   --a hand-off, none is spare-> SERVES, with another thread
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
 *            next claim; or it has nothing to run.
 * CARRIER-5  No task is pinned to a carrier whose thread ends. Only a carrier that is
 *            SPARE ends by itself, and under the carriers' lock, with no pinned task
 *            counted. It counts those that it pins, and those that end or are unpinned,
 *            itself, while it runs one; so these counts stand still while it is SPARE.
 *            Others choose and count under the lock, and only who serves a worker.
 *            A carrier that serves, is away or claims never ends, so there are always at
 *            least as many as workers.
 * CARRIER-6  A thread is joined once, and its carrier used again only after: who retires is
 *            on the list `retired` until the monitor finds that the kernel has forgotten the
 *            thread, joins it and sets GONE; weft_stop() joins those that are not GONE. Until
 *            then nothing is a deadlock, for the thread has callbacks to run; then workers
 *            that sleep look again. The carrier itself stays where it is, with its count of
 *            waits outside: whoever comes with an old pointer, to post or to nudge, finds a
 *            carrier, that of another thread at worst, and both know that it may be. */
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
 * carrier. `switches`: the worker's, when that task was seen; `section`: the blocking
 * section that this is for (section.h), or 0. False: it came back, or there is no carrier
 * to be had. */
bool weft__hand_off(struct weft__worker *worker, uint64_t switches, uint64_t section);

/* For a task that is to be pinned, by a thread that has no worker: a carrier that has
 * one, since others may be away for long. The task is counted: CARRIER-5. */
struct weft__carrier *weft__choose_carrier(void);

/* By the carrier's own thread: so many more tasks are pinned to it. */
WEFT_INLINE void weft__count_pinned(struct weft__carrier *carrier, int change)
{
    weft__bump(&carrier->pinned, (uint32_t)change);
}

/* How many have a thread. */
WEFT_INLINE uint32_t weft__carriers_alive(void)
{
    return weft__load(&weft__rt.carriers, relaxed) - weft__load(&weft__rt.lost, relaxed);
}

/* The idle context: gives its worker to a carrier that claims one. False: none
 * does. The worker is not to be touched after. */
bool weft__answer_claim(struct weft__worker *worker);

/* Waits for a worker. False: the thread is to end, since the runtime closes or nobody has
 * wanted it for a while. */
bool weft__await_worker(struct weft__carrier *carrier);

/* It has waited for long: false, it is wanted, by a worker or a task that is pinned to it. */
bool weft__carrier_retires(struct weft__carrier *carrier);

/* The monitor: a carrier of which nothing is left, for a thread that is new; NULL: none. Or
 * it has come to nothing. Under the carriers' lock. */
struct weft__carrier *weft__carrier_revive(void);
void weft__carrier_lose(struct weft__carrier *carrier);

/* The runtime closes: all carriers that wait end. */
void weft__dismiss_carriers(void);

/* Where weft__self() looks, in the block of another thread. */
struct weft_task **weft__current_at(char *thread_pointer);

/* Set by src/observe: readies the calling thread for reporting crashes, and
 * undoes it. May be NULL. */
extern void (*weft__on_carrier_thread)(void *carrier, int starting);

#endif
