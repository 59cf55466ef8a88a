/* wait.h - the wait primitive: everything that waits, waits here.
 *
 * A waiter is a task or a plain thread; each has one, whose memory is
 * type-stable. It waits for one thing at a time, under a number of its own, the
 * ticket. Number and state share one word:
 *
 *     word = ticket << 4 | THREAD (constant) | state
 *
 *     RUNNING --begin--> WAITING --fire--> EVENT | CANCELLED | DEADLINE | INTERRUPTED
 *
 * Who wants to end a wait knows the waiter and the ticket and moves WAITING to
 * its reason by compare-and-swap.
 *
 * WAIT-1  Exactly one reason wins: the word leaves WAITING once per ticket.
 * WAIT-2  The winner, and nobody else, makes the waiter runnable, once.
 * WAIT-3  A late party (a timer, a canceller, a queue that the waiter has left)
 *         finds another ticket or another state, and does nothing. It may look,
 *         since the memory is type-stable, for as long as it likes.
 * WAIT-4  A task that was fired may be popped by another worker while it is
 *         still on its way out of its own: whoever pops it waits for on_cpu == 0
 *         (sched/switch.h). So parking itself needs no atomic operation. Two
 *         workers that pop each other's leaving tasks would wait for ever: so
 *         after a while the popper puts the task back and leaves its own stack.
 * WAIT-5  Whoever has called begin() parks, drops the wait, or calls
 *         weft__wait_abandon(); a task that lost the abandoning is queued already and
 *         has to park. That nobody was told the ticket is no excuse: a signal
 *         interrupts whatever wait it finds (hook/deliver.c).
 * WAIT-6  A task holds its worker's seat from begin() to the end of park(), or to an
 *         abandon() that succeeds: it cannot lose its worker in between, when
 *         others may make it runnable already. What it does there is short, and
 *         takes locks only after the seat.
 *
 * How to wait:
 *
 *     ticket = weft__wait_begin(waiter, "read", fd);
 *     ... put (waiter, ticket) where the event will look, under its lock ...
 *     reason = weft__wait_park(waiter, deadline);
 *     ... take it out again unless the event did ... */
#ifndef WEFT_SCHED_WAIT_H
#define WEFT_SCHED_WAIT_H

#include "base/atomic.h"

enum weft__wait_state {
    WEFT__RUNNING = 0,
    WEFT__WAITING = 1,
    WEFT__EVENT = 2,
    WEFT__CANCELLED = 3,
    WEFT__DEADLINE = 4,
    WEFT__INTERRUPTED = 5, /* only where somebody interrupts: src/hook */
};

/* What is waited for, of waits whose object is a site: "file:line function" of a call that
 * another thread makes. */
#define WEFT__WAIT_CALL "blocking call"

#define WEFT__WAIT_STATE 7u
#define WEFT__WAIT_THREAD 8u
#define WEFT__WAIT_SHIFT 4

struct weft_scope;

#define WEFT__FAMILY_LOCKED 1u    /* a canceller looks at the groups */
#define WEFT__FAMILY_CANCELLED 2u /* weft_cancel() */
#define WEFT__FAMILY_BITS ((uintptr_t)3)

struct weft__waiter {
    _Atomic(uint64_t) word;
    struct weft_scope *scope;   /* the innermost entered; the waiter's own */
    _Atomic(const char *) what; /* for dumps: the operation, */
    _Atomic(uint64_t) object;   /* what it is about, */
    _Atomic(int64_t) since;     /* and when it began */
    _Atomic(uintptr_t) family;  /* its innermost group, and WEFT__FAMILY_*: task/cancel.h */
};

/* Only the waiter itself moves to and from WAITING's ticket, so its own look at
 * the word needs no order. */
static inline uint64_t weft__wait_start(struct weft__waiter *waiter)
{
    uint64_t word = weft__load(&waiter->word, relaxed);
    uint64_t ticket = (word >> WEFT__WAIT_SHIFT) + 1;
    /* release: a dump that sees it sees what the wait is about. Wakers get the
     * ticket from elsewhere, by a queue's lock or a CAS. */
    weft__store(&waiter->word,
                ticket << WEFT__WAIT_SHIFT | (word & WEFT__WAIT_THREAD) | WEFT__WAITING, release);
    return ticket;
}

