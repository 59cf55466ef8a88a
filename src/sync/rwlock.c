/* Read-write locks.
 *
 *     state = readers << 2 | WRITER | WAITERS
 *
 * RW-1  Either WRITER or readers, never both.
 * RW-2  WAITERS is set while the list has nodes, by who enters it, under the list's lock
 *       and while the lock cannot be had. With it nobody locks or unlocks but under the
 *       list's lock, where grant() gives the lock to all who are first in the list and
 *       can have it. So order is kept, and what grant() finds stays what it is.
 * RW-3  Who has given up may have stood in the way of others: he grants, too. Who has waited
 *       in vain and waits again stands there again (QUEUE-6): is he the first now, and can
 *       have the lock, then he takes it, as he was not there to be given it, and grants. */
#include <errno.h>

#include "sync/mutex.h"
#include "task/scope.h"
#include "weft/rwlock.h"

#define WAITERS 1u
#define WRITER 2u
#define READER 4u

struct rwlock {
    _Atomic(uint32_t) state;
    struct weft__latch lock; /* of the list */
    struct weft__wait_list waiters;
    _Atomic(uint64_t) writer; /* in debug builds, for weft_rwlock_look(); his own */
};

_Static_assert(sizeof(struct rwlock) <= sizeof(weft_rwlock), "the public size");

struct node {
    struct weft__wait_node wait;
    uint32_t wants; /* READER or WRITER */
};

static struct rwlock *inner(weft_rwlock *rwlock)
{
    return (struct rwlock *)(void *)rwlock;
}

void weft_rwlock_init(weft_rwlock *rwlock)
{
    *rwlock = (weft_rwlock)WEFT_RWLOCK_INIT;
}

static void note_writer(struct rwlock *rwlock, bool holds)
{
#ifndef NDEBUG
    weft__store(&rwlock->writer, holds ? weft__mutex_self() : 0, relaxed);
#else
    (void)rwlock, (void)holds;
#endif
}

static bool allows(uint32_t state, uint32_t wants)
{
    return wants == READER ? !(state & WRITER) : !(state & ~WAITERS);
}

static bool try_lock(struct rwlock *rwlock, uint32_t wants)
{
    uint32_t state = weft__load(&rwlock->state, relaxed);
    while (!(state & WAITERS) && allows(state, wants)) {
        /* acquire: pairs with the releases of who unlocks */
        if (weft__cas_weak(&rwlock->state, &state, state + wants, acquire, relaxed))
            return true;
    }
    return false;
}

/* Under the list's lock. True: locked. False: WAITERS is set. */
static bool lock_or_announce(struct rwlock *rwlock, uint32_t wants)
{
    uint32_t state = weft__load(&rwlock->state, relaxed), next;
    bool can;
    do {
        can = !(state & WAITERS) && allows(state, wants);
        next = can ? state + wants : state | WAITERS;
    } while (!weft__cas_weak(&rwlock->state, &state, next, acquire, relaxed));
    return can;
}

/* RW-2: under the list's lock, with WAITERS set. Gives what `state` leaves free to those
 * who are first in the list; returns the state after. */
static uint32_t grant(struct rwlock *rwlock, uint32_t state, struct weft__wakes *wakes)
{
    struct weft__wait_node *first;
    while ((first = weft__wait_list_first(&rwlock->waiters))) {
        uint32_t wants = weft__container_of(first, struct node, wait)->wants;
        if (!allows(state, wants))
            break;
        weft__wait_list_remove(first);
        if (!weft__wait_claim(first->waiter, first->ticket, WEFT__EVENT))
            continue; /* QUEUE-2 */
        state += wants;
        weft__wakes_add(wakes, first->waiter);
    }
    return first ? state : state & ~WAITERS;
}

/* Under the list's lock. */
static void set_state(struct rwlock *rwlock, uint32_t state)
{
    weft__store(&rwlock->state, state, release); /* pairs with the acquires of who locks */
}

/* Under the list's lock. Whether he comes again as the first: RW-3. */
static bool lock_again(struct rwlock *rwlock, struct node *node, struct weft__wakes *wakes)
{
    uint32_t state = weft__load(&rwlock->state, relaxed);
    if (!(state & WAITERS) || !allows(state, node->wants) ||
        !weft__wait_list_would_be_first(&rwlock->waiters, &node->wait))
        return false;
    set_state(rwlock, grant(rwlock, state + node->wants, wakes));
    return true;
}

