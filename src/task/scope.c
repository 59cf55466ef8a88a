/* The protocol is at the head of scope.h. */
#include "task/scope.h"

#include <sched.h>

#include "base/assert.h"
#include "os/barrier.h"
#include "sched/schedule.h"
#include "task/cancel.h"
#include "task/cleanup.h"
#include "task/group.h"
#include "time/clock.h"
#include "weft/time.h"

/* A walk along the way outwards: CANCEL-1. */
struct walk {
    int64_t now;               /* what has passed by then; or: */
    int64_t nearest;           /* of the deadlines passed by, found on the way */
    struct weft__scope *whose; /* deadline has passed; found */
};

#define ASK_CLOCK INT64_MIN /* only if a deadline is met */
#define NO_TIME (INT64_MIN + 1)

static bool has_passed(struct walk *walk, int64_t deadline)
{
    if (deadline < walk->nearest)
        walk->nearest = deadline;
    if (deadline == WEFT_NEVER)
        return false;
    if (walk->now == ASK_CLOCK)
        walk->now = weft__clock_now();
    return deadline <= walk->now;
}

/* From `at` outwards, for code of `owner`: 0, -ECANCELED or -ETIMEDOUT. */
static int look(struct walk *walk, struct weft__waiter *owner, struct weft_scope *at)
{
    walk->nearest = WEFT_NEVER;
    for (;;) {
        struct weft__scope *scope = at ? weft__scope_of(at) : NULL;
        if (!scope || scope->owner != owner) { /* all that its owner has entered is behind us */
            if (weft__load(&owner->family, acquire) & WEFT__FAMILY_CANCELLED)
                return -ECANCELED;
            if (!scope)
                return 0;
            owner = scope->owner;
        }
        if (weft__load(&scope->cancelled, acquire)) /* pairs with the canceller's store */
            return -ECANCELED;
        /* acquire: who sees what a canceller has stored sees him counted in (CANCEL-6) */
        if (has_passed(walk, weft__load(&scope->deadline, acquire))) {
            walk->whose = scope;
            return -ETIMEDOUT;
        }
        if (scope->shield)
            return 0; /* CANCEL-4 */
        at = scope->outer;
    }
}

static int look_and_mark(struct walk *walk, struct weft__waiter *owner, struct weft_scope *at)
{
    int rc = look(walk, owner, at);
    if (rc == -ETIMEDOUT)
        weft__store(&walk->whose->expired, true, relaxed); /* read after the end of its writers */
    return rc;
}

int weft__scope_look(struct weft__waiter *owner, struct weft_scope *scope, int64_t *ret_deadline)
{
    struct walk walk = { .now = ASK_CLOCK };
    int rc = look_and_mark(&walk, owner, scope);
    if (ret_deadline)
        *ret_deadline = walk.nearest;
    return rc;
}

bool weft__scope_is_cancelled(struct weft__waiter *owner, struct weft_scope *scope)
{
    struct walk walk = { .now = NO_TIME };
    return look(&walk, owner, scope) == -ECANCELED;
}

int64_t weft__scope_deadline(struct weft__waiter *waiter)
{
    int64_t nearest = WEFT_NEVER;
    for (const struct weft_scope *at = waiter->scope; at;) {
        const struct weft__scope *scope = weft__scope_seen(at);
        int64_t deadline = weft__load(&scope->deadline, acquire); /* CANCEL-6 */
        if (deadline < nearest)
            nearest = deadline;
        at = scope->shield ? NULL : scope->outer; /* CANCEL-4 */
    }
    return nearest;
}

int weft__checkpoint_slow(struct weft__waiter *waiter)
{
    return weft__scope_look(waiter, waiter->scope, NULL);
}

int weft__scope_error(struct weft__waiter *waiter, struct weft__ended ended)
{
    if (ended.reason == WEFT__INTERRUPTED && !weft__wait_handled())
        return -EINTR;
    /* What the wait's timer has waited for has passed, whatever the clock says: a
     * thread's timer is real where the clock is virtual. */
    struct walk walk = { .now = ended.reason == WEFT__DEADLINE ? ended.deadline : ASK_CLOCK };
    return look_and_mark(&walk, waiter, waiter->scope);
}

static struct weft__ended park(struct weft__waiter *waiter, int64_t deadline)
{
    return (struct weft__ended){ weft__wait_park(waiter, deadline), deadline };
}

struct weft__ended weft__scope_park(struct weft__waiter *waiter, int64_t until)
{
    /* CANCEL-2. A thread may wait before the process has its barriers. */
    if (weft__unlikely(weft__is_thread(waiter)))
        weft__barrier_full();
    else
        weft__barrier_light();
    if (weft__likely(((uintptr_t)waiter->scope | weft__load(&waiter->family, relaxed)) == 0))
        return park(waiter, until);
    struct walk walk = { .now = NO_TIME };
    int rc = look(&walk, waiter, waiter->scope);
    uint64_t ticket = weft__load(&waiter->word, relaxed) >> WEFT__WAIT_SHIFT;
    if (rc && weft__wait_abandon(waiter, ticket))
        return (struct weft__ended){ WEFT__CANCELLED, until };
    return park(waiter, walk.nearest < until ? walk.nearest : until);
}

