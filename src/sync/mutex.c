#include "sync/mutex.h"

#include <errno.h>

#include "sched/enter.h"
#include "sched/thread.h"
#include "task/scope.h"
#include "time/clock.h"
#include "weft/task.h"
#include "weft/time.h"

#define LOCKED WEFT__MUTEX_LOCKED
#define WAITERS WEFT__MUTEX_WAITERS
#define WOKEN WEFT__MUTEX_WOKEN
#define LEANING WEFT__MUTEX_LEANING

/* How long to try before asking to be given it, in nanoseconds. */
#define PATIENCE 1000000
/* Or: how often. */
#define PATIENCE_WITH_SEED 4

const char weft__mutex_waiting[] = "mutex";

struct node {
    struct weft__wait_node wait;
    bool asks;   /* has been patient for long enough */
    bool handed; /* the taker's message: it is the waiter's */
};

static struct weft__mutex *inner(weft_mutex *mutex)
{
    return (struct weft__mutex *)(void *)mutex;
}

uint64_t weft__mutex_self(void)
{
    struct weft_task *self = weft__self();
    if (self)
        return weft__load(&self->id, relaxed);
    return WEFT__HOLDER_THREAD | weft__thread_number();
}

static bool is_plain(const struct weft__mutex *mutex)
{
    return weft__likely(mutex->kind == WEFT_MUTEX_PLAIN);
}

/* For dumps, and to be told of by weft_mutex_look(). */
static void note_holder(struct weft__mutex *mutex, bool held)
{
#ifndef NDEBUG
    if (is_plain(mutex))
        weft__store(&mutex->holder, held ? weft__mutex_self() : 0, relaxed);
    weft__store(&mutex->since, held ? weft__clock_now() : 0, relaxed);
#else
    (void)mutex, (void)held;
#endif
}

/* LOCK-5: from one state to the other as who may enter. False: the latch does not lean, or
 * towards another worker, or the state is not that. */
static inline bool change_leaning(struct weft__mutex *mutex, uint32_t from, uint32_t to)
{
    struct weft_task *self = weft__self();
    struct weft__worker *worker = weft__enter_here(self);
    if (weft__unlikely(!worker))
        return false;
    bool changed = false;
    if (weft__likely(weft__latch_enter(&mutex->lock, worker->index))) {
        changed = weft__load(&mutex->state, relaxed) == from;
        if (changed)
            weft__store(&mutex->state, to, relaxed); /* seen by who enters next: LATCH-4 */
        weft__latch_leave(worker->index);
    }
    weft__leave(self);
    return changed;
}

/* Returns the state. */
static WEFT_COLD uint32_t straighten(struct weft__mutex *mutex)
{
    weft__latch_acquire(&mutex->lock);
    uint32_t state = weft__load(&mutex->state, relaxed);
    if (state & LEANING) {
        state &= ~(uint32_t)LEANING;
        weft__store(&mutex->state, state, release); /* what was done in it comes before */
    }
    weft__latch_release(&mutex->lock);
    return state;
}

/* Frees it, if it is the caller's and nobody waits, and lets it lean. */
static WEFT_COLD bool begin_to_lean(struct weft__mutex *mutex, uint32_t number)
{
    weft__latch_acquire(&mutex->lock);
    bool quiet = weft__load(&mutex->state, relaxed) == LOCKED;
    if (quiet) {
        weft__store(&mutex->state, LEANING, release);
        weft__latch_release_leaning(&mutex->lock, number);
    } else {
        weft__latch_release(&mutex->lock);
    }
    return quiet;
}

/* The holder, about to unlock. True: he has, by that. */
static inline bool leans_from_now_on(struct weft__mutex *mutex)
{
    struct weft_task *self = weft__self();
    /* a hint: it may have lost its worker */
    uint32_t number = self ? self->worker->index : WEFT__LATCH_NOBODY;
    return weft__unlikely(weft__latch_shall_lean(&mutex->habit, number)) &&
           begin_to_lean(mutex, number);
}

/* `token`: the caller has the one that WOKEN stands for; it is used up. */
static bool try_lock(struct weft__mutex *mutex, uint32_t token)
{
    uint32_t state = weft__load(&mutex->state, relaxed);
    while (!(state & LOCKED)) {
        if (state & LEANING) {
            if (change_leaning(mutex, LEANING, LEANING | LOCKED))
                return true;
            state = straighten(mutex);
            continue;
        }
        /* acquire: pairs with the releases in unlock() and pass_on() */
        if (weft__cas_weak(&mutex->state, &state, (state & ~token) | LOCKED, acquire, relaxed))
            return true; /* LOCK-1 */
    }
    return false;
}

