/* The protocol is at the head of cancel.h, and in scope.h. */
#include "task/cancel.h"

#include <sched.h>

#include "os/barrier.h"
#include "sched/hooks.h"
#include "sched/monitor.h"
#include "sched/worker.h"
#include "task/group.h"
#include "task/join.h"
#include "task/root.h"
#include "weft/task.h"

/* Families. */

/* Somebody walks below: as long as that takes. */
static uintptr_t family_unlocked(struct weft__waiter *waiter)
{
    uintptr_t family;
    for (unsigned spins = 1; (family = weft__load(&waiter->family, relaxed)) & WEFT__FAMILY_LOCKED;
         spins++) {
        weft__spin_hint();
        if (spins % 64 == 0)
            sched_yield();
    }
    return family; /* checked by a CAS */
}

void weft__family_set(struct weft__waiter *waiter, struct weft__group *innermost)
{
    uintptr_t family;
    do {
        family = family_unlocked(waiter);
        /* acq_rel: pairs with lock_family(); the group is complete, and no canceller has
         * seen the one that was left */
    } while (!weft__cas(&waiter->family, &family,
                        (family & WEFT__FAMILY_BITS) | (uintptr_t)innermost, acq_rel, relaxed));
}

/* NULL, and no lock: it has entered no group. */
static struct weft__group *lock_family(struct weft__waiter *waiter)
{
    uintptr_t family;
    do {
        if (!weft__family_of(weft__load(&waiter->family, relaxed))) /* CANCEL-8 */
            return NULL;
        family = family_unlocked(waiter);
        if (!weft__family_of(family))
            return NULL;
        /* acquire: pairs with weft__family_set() */
    } while (!weft__cas(&waiter->family, &family, family | WEFT__FAMILY_LOCKED, acquire, relaxed));
    return weft__family_of(family);
}

static void unlock_family(struct weft__waiter *waiter)
{
    /* release: pairs with the CAS in weft__family_set() */
    weft__add(&waiter->family, -(uintptr_t)WEFT__FAMILY_LOCKED, release);
}

/* Whom to wake: CANCEL-9. */

static void claim(struct weft_task **wave, struct weft__waiter *waiter, uint64_t word)
{
    if ((word & WEFT__WAIT_STATE) != WEFT__WAITING ||
        !weft__wait_claim(waiter, word >> WEFT__WAIT_SHIFT, WEFT__CANCELLED))
        return;
    if (weft__is_thread(waiter)) {
        weft__wait_wake(waiter);
        return;
    }
    struct weft_task *task = weft__task_of(waiter);
    task->next = *wave;
    *wave = task;
}

static uint64_t word_of(struct weft__waiter *waiter)
{
    return weft__load(&waiter->word, acquire); /* pairs with weft__wait_start() */
}

/* The next one keeps the runtime: who has been claimed cannot end before he is woken. */
void weft__cancel_wake(struct weft_task *wave)
{
    for (struct weft_task *next; wave; wave = next) {
        next = wave->next;
        weft__wait_wake(&wave->waiter);
    }
}

/* The walk downwards: CANCEL-7. */

struct path {
    struct weft__waiter *top;
    uint32_t depth; /* of its groups, those whose scope is this deep or deeper */
    struct weft__group *group;
    struct weft__list *at; /* among its members */
    struct weft_task *wave;
};

static void enter_group(struct path *path, struct weft__group *group)
{
    weft__lock_acquire(&group->lock);
    path->group = group;
    path->at = &group->members;
    for (struct weft__list *at = group->spawners.next; at != &group->spawners; at = at->next) {
        struct weft__waiter *waiter = weft__container_of(at, struct weft__spawner, link)->waiter;
        claim(&path->wave, waiter, word_of(waiter));
    }
}

static bool is_inside(const struct path *path, struct weft__group *group)
{
    struct weft__scope *scope = weft__scope_of(&group->scope);
    return scope->owner != path->top || scope->depth >= path->depth;
}

/* Goes to the owner's next group, or back to where the owner is a member. False: the
 * owner is where it began. */
static bool leave_group(struct path *path)
{
    struct weft__group *group = path->group, *next = group->outer;
    struct weft__waiter *owner = weft__scope_of(&group->scope)->owner;
    weft__lock_release(&group->lock);
    if (next && is_inside(path, next)) {
        enter_group(path, next);
        return true;
    }
    unlock_family(owner);
    if (owner == path->top)
        return false;
    struct weft__member *member = weft__member_of(weft__task_of(owner));
    path->group = member->group;
    path->at = &member->link;
    return true;
}

static void go_down(struct path *path)
{
    struct weft__group *group = lock_family(path->top);
    if (!group)
        return;
    if (!is_inside(path, group)) {
        unlock_family(path->top);
        return;
    }
    enter_group(path, group);
    do {
        while ((path->at = path->at->next) != &path->group->members) {
            struct weft__member *member = weft__container_of(path->at, struct weft__member, link);
            struct weft__waiter *waiter = &weft__member_task(member)->waiter;
            claim(&path->wave, waiter, word_of(waiter));
            group = lock_family(waiter);
            if (group)
                enter_group(path, group);
        }
    } while (leave_group(path));
}

/* Scopes. */

