/* scope.h - scopes: what is in force for whoever waits.
 *
 * A scope lives on its owner's stack and points to the one around it. The innermost
 * is found through the waiter; the outermost of a group's child is the group's, which
 * points on to those of the group's owner. So all that can cut a wait short lies on one
 * way outwards, and everybody looks for himself:
 *
 * CANCEL-1  What is on the way outlives the walk without a lock: a scope's owner cannot
 *           leave it before the children of the groups inside have ended.
 * CANCEL-2  No wake is lost. Who waits has stored WAITING, passes the light barrier, and
 *           looks along the way before it parks; who cancels, or moves a deadline, has
 *           stored that in the scope, passes the heavy barrier, and looks for waits to
 *           end (task/cancel.c). One sees the other.
 * CANCEL-3  To be woken says little: the reasons CANCELLED and DEADLINE mean "look
 *           again". weft__scope_error() looks, and returns 0 when nothing is in force
 *           after all: what was cancelled lies outside a shield, the deadline was moved,
 *           or it was a canceller who came late. Then the operation waits anew. So it does
 *           after INTERRUPTED: the handlers have run meanwhile. Only in an interposed call,
 *           which runs them at its end and decides whether to go on, the error is -EINTR.
 * CANCEL-4  A level, not an edge: nothing that is in force is ever taken back by being
 *           reported. A shield ends the walk; so does nothing else.
 * CANCEL-5  Cancelled means it did not happen: only a wait that was not claimed for
 *           EVENT is cut short, and whoever lost to an event completes his operation.
 * CANCEL-6  A scope is left after all cancellers have: they count themselves in before
 *           they store what the owner may see, and out with their last access. What
 *           signal handlers have left for the monitor the owner does himself, since the
 *           monitor may have gone; and a handler that interrupts the leaving either comes
 *           before the owner looks for visitors, or finds the scope `left`.
 *
 * SCOPE-1   A scope is entered once at a time and left in order, by who has entered it, before
 *           his function returns: whatever breaks that where it would be followed into a
 *           frame that is gone, or round in a circle, ends the program with a sentence.
 *
 * How to wait, after weft__checkpoint() and weft__wait_begin():
 *
 *     ended = weft__scope_park(waiter, WEFT_NEVER);
 *     if (ended.reason != WEFT__EVENT) {
 *         ... take it out of where the event looks ...
 *         rc = weft__scope_error(waiter, ended);   0: begin again */
#ifndef WEFT_TASK_SCOPE_H
#define WEFT_TASK_SCOPE_H

#include <errno.h>

#include "lockfree/inbox.h"
#include "sched/park.h"
#include "weft/scope.h"

struct weft__scope {
    struct weft_scope *outer;
    struct weft__waiter *owner; /* who has entered it */
    _Atomic(int64_t) deadline;  /* its own */
    _Atomic(uint32_t) visitors; /* cancellers inside: CANCEL-6 */
    uint32_t depth;             /* among its owner's */
    _Atomic(bool) cancelled;
    _Atomic(bool) expired;        /* a cancellation point has said so */
    bool shield;                  /* constant */
    _Atomic(bool) left;           /* for handlers that have interrupted the leaving */
    struct weft__inbox_node post; /* while it waits for the monitor */
};

_Static_assert(sizeof(struct weft__scope) <= sizeof(weft_scope), "the public size");

static inline struct weft__scope *weft__scope_of(struct weft_scope *scope)
{
    return (struct weft__scope *)(void *)scope;
}

static inline const struct weft__scope *weft__scope_seen(const struct weft_scope *scope)
{
    return (const struct weft__scope *)(const void *)scope;
}

/* How a wait has ended; `deadline`: when it would have at the latest. */
struct weft__ended {
    enum weft__wait_state reason;
    int64_t deadline;
};

/* weft__wait_park() until `until` or the deadline in force at the latest, unless
 * something is in force already. */
struct weft__ended weft__scope_park(struct weft__waiter *waiter, int64_t until);

/* The same without `until`. */
WEFT_INLINE struct weft__ended weft__scope_park_for_long(struct weft__waiter *waiter)
{
    if (weft__likely(!weft__is_thread(waiter))) {
        struct weft_task *self = weft__task_of(waiter);
        weft__barrier_light(); /* CANCEL-2 */
        if (weft__likely(((uintptr_t)waiter->scope | weft__load(&waiter->family, relaxed)) == 0) &&
            !weft__may_be_interrupted(self))
            return (struct weft__ended){ weft__park(self), INT64_MAX };
    }
    return weft__scope_park(waiter, INT64_MAX);
}

/* The error for a wait that ended for a reason that is not EVENT, and of which nobody knows
 * any more; marks the scope whose deadline it was. 0: none (CANCEL-3). May suspend. */
int weft__scope_error(struct weft__waiter *waiter, struct weft__ended ended);

/* The deadline in force, also where a scope is cancelled. */
int64_t weft__scope_deadline(struct weft__waiter *waiter);

/* What is in force for code of `owner` from `scope`, which may be NULL, outwards: 0,
 * -ECANCELED or -ETIMEDOUT; marks as weft__scope_error(). With 0 the deadline in force
 * is stored, if that is asked for. */
int weft__scope_look(struct weft__waiter *owner, struct weft_scope *scope, int64_t *ret_deadline);

/* The same for cancellation alone, as if no deadline had passed. */
bool weft__scope_is_cancelled(struct weft__waiter *owner, struct weft_scope *scope);

/* Every cancellation point begins with this: 0, -ECANCELED or -ETIMEDOUT. */
int weft__checkpoint_slow(struct weft__waiter *waiter);

static inline int weft__checkpoint(struct weft__waiter *waiter)
{
    uintptr_t family = weft__load(&waiter->family, relaxed); /* looked at again: CANCEL-2 */
    return weft__likely(((uintptr_t)waiter->scope | family) == 0) ? 0
                                                                  : weft__checkpoint_slow(waiter);
}

/* The caller's waiter. Where a thread has none ends the program; `who`: the function that has no
 * other way to say so. */
struct weft__waiter *weft__scope_self(const char *who);

/* As weft_scope_enter(), by this waiter. */
void weft__scope_begin(struct weft__waiter *waiter, struct weft_scope *scope, int64_t deadline,
                       bool shield);

/* As weft_scope_leave(). `who`: the function to blame if it is not the innermost. */
void weft__scope_end(struct weft__waiter *waiter, struct weft_scope *scope, const char *who);

/* For who has others inside a shield, and waits himself for what happens outside of it: from
 * now on the waiter, which is the caller's, stands in `scope`, which it has entered, as if
 * it had entered no other since. Meanwhile it enters and leaves none. Returns where it
 * stood, and has to stand again. Whoever cancels `scope`, or one around it, finds the waiter
 * either way: he asks for the owner and for the depth (task/cancel.h). */
static inline struct weft_scope *weft__scope_stand(struct weft__waiter *waiter,
                                                   struct weft_scope *scope)
{
    struct weft_scope *stood = waiter->scope;
    waiter->scope = scope;
    return stood;
}

#endif
