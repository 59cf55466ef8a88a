/* Cancelling: task/scope.c, cancel.c and the groups' files, against events, leaving,
 * entering and moved deadlines. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"
#include "os/barrier.h"

/* Broken on purpose: the canceller's heavy barrier is missing; the waiter does not look
 * before it parks; a scope is left under its cancellers; an owner leaves his group while
 * a canceller is below; who has been woken for nothing believes it. */
static enum {
    NOTHING,
    NO_BARRIER,
    NO_LOOK,
    NO_VISITORS,
    NO_FAMILY_LOCK,
    NO_SECOND_LOOK,
} mutation;

#undef weft__barrier_heavy
#define weft__barrier_heavy() (mutation == NO_BARRIER ? (void)0 : model_heavy_barrier())

#include "world.h"

#include <sched.h>

#include "suite.h"

#include "task/failure.h"
#include "task/group.h"
#include "task/join.h"
#include "task/place.h"

#define sched_yield() model_spin()

#include "sched/wait.c"
#include "sched/wakes.c"

#define weft__wait_abandon(waiter, ticket) \
    (mutation != NO_LOOK && weft__wait_abandon(waiter, ticket))
#include "task/scope.c"
#undef weft__wait_abandon

#undef WEFT__FAMILY_LOCKED
#define WEFT__FAMILY_LOCKED (mutation == NO_FAMILY_LOCK ? 0u : 1u)
#define enter_group enter_group_below
#define leave_group leave_group_below
#include "task/cancel.c"
#undef enter_group
#undef leave_group

#include "task/group.c"

#include "task/member.c"

int (*weft__refuse)(struct weft__waiter *waiter);
void (*weft__tell_end)(struct weft_task *task);

void weft__monitor_add(struct weft__errand *errand)
{
    (void)errand;
}

void weft__hooks_add(struct weft__hook *hook)
{
    (void)hook;
}

int64_t weft__root_look(void)
{
    return INT64_MAX;
}

void weft__monitor_call(void)
{
    model_fail("there are no signals");
}

bool weft__join_soften(struct weft__waiter *waiter, uint64_t word)
{
    (void)waiter, (void)word;
    return true;
}

struct weft__failure *weft__failure_make(const struct weft_task *task, int result)
{
    (void)task, (void)result;
    return NULL;
}

struct weft__failures *weft__failures_make(void)
{
    return NULL;
}

bool weft__failures_add(struct weft__failures *failures, struct weft__failure *failure)
{
    (void)failures, (void)failure;
    return false;
}

void weft__failure_free(struct weft__failure *failure)
{
    (void)failure;
}

void weft__failures_free(struct weft__failures *failures)
{
    (void)failures;
}

void weft__place_leave(struct weft__group *group, struct weft__wakes *wakes)
{
    (void)wakes;
    group->places--;
}

static weft_scope scope;
static weft_group group;
static struct weft__lock list_lock; /* of the event's list: */
static uint64_t listed;             /* the ticket in it; 0: empty */
static bool taken, given;           /* the one item */
static bool ended;                  /* the child has */
static _Atomic(bool) entered;       /* others know of the scope, or the group */
static _Atomic(bool) moved;         /* its deadline */
static int outcome_of_wait;

static void reset(void)
{
    world_reset(3);
    memset(&scope, 0, sizeof scope);
    memset(&group, 0, sizeof group);
    model_allow(&scope);
    model_allow(&group);
    list_lock.state = 0;
    listed = 0;
    taken = given = ended = false;
    entered = moved = false;
    outcome_of_wait = 1;
    model_name(scope);
    model_name(group);
    model_name(list_lock);
    model_name(tasks[0].waiter.word);
    model_name(tasks[0].waiter.family);
    model_name(tasks[1].waiter.word);
}

static bool has_entered(void *unused)
{
    (void)unused;
    return entered;
}