/* LOCK-2, under the list's lock: the mutex is locked, or WAITERS is set while it is
 * held. Returns whether it is locked. */
static bool lock_or_announce(struct weft__mutex *mutex, uint32_t token)
{
    uint32_t state = weft__load(&mutex->state, relaxed), next;
    do {
        next = (state & ~(token | LEANING)) | LOCKED; /* LOCK-5 */
        if (state & LOCKED)
            next |= WAITERS;
    } while (!weft__cas_weak(&mutex->state, &state, next, acquire, relaxed));
    return !(state & LOCKED);
}

/* One wait: 0, -EAGAIN or an error of the scope. The token is used up. */
static int wait_once(struct weft__mutex *mutex, struct weft__waiter *waiter, struct node *node,
                     uint32_t token)
{
    node->handed = false;
    weft__wait_node_begin(&node->wait, waiter, weft__mutex_waiting, mutex);
    weft__latch_acquire(&mutex->lock);
    bool locked = lock_or_announce(mutex, token);
    if (!locked)
        weft__wait_list_enter(&mutex->waiters, &node->wait);
    weft__latch_release(&mutex->lock);
    if (!locked)
        return weft__wait_node_park(&mutex->lock, &node->wait);
    weft__wait_node_drop(&node->wait);
    node->handed = true;
    return 0;
}

/* With a seed time decides nothing, among tasks. */
static bool has_been_patient(struct weft__waiter *waiter, int64_t since, unsigned lost)
{
    if (!weft__is_thread(waiter) && weft__unlikely(weft__rt.config.seed != 0))
        return lost > PATIENCE_WITH_SEED;
    return weft__clock_now() - since > PATIENCE;
}

static int lock_as(struct weft__mutex *mutex, struct weft__waiter *waiter)
{
    struct node node = { .asks = false };
    int64_t since = 0;
    uint32_t token = 0;
    unsigned lost = 0;
    int rc = weft__checkpoint(waiter);
    while (rc == 0) {
        rc = wait_once(mutex, waiter, &node, token);
        token = 0;
        if (rc == -EAGAIN) {
            rc = 0;
            continue;
        }
        if (rc || node.handed)
            break;
        token = WOKEN;
        if (try_lock(mutex, token))
            break;
        if (since == 0) /* lost to somebody who came later */
            since = weft__load(&waiter->since, relaxed);
        node.asks = has_been_patient(waiter, since, ++lost);
    }
    return rc;
}

static WEFT_COLD int lock_slow(struct weft__mutex *mutex)
{
    if (try_lock(mutex, 0))
        return 0;
    struct weft__waiter *waiter = weft__waiter_self();
    return waiter ? lock_as(mutex, waiter) : -ENOMEM;
}

static int lock_plain(struct weft__mutex *mutex)
{
    uint32_t state = weft__load(&mutex->state, relaxed);
    bool locked = false;
    if (state == LEANING)
        locked = change_leaning(mutex, LEANING, LEANING | LOCKED);
    else if (weft__likely(state == 0)) /* acquire: as in try_lock() */
        locked = weft__cas(&mutex->state, &state, LOCKED, acquire, relaxed);
    int rc = weft__likely(locked) ? 0 : lock_slow(mutex);
    if (rc == 0)
        note_holder(mutex, true);
    return rc;
}

/* Of a mutex that knows its holder: 1 when it was the caller's already. */
static int lock_again(struct weft__mutex *mutex, uint64_t self)
{
    if (weft__load(&mutex->holder, relaxed) != self) /* nobody else writes that */
        return 0;
    if (mutex->kind != WEFT_MUTEX_RECURSIVE)
        return -EDEADLK;
    if (mutex->depth == UINT32_MAX)
        return -EAGAIN;
    mutex->depth++;
    return 1;
}

static void take_possession(struct weft__mutex *mutex, uint64_t self, uint32_t depth)
{
    weft__store(&mutex->holder, self, relaxed);
    mutex->depth = depth;
}

static int lock_known(struct weft__mutex *mutex, int (*lock)(struct weft__mutex *mutex))
{
    uint64_t self = weft__mutex_self();
    int rc = lock_again(mutex, self);
    if (rc)
        return rc > 0 ? 0 : rc;
    rc = lock(mutex);
    if (rc == 0)
        take_possession(mutex, self, 1);
    return rc;
}

int weft_mutex_lock(weft_mutex *public)
{
    struct weft__mutex *mutex = inner(public);
    return is_plain(mutex) ? lock_plain(mutex) : lock_known(mutex, lock_plain);
}

static int try_plain(struct weft__mutex *mutex)
{
    if (!try_lock(mutex, 0))
        return -EBUSY;
    note_holder(mutex, true);
    return 0;
}

