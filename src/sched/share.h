/* share.h - sharing work between workers. */
#ifndef WEFT_SCHED_SHARE_H
#define WEFT_SCHED_SHARE_H

#include "sched/worker.h"

/* Gives half of this worker's tasks away, and wakes somebody to take them. The seat
 * is held. */
WEFT_COLD void weft__share(struct weft__worker *worker);

/* A backlog has begun: how long does it have to last before it is shared? Tasks that work
 * for each other are together again, by their wakes, before somebody would have woken up
 * for one of them; each time that happens, twice as long. Tasks that work for themselves
 * stay where they have come. Judges what was shared last, once, and forgets it after a
 * while: then there may be others. */
void weft__learn_patience(struct weft__worker *worker);

/* Moves what stands on the own shelf's first half, and one of the oldest fresh
 * tasks, to the ready queue: so nothing waits for ever behind newer work. */
void weft__take_oldest(struct weft__worker *worker);

/* Takes what others put into this worker's inboxes. */
void weft__take_inbox(struct weft__worker *worker);

/* The carrier has come by this worker: what is pinned to it runs next, and no claim
 * is answered before that and one task more have had their turn (CARRIER-4). */
void weft__take_own_first(struct weft__worker *worker);

/* Looks at every other worker's shelf; true: got something. */
bool weft__steal(struct weft__worker *worker);

/* If the monitor has found workers whose tasks do not come back: takes the seat of each,
 * and half of what waits behind it: tasks, timers, descriptor events. For busy workers, at
 * their ticks; idle ones do it when they search. True: got something.
 *
 * RESCUE-1  The monitor marks each stuck worker, and then says that there are some. A helper
 *           takes that word back before it looks at the marks, so a mark that it does not
 *           see comes with another word; and it takes it only with the rescue lock, so what
 *           it has taken it does.
 * RESCUE-2  Nobody is obliged to come: the word wakes one sleeper if none searches, and a
 *           searcher may be past it, find other work, or lose its carrier. But the monitor looks
 *           again after LOOK_FIRST for as long as there is a stuck worker, and each time
 *           marks it and wakes somebody anew. A mark of one that has come back meanwhile, or has
 *           been handed off, costs a visit. */
bool weft__help(struct weft__worker *worker);

/* Shared work has been added: wakes a sleeper if that is necessary (PARK-2). */
void weft__notify(void);

/* Wakes this worker if it sleeps. */
bool weft__notify_worker(struct weft__worker *worker);

#endif