/* An operation that takes the item, or waits for it. 0 or an error. */
static int take(struct weft__waiter *waiter)
{
    int rc = weft__checkpoint(waiter);
    while (rc == 0) {
        uint64_t ticket = weft__wait_begin(waiter, "item", 0);
        weft__lock_acquire(&list_lock);
        bool there = given && !taken;
        taken |= there;
        listed = there ? 0 : ticket;
        weft__lock_release(&list_lock);
        if (there) {
            weft__wait_drop(waiter, ticket);
            return 0;
        }
        struct weft__ended ended = weft__scope_park(waiter, INT64_MAX);
        if (ended.reason == WEFT__EVENT)
            return 0; /* handed over */
        weft__lock_acquire(&list_lock);
        listed = 0;
        weft__lock_release(&list_lock);
        rc = mutation == NO_SECOND_LOOK ? -ECANCELED : weft__scope_error(waiter, ended);
    }
    return rc;
}

/* An operation that waits for nothing but its scopes; no lock on the way helps the
 * barriers. */
static int sleep_on(struct weft__waiter *waiter)
{
    int rc = weft__checkpoint(waiter);
    while (rc == 0) {
        weft__wait_begin(waiter, "sleep", 0);
        rc = weft__scope_error(waiter, weft__scope_park(waiter, INT64_MAX));
    }
    return rc;
}

static void giver(void)
{
    weft__lock_acquire(&list_lock);
    struct weft__waiter *waiter = &tasks[0].waiter;
    bool waits = listed && weft__wait_claim(waiter, listed, WEFT__EVENT);
    given = true;
    taken |= waits;
    listed = 0;
    weft__lock_release(&list_lock);
    if (waits)
        weft__wait_wake(waiter);
}

static void canceller(void)
{
    model_wait(has_entered, NULL);
    weft_scope_cancel(&scope);
}

/* The user's part: it is not left before the call to cancel it begins. */
static void leave_scope(void)
{
    while (!weft_scope_cancelled(&scope))
        weft__spin_hint();
    if (mutation == NO_VISITORS)
        weft__scope_of(&scope)->visitors = 0;
    weft_scope_leave(&scope);
    model_forbid(&scope, sizeof scope); /* CANCEL-6 */
}

static void taker_in_scope(void)
{
    struct weft__waiter *waiter = weft__waiter_self();
    weft_scope_enter(&scope, WEFT_NEVER);
    weft__store(&entered, true, seq_cst);
    outcome_of_wait = take(waiter);
    int again = weft__checkpoint(waiter);
    model_assert(outcome_of_wait == 0 || again == outcome_of_wait, "CANCEL-4");
    leave_scope();
}

static void sleeper_in_scope(void)
{
    weft_scope_enter(&scope, WEFT_NEVER);
    weft__store(&entered, true, seq_cst);
    model_assert(sleep_on(weft__waiter_self()) == -ECANCELED, "CANCEL-2");
    leave_scope();
}

static void nothing_is_lost(void)
{
    model_assert(outcome_of_wait == 0 || outcome_of_wait == -ECANCELED, "CANCEL-3");
    model_assert(taken == (outcome_of_wait == 0), "CANCEL-5");
    model_assert(runnable[0] == 0, "WAIT-2");
}

static struct model sleeps = { .setup = reset,
                               .body = { sleeper_in_scope, canceller },
                               .preemptions = 4 };

TEST(CANCEL_2_who_parks_is_woken_or_sees_it)
{
    model_check(&sleeps);
}

TEST(CANCEL_2_needs_the_heavy_barrier)
{
    mutation = NO_BARRIER;
    model_check_fails(&sleeps, "deadlock");
}

TEST(CANCEL_2_needs_the_look_before_parking)
{
    mutation = NO_LOOK;
    model_check_fails(&sleeps, "deadlock");
}

static struct model scopes = {
    .setup = reset,
    .body = { taker_in_scope, canceller, giver },
    .check = nothing_is_lost,
    .preemptions = 3,
};

TEST(CANCEL_5_an_event_that_comes_at_the_same_moment_is_not_lost)
{
    model_check(&scopes);
}