int weft_mutex_trylock(weft_mutex *public)
{
    struct weft__mutex *mutex = inner(public);
    if (is_plain(mutex))
        return try_plain(mutex);
    int rc = lock_known(mutex, try_plain);
    return rc == -EDEADLK ? -EBUSY : rc;
}

/* LOCK-3: to the oldest waiter if he asks for it; else it is free, and he may try.
 * False: all waiters have given up, it is still the caller's. */
static bool pass_on(struct weft__mutex *mutex)
{
    weft__latch_acquire(&mutex->lock);
    struct weft__wait_node *wait = weft__wait_list_take(&mutex->waiters);
    uint32_t next = weft__wait_list_empty(&mutex->waiters) ? 0 : WAITERS;
    struct weft__waiter *waiter = NULL;
    if (wait) {
        struct node *node = weft__container_of(wait, struct node, wait);
        waiter = wait->waiter;
        node->handed = node->asks;
        next |= node->asks ? LOCKED : WOKEN;
    } else {
        next = LOCKED; /* LOCK-4: freed by an exchange, without the list's lock */
    }
    weft__store(&mutex->state, next, release); /* pairs with the acquires of who locks */
    weft__latch_release(&mutex->lock);
    if (waiter)
        weft__wait_wake(waiter);
    return waiter;
}

static WEFT_COLD int unlock_slow(struct weft__mutex *mutex, uint32_t state)
{
    for (;;) {
        if (!(state & LOCKED))
            return -EPERM;
        if (state & LEANING) {
            state = straighten(mutex);
            continue;
        }
        if ((state & WAITERS) && !(state & WOKEN)) {
            if (pass_on(mutex))
                return 0;
            state = weft__load(&mutex->state, relaxed);
        } else if (weft__cas_weak(&mutex->state, &state, state & ~(uint32_t)LOCKED, release,
                                  relaxed)) {
            return 0;
        }
    }
}

static int unlock_plain(struct weft__mutex *mutex)
{
    uint32_t state = weft__load(&mutex->state, relaxed);
    note_holder(mutex, false);
    if (state == (LEANING | LOCKED)) {
        if (weft__likely(change_leaning(mutex, LEANING | LOCKED, LEANING)))
            return 0;
    } else if (state == LOCKED) {
        /* release: pairs with the acquires of who locks */
        if (leans_from_now_on(mutex) || weft__cas(&mutex->state, &state, 0, release, relaxed))
            return 0;
    }
    return unlock_slow(mutex, state);
}

int weft_mutex_unlock(weft_mutex *public)
{
    struct weft__mutex *mutex = inner(public);
    if (!is_plain(mutex)) {
        if (weft__load(&mutex->holder, relaxed) != weft__mutex_self())
            return -EPERM;
        if (--mutex->depth > 0)
            return 0;
        weft__store(&mutex->holder, 0, relaxed);
    }
    return unlock_plain(mutex);
}

int weft__mutex_let_go(struct weft__mutex *mutex, uint32_t *ret_depth)
{
    *ret_depth = mutex->depth;
    if (is_plain(mutex))
        return unlock_plain(mutex);
    if (weft__load(&mutex->holder, relaxed) != weft__mutex_self())
        return -EPERM;
    weft__store(&mutex->holder, 0, relaxed);
    return unlock_plain(mutex);
}

static WEFT_NOINLINE void lock_in_any_case(struct weft__mutex *mutex)
{
    weft_scope shield;
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    lock_plain(mutex);
    weft_scope_leave(&shield);
}

void weft__mutex_take_again(struct weft__mutex *mutex, uint32_t depth)
{
    if (weft__unlikely(try_plain(mutex)))
        lock_in_any_case(mutex);
    if (!is_plain(mutex))
        take_possession(mutex, weft__mutex_self(), depth);
}

int weft_mutex_init(weft_mutex *mutex, unsigned kind)
{
    if (kind > WEFT_MUTEX_RECURSIVE)
        return -EINVAL;
    *mutex = (weft_mutex)WEFT__MUTEX_INIT(kind);
    return 0;
}

void weft_mutex_look(weft_mutex *public, weft_mutex_info *ret_info)
{
    struct weft__mutex *mutex = inner(public);
    uint64_t holder = weft__load(&mutex->holder, relaxed);
    *ret_info = (weft_mutex_info){
        .locked = weft__load(&mutex->state, relaxed) & LOCKED,
        .waiters = weft__load(&mutex->waiters.count, relaxed),
        .holder = weft__mutex_task(holder),
        .held_since = weft__load(&mutex->since, relaxed),
    };
}