/* The caller is inside, and nobody else is: nobody waits. A callback at the end of a task
 * without a stack runs in the name of whoever has picked it, who may. */
static bool is_alone(struct weft__scope *scope)
{
    if (scope->owner != weft__waiter_self() ||
        (word_of(scope->owner) & WEFT__WAIT_STATE) == WEFT__WAITING)
        return false;
    struct weft__group *group = weft__family_of(weft__load(&scope->owner->family, relaxed));
    return !group || weft__scope_of(&group->scope)->depth < scope->depth;
}

/* Those who wait inside look again. The caller is a visitor, and is not after. */
static void stir(struct weft__scope *scope)
{
    struct path path = { .top = scope->owner, .depth = scope->depth };
    if (!is_alone(scope)) {
        weft__barrier_heavy(); /* CANCEL-2 */
        claim(&path.wave, path.top, word_of(path.top));
        go_down(&path);
    }
    /* release: pairs with the acquire in weft__scope_end(): CANCEL-6 */
    weft__add(&scope->visitors, (uint32_t)-1, release);
    weft__cancel_wake(path.wave);
}

static bool mark(struct weft__scope *scope)
{
    weft__add(&scope->visitors, 1, relaxed); /* seen by who sees `cancelled`: CANCEL-6 */
    return !weft__exchange(&scope->cancelled, true, acq_rel);
}

static void unmark(struct weft__scope *scope)
{
    weft__add(&scope->visitors, (uint32_t)-1, release); /* as in stir() */
}

/* No handler runs on top of a visitor, for whom the scope's owner waits: it might sleep. */
void weft_scope_cancel(weft_scope *scope)
{
    weft__critical_enter();
    if (mark(weft__scope_of(scope)))
        stir(weft__scope_of(scope));
    else
        unmark(weft__scope_of(scope));
    weft__critical_leave();
}

void weft_scope_set_deadline(weft_scope *public, int64_t deadline)
{
    struct weft__scope *scope = weft__scope_of(public);
    weft__critical_enter();                  /* as in weft_scope_cancel() */
    weft__add(&scope->visitors, 1, relaxed); /* as in mark() */
    /* release: pairs with nothing but the barriers of CANCEL-2, which come after */
    bool earlier = deadline < weft__exchange(&scope->deadline, deadline, acq_rel);
    if (earlier)
        stir(scope);
    else
        unmark(scope); /* whose timer comes too early waits again: CANCEL-3 */
    weft__critical_leave();
}

/* From signal handlers: the monitor does what is left to do. */

static struct weft__inbox posts;

int weft_scope_cancel_from_signal(weft_scope *public)
{
    struct weft__scope *scope = weft__scope_of(public);
    if (!weft__load(&weft__rt.running, acquire)) /* pairs with weft_start() */
        return -EPERM;
    if (weft__load(&scope->left, relaxed)) /* by the code that was interrupted: CANCEL-6 */
        return 0;
    if (!mark(scope)) {
        unmark(scope);
        return 0;
    }
    weft__inbox_put(&posts, &scope->post);
    weft__monitor_call();
    return 0;
}

void weft__cancel_posted(void)
{
    struct weft__inbox_node *node = weft__inbox_take(&posts);
    while (node) {
        struct weft__scope *scope = weft__container_of(node, struct weft__scope, post);
        node = node->next;
        stir(scope);
    }
}

static int64_t run_errand(void)
{
    weft__cancel_posted();
    return weft__root_look();
}

/* Those that have come too late for the monitor. */
static void on_runtime(enum weft__hook_event event)
{
    if (event != WEFT__HOOK_STOPPED)
        return;
    weft__store(&weft__rt.cancelled, false, relaxed); /* the last thread */
    weft__cancel_posted();
}

/* Tasks. */

bool weft__cancel_set(struct weft__waiter *waiter)
{
    uintptr_t family = weft__load(&waiter->family, relaxed); /* checked by the CAS */
    do {
        if (family & WEFT__FAMILY_CANCELLED)
            return false;
        /* release: pairs with the acquire in look() */
    } while (!weft__cas_weak(&waiter->family, &family, family | WEFT__FAMILY_CANCELLED, release,
                             relaxed));
    return true;
}

void weft__cancel_claim_waiter(struct weft_task **wave, struct weft__waiter *waiter)
{
    uint64_t word = word_of(waiter);
    bool waits = (word & WEFT__WAIT_STATE) == WEFT__WAITING;
    if (waits && weft__join_soften(waiter, word)) /* CANCEL-10 */
        claim(wave, waiter, word);
}

struct weft_task *weft__cancel_claim(struct weft_task *task)
{
    struct path path = { .top = &task->waiter };
    if (!weft__cancel_set(path.top))
        return NULL;
    weft__barrier_heavy(); /* CANCEL-2 */
    weft__cancel_claim_waiter(&path.wave, path.top);
    go_down(&path);
    return path.wave;
}

void weft_cancel(weft_task *task)
{
    weft__cancel_wake(weft__cancel_claim(task));
}

__attribute__((constructor)) static void set_errand(void)
{
    static struct weft__errand errand = { .fn = run_errand };
    static struct weft__hook hook = { .fn = on_runtime };
    weft__monitor_add(&errand);
    weft__hooks_add(&hook);
}