/* RW-3 */
static void leave_list(struct rwlock *rwlock)
{
    struct weft__wakes wakes;
    weft__wakes_init(&wakes);
    weft__latch_acquire(&rwlock->lock);
    uint32_t state = weft__load(&rwlock->state, relaxed);
    if (state & WAITERS)
        set_state(rwlock, grant(rwlock, state, &wakes));
    weft__latch_release(&rwlock->lock);
    weft__wakes_carry_out(&wakes);
}

/* 0, -EAGAIN or an error. */
static int wait_once(struct rwlock *rwlock, struct weft__waiter *waiter, struct node *node)
{
    weft__wait_node_begin(&node->wait, waiter,
                          node->wants == READER ? "rwlock to read" : "rwlock to write", rwlock);
    struct weft__wakes wakes;
    weft__wakes_init(&wakes);
    weft__latch_acquire(&rwlock->lock);
    bool waits = !lock_again(rwlock, node, &wakes) && !lock_or_announce(rwlock, node->wants);
    if (waits) /* then nobody is to be woken */
        return weft__wait_node_wait(&rwlock->lock, &rwlock->waiters, &node->wait, true);
    weft__latch_release(&rwlock->lock);
    weft__wakes_carry_out(&wakes);
    weft__wait_node_drop(&node->wait); /* it may park */
    return 0;
}

static int lock(struct rwlock *rwlock, uint32_t wants)
{
    if (weft__likely(try_lock(rwlock, wants)))
        return 0;
    struct weft__waiter *waiter = weft__waiter_self();
    int rc = waiter ? weft__checkpoint(waiter) : -ENOMEM;
    if (rc)
        return rc;
    struct node node = { .wants = wants };
    do {
        rc = wait_once(rwlock, waiter, &node);
    } while (rc == -EAGAIN);
    if (rc)
        leave_list(rwlock);
    return rc;
}

int weft_rwlock_rdlock(weft_rwlock *rwlock)
{
    return lock(inner(rwlock), READER);
}

int weft_rwlock_wrlock(weft_rwlock *rwlock)
{
    int rc = lock(inner(rwlock), WRITER);
    if (rc == 0)
        note_writer(inner(rwlock), true);
    return rc;
}

int weft_rwlock_tryrdlock(weft_rwlock *rwlock)
{
    return try_lock(inner(rwlock), READER) ? 0 : -EBUSY;
}

int weft_rwlock_trywrlock(weft_rwlock *rwlock)
{
    if (!try_lock(inner(rwlock), WRITER))
        return -EBUSY;
    note_writer(inner(rwlock), true);
    return 0;
}

/* With WAITERS. False: all of them have given up, before this or in it, and it is still
 * locked: then it is unlocked by an exchange, as the last thing done (QUEUE-4). */
static bool unlock_for_waiters(struct rwlock *rwlock)
{
    struct weft__wakes wakes;
    weft__wakes_init(&wakes);
    weft__latch_acquire(&rwlock->lock);
    uint32_t state = weft__load(&rwlock->state, relaxed);
    bool unlocked = false;
    if (state & WAITERS) { /* RW-2: else it changes under us */
        uint32_t held = state & WRITER ? WRITER : READER;
        uint32_t next = grant(rwlock, state - held, &wakes);
        unlocked = next != 0; /* by others, or others wait */
        set_state(rwlock, unlocked ? next : held);
    }
    weft__latch_release(&rwlock->lock);
    weft__wakes_carry_out(&wakes);
    return unlocked;
}

int weft_rwlock_unlock(weft_rwlock *public)
{
    struct rwlock *rwlock = inner(public);
    uint32_t state = weft__load(&rwlock->state, relaxed);
    if (state & WRITER)
        note_writer(rwlock, false);
    for (;;) {
        if (!(state & ~WAITERS))
            return -EPERM;
        if (state & WAITERS) {
            if (unlock_for_waiters(rwlock))
                return 0;
            state = weft__load(&rwlock->state, relaxed);
            continue;
        }
        uint32_t next = state - (state & WRITER ? WRITER : READER);
        /* release: pairs with the acquires of who locks */
        if (weft__cas_weak(&rwlock->state, &state, next, release, relaxed))
            return 0;
    }
}

void weft_rwlock_look(weft_rwlock *public, weft_rwlock_info *ret_info)
{
    struct rwlock *rwlock = inner(public);
    uint32_t state = weft__load(&rwlock->state, relaxed);
    *ret_info = (weft_rwlock_info){
        .readers = state / READER,
        .written = state & WRITER,
        .waiters = weft__load(&rwlock->waiters.count, relaxed),
        .writer = weft__mutex_task(weft__load(&rwlock->writer, relaxed)),
    };
}
