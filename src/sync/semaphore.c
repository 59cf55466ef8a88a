/* Semaphores: permits go to waiters in their order.
 *
 *     state = permits << 1 | WAITERS
 *
 * SEM-1  With WAITERS there are no permits: who gives one gives it to a waiter. The
 *        flag is set under the lock by who enters the list, and cleared under the lock
 *        by a giver who finds it empty; he then gives by an exchange, the last thing he
 *        does (QUEUE-4). */
#include <errno.h>

#include "sync/case.h"
#include "task/scope.h"
#include "weft/semaphore.h"

#define WAITERS 1u
#define PERMIT 2u

struct sem {
    _Atomic(uint64_t) state; /* first: the static initialiser writes it */
    struct weft__wait_list waiters;
    struct weft__latch lock;
};

_Static_assert(sizeof(struct sem) <= sizeof(weft_sem), "the public size");

static struct sem *inner(weft_sem *sem)
{
    return (struct sem *)(void *)sem;
}

int weft_sem_init(weft_sem *sem, unsigned permits)
{
    if (permits > WEFT_SEM_MAX)
        return -EINVAL;
    *sem = (weft_sem)WEFT_SEM_INIT(permits);
    return 0;
}

static bool take(struct sem *sem)
{
    uint64_t state = weft__load(&sem->state, relaxed);
    while (state >= PERMIT) {
        /* acquire: pairs with the release in weft_sem_post() */
        if (weft__cas_weak(&sem->state, &state, state - PERMIT, acquire, relaxed))
            return true;
    }
    return false;
}

int weft_sem_trywait(weft_sem *sem)
{
    return take(inner(sem)) ? 0 : -EAGAIN;
}

/* Under the lock. False: there was a permit, and it is taken. */
static bool announce(struct sem *sem)
{
    for (;;) {
        uint64_t none = 0;
        if (take(sem))
            return false;
        if (weft__cas(&sem->state, &none, WAITERS, relaxed, relaxed) || none == WAITERS)
            return true; /* SEM-1 */
    }
}

/* 0, -EAGAIN or an error. */
static int wait_once(struct sem *sem, struct weft__waiter *waiter, struct weft__wait_node *node)
{
    weft__wait_node_begin(node, waiter, "semaphore", sem);
    weft__latch_acquire(&sem->lock);
    return weft__wait_node_wait(&sem->lock, &sem->waiters, node, announce(sem));
}

int weft_sem_wait(weft_sem *public)
{
    struct sem *sem = inner(public);
    struct weft__waiter *waiter = weft__waiter_self();
    int rc = waiter ? weft__checkpoint(waiter) : -ENOMEM;
    if (rc)
        return rc;
    if (take(sem))
        return 0;
    struct weft__wait_node node = { .number = 0 };
    do {
        rc = wait_once(sem, waiter, &node);
    } while (rc == -EAGAIN);
    return rc;
}

/* To the oldest waiter. False: there is none, and WAITERS is cleared. */
static bool hand_over(struct sem *sem)
{
    struct weft__waiter *waiter = NULL;
    weft__latch_acquire(&sem->lock);
    struct weft__wait_node *node = weft__wait_list_take(&sem->waiters);
    if (node)
        waiter = node->waiter;
    else if (weft__load(&sem->state, relaxed) == WAITERS)
        weft__store(&sem->state, 0, relaxed); /* nobody else changes it then */
    weft__latch_release(&sem->lock);
    if (waiter)
        weft__wait_wake(waiter);
    return waiter;
}

int weft_sem_post(weft_sem *public)
{
    struct sem *sem = inner(public);
    uint64_t state = weft__load(&sem->state, relaxed);
    for (;;) {
        if (state & WAITERS) {
            if (hand_over(sem))
                return 0;
            state = weft__load(&sem->state, relaxed);
        } else if (state >> 1 == WEFT_SEM_MAX) {
            return -EOVERFLOW;
        } else if (weft__cas_weak(&sem->state, &state, state + PERMIT, release, relaxed)) {
            return 0; /* release: pairs with the acquire in take() */
        }
    }
}

/* As a case of select, which takes no permit while it enters the list (SELECT-2). */

static int attempt(weft_case *item)
{
    item->result = 0;
    return take(inner(item->weft__object)) ? 0 : -EAGAIN;
}

static int enlist(weft_case *item, struct weft__waiter *waiter, uint64_t ticket)
{
    struct sem *sem = inner(item->weft__object);
    struct weft__wait_node *node = weft__case_prepare(item, waiter, ticket);
    uint64_t none = 0;
    weft__latch_acquire(&sem->lock);
    bool waits = weft__cas(&sem->state, &none, WAITERS, relaxed, relaxed) || none == WAITERS;
    if (waits)
        weft__wait_list_enter(&sem->waiters, node); /* SEM-1 */
    weft__latch_release(&sem->lock);
    return waits ? 0 : -EAGAIN;
}

static bool delist(weft_case *item)
{
    item->result = 0;
    return weft__case_leave(item, &inner(item->weft__object)->lock);
}

const struct weft__case_kind weft__case_semaphore = { attempt, enlist, delist };

unsigned weft_sem_value(const weft_sem *sem)
{
    const struct sem *seen = (const struct sem *)(const void *)sem;
    return (unsigned)(weft__load(&seen->state, relaxed) >> 1);
}