/* The same, and says what is waited for, for dumps. */
static inline uint64_t weft__wait_start_at(struct weft__waiter *waiter, const char *what,
                                           uint64_t object, int64_t now)
{
    /* relaxed, all three: dumps may see them out of step */
    weft__store(&waiter->what, what, relaxed);
    weft__store(&waiter->object, object, relaxed);
    weft__store(&waiter->since, now, relaxed);
    return weft__wait_start(waiter);
}

/* Moves WAITING to `reason`. True: the caller won and must make it runnable. */
static inline bool weft__wait_claim(struct weft__waiter *waiter, uint64_t ticket,
                                    enum weft__wait_state reason)
{
    uint64_t word = weft__load(&waiter->word, relaxed);
    if (word >> WEFT__WAIT_SHIFT != ticket || (word & WEFT__WAIT_STATE) != WEFT__WAITING)
        return false; /* WAIT-3 */
    /* acq_rel: what the winner did before is seen by the waiter after, and the
     * waiter's preparations by the winner. WAIT-1: nobody goes back to WAITING
     * under this ticket, so a failed exchange is final. */
    return weft__cas(&waiter->word, &word, (word & ~(uint64_t)WEFT__WAIT_STATE) | (uint64_t)reason,
                     acq_rel, relaxed);
}

/* Constant for each waiter. */
static inline bool weft__is_thread(struct weft__waiter *waiter)
{
    return weft__load(&waiter->word, relaxed) & WEFT__WAIT_THREAD;
}

static inline enum weft__wait_state weft__wait_state(struct weft__waiter *waiter)
{
    /* acquire: pairs with the exchange in weft__wait_claim() */
    return (enum weft__wait_state)(weft__load(&waiter->word, acquire) & WEFT__WAIT_STATE);
}

/* Begins a wait; `what` and `object` are for dumps. Takes the seat; suspends, but
 * only before the wait has begun. Returns the ticket. */
uint64_t weft__wait_begin(struct weft__waiter *waiter, const char *what, uint64_t object);

/* Parks until the wait is over, at the latest at `deadline`. Suspends. Leaves the
 * seat. */
enum weft__wait_state weft__wait_park(struct weft__waiter *waiter, int64_t deadline);

/* The same until an event or a canceller ends the wait: nothing interrupts it. */
enum weft__wait_state weft__wait_park_firmly(struct weft__waiter *waiter);

/* The same until `deadline` at the latest. */
enum weft__wait_state weft__wait_park_firmly_until(struct weft__waiter *waiter, int64_t deadline);

/* Set by src/hook: whether a task with a thread-local block of its own, which is the
 * caller's, has something to do before it parks. Who gives it something passes the
 * heavy barrier and then looks for a wait to interrupt. May be NULL. */
extern bool (*weft__wait_interrupted)(void);

/* Set with it: a wait of the caller's, which it has taken back wholly, was INTERRUPTED. Does
 * what is to be done, which may suspend; it may leave by a jump only where nobody else
 * knows of the caller's frame, so not out of a start or a supervisor. False: nothing was done; it
 * is for whoever has called, and the wait fails (-EINTR). */
extern bool (*weft__wait_handled)(void);

/* Ends a wait that was begun and is not wanted any more. Returns true when
 * nobody had fired it, and leaves the seat; false: it has been fired and the caller
 * must park. */
bool weft__wait_abandon(struct weft__waiter *waiter, uint64_t ticket);

/* The same, and parks if it has to. A canceller needs no ticket told, and may always have
 * fired it; what a signal's sender has fired it for is met again before the next wait
 * parks. May suspend; the seat is left. */
void weft__wait_drop(struct weft__waiter *waiter, uint64_t ticket);

/* Makes the waiter of a claimed wait runnable: the claim's winner, once. */
void weft__wait_wake(struct weft__waiter *waiter);

struct weft__worker;

/* The same by a task that has its worker's seat. */
void weft__wait_wake_here(struct weft__worker *worker, struct weft__waiter *waiter);

/* Ends somebody's wait for `reason`: claim and wake. False: it was over already. */
bool weft__wait_fire(struct weft__waiter *waiter, uint64_t ticket, enum weft__wait_state reason);

/* As weft__wait_fire() with WEFT__EVENT, for the holder of a worker's seat who
 * wakes many: the task goes to the end of the queue instead of to its front. */
bool weft__wait_fire_queued(struct weft__waiter *waiter, uint64_t ticket);

#endif