TEST(CANCEL_6_a_scope_is_left_after_its_cancellers)
{
    mutation = NO_VISITORS;
    model_check_fails(&scopes, "use after release");
}

/* In a shield: cancelled is the scope around it, and the item comes. */
static void taker_in_shield(void)
{
    static weft_scope shield; /* its last stores may be seen after this frame */
    weft_scope_enter(&scope, WEFT_NEVER);
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    weft__store(&entered, true, seq_cst);
    model_assert(take(weft__waiter_self()) == 0, "CANCEL-3");
    weft_scope_leave(&shield);
    leave_scope();
}

static struct model shields = { .setup = reset,
                                .body = { taker_in_shield, canceller, giver },
                                .preemptions = 3 };

TEST(CANCEL_3_who_is_shielded_waits_on)
{
    model_check(&shields);
}

TEST(CANCEL_3_needs_the_second_look)
{
    mutation = NO_SECOND_LOOK;
    model_check_fails(&shields, "CANCEL-3");
}

/* A deadline that is moved to the beginning of time, by somebody else, while the taker
 * goes to sleep. */
static void mover(void)
{
    model_wait(has_entered, NULL);
    weft_scope_set_deadline(&scope, -1);
    weft__store(&moved, true, seq_cst);
}

static void sleeper_until_deadline(void)
{
    weft_scope_enter(&scope, WEFT_NEVER);
    weft__store(&entered, true, seq_cst);
    model_assert(sleep_on(weft__waiter_self()) == -ETIMEDOUT, "CANCEL-2");
    world_over = true;
    weft_scope_leave(&scope);
    while (weft__load(&moved, acquire) == false)
        weft__spin_hint();
    model_forbid(&scope, sizeof scope);
}

/* The timer of a wait that has seen the new deadline before it parks. */
static void clock_thread(void)
{
    world_fire_timer(0, WEFT__DEADLINE);
}

static struct model deadlines = { .setup = reset,
                                  .body = { sleeper_until_deadline, mover, clock_thread },
                                  .preemptions = 3 };

TEST(CANCEL_2_a_deadline_is_moved_under_who_parks)
{
    model_check(&deadlines);
}

TEST(CANCEL_2_moving_a_deadline_needs_the_heavy_barrier)
{
    mutation = NO_BARRIER;
    model_check_fails(&deadlines, "");
}

/* The canceller's walk against the end of a member, and the owner who leaves. Model
 * thread 0 is the owner, thread 1 its child, thread 2 cancels the scope around the
 * group. */
static void owner(void)
{
    weft_scope_enter(&scope, WEFT_NEVER);
    weft_group_enter(&group, WEFT_NEVER);
    tasks[1].flags = WEFT__TASK_MEMBER;
    tasks[1].waiter.scope = weft_group_scope(&group);
    *weft__member_of(&tasks[1]) = (struct weft__member){ .group = weft__group_of(&group) };
    model_assert(weft__group_admit(weft__group_of(&group), &tasks[1]) == 0, "GROUP-1");
    weft__store(&entered, true, seq_cst);
    weft_group_leave(&group);
    model_assert(ended, "GROUP-2");
    model_forbid(&group, sizeof group);
    leave_scope();
}

/* Waits until it is cancelled, or ends at once. */
static void child(void)
{
    model_wait(has_entered, NULL);
    tasks[1].result = model_choose(2) ? sleep_on(&tasks[1].waiter) : 0;
    ended = true;
    leave_group(&tasks[1]);
}

static struct model groups = { .setup = reset,
                               .body = { owner, child, canceller },
                               .preemptions = 2 };

TEST(CANCEL_7_a_group_is_left_after_its_members_and_cancellers)
{
    model_check(&groups);
}

TEST(CANCEL_7_needs_the_familys_lock)
{
    mutation = NO_FAMILY_LOCK;
    model_check_fails(&groups, "use after release");
}

TEST(CANCEL_8_needs_the_heavy_barrier)
{
    mutation = NO_BARRIER;
    model_check_fails(&groups, "");
}