static int refuse(struct weft__waiter *waiter)
{
    bool serves = weft__task_of(waiter)->flags & WEFT__TASK_SERVICE;
    return serves ? 0 : weft__checkpoint_slow(waiter);
}

__attribute__((constructor)) static void set_refusal(void)
{
    weft__refuse = refuse;
}

struct weft__waiter *weft__scope_self(const char *who)
{
    struct weft__waiter *waiter = weft__waiter_self();
    if (weft__unlikely(!waiter))
        weft__panic("%s: no memory, or no pthread key, for a thread's first call", who);
    return waiter;
}

void weft__scope_begin(struct weft__waiter *waiter, struct weft_scope *scope, int64_t deadline,
                       bool shield)
{
    struct weft_scope *outer = waiter->scope;
    if (weft__unlikely(outer == scope)) /* SCOPE-1 */
        weft__panic("a scope or group is entered that has been entered already and not left");
    bool same = outer && weft__scope_of(outer)->owner == waiter;
    *weft__scope_of(scope) = (struct weft__scope){
        .outer = outer,
        .owner = waiter,
        .deadline = deadline,
        .depth = same ? weft__scope_of(outer)->depth + 1 : 1,
        .shield = shield,
    };
    waiter->scope = scope;
}

/* CANCEL-6. They have our flag to set, and tasks to find; none of them sleeps. */
static WEFT_NOINLINE void await_visitors(struct weft__scope *scope)
{
    /* acquire: pairs with the release in stir() */
    while (weft__load(&scope->visitors, acquire)) {
        weft__cancel_posted();
        sched_yield();
    }
}

void weft__scope_end(struct weft__waiter *waiter, struct weft_scope *scope, const char *who)
{
    if (!waiter || waiter->scope != scope) {
        if (waiter && weft__exits(waiter))
            return; /* it has been left: CLEANUP-3 */
        weft__panic("%s: not the innermost scope", who);
    }
    weft__store(&weft__scope_of(scope)->left, true, relaxed);
    atomic_signal_fence(memory_order_seq_cst); /* with handlers in this thread: CANCEL-6 */
    if (weft__unlikely(weft__load(&weft__scope_of(scope)->visitors, acquire)))
        await_visitors(weft__scope_of(scope));
    waiter->scope = weft__scope_of(scope)->outer;
}

static void enter(weft_scope *scope, int64_t deadline, bool shield)
{
    weft__scope_begin(weft__scope_self("weft_scope_enter"), scope, deadline, shield);
}

void weft_scope_enter(weft_scope *scope, int64_t deadline)
{
    enter(scope, deadline, false);
}

void weft_scope_enter_shielded(weft_scope *scope, int64_t deadline)
{
    enter(scope, deadline, true);
}

/* Whether the waiter's innermost scope is not for weft_scope_leave(): a group's, or that of who
 * has spawned it. */
static bool is_not_its_own(struct weft__waiter *waiter)
{
    struct weft__group *group = weft__family_of(weft__load(&waiter->family, relaxed));
    return (group && waiter->scope == &group->scope) ||
           weft__scope_of(waiter->scope)->owner != waiter;
}

bool weft_scope_leave(weft_scope *scope)
{
    struct weft__waiter *waiter = weft__waiter_self();
    if (waiter && waiter->scope == scope && is_not_its_own(waiter))
        weft__panic("weft_scope_leave: a group's scope, or one that another has entered");
    weft__scope_end(waiter, scope, "weft_scope_leave");
    return weft_scope_timed_out(scope);
}

bool weft_scope_timed_out(const weft_scope *scope)
{
    return weft__load(&weft__scope_seen(scope)->expired, relaxed);
}

bool weft_scope_cancelled(const weft_scope *scope)
{
    return weft__load(&weft__scope_seen(scope)->cancelled, acquire); /* CANCEL-6 */
}

int64_t weft_scope_deadline(const weft_scope *scope)
{
    return weft__load(&weft__scope_seen(scope)->deadline, acquire); /* CANCEL-6 */
}

int64_t weft_deadline(void)
{
    struct weft__waiter *waiter = weft__waiter_self();
    return waiter ? weft__scope_deadline(waiter) : WEFT_NEVER;
}

int weft_checkpoint(void)
{
    struct weft__waiter *waiter = weft__waiter_self();
    return waiter ? weft__checkpoint(waiter) : -ENOMEM;
}
