/* Condition variables: a list of waiters and nothing else.
 *
 * A waiter is in the list before it unlocks the mutex, so whoever signals after having
 * locked it finds the waiter, and may look at the count without the list's lock. */
#include <errno.h>

#include "sync/mutex.h"
#include "task/scope.h"

struct cond {
    struct weft__wait_list waiters;
    struct weft__latch lock;
};

_Static_assert(sizeof(struct cond) <= sizeof(weft_cond), "the public size");

static struct cond *inner(weft_cond *cond)
{
    return (struct cond *)(void *)cond;
}

void weft_cond_init(weft_cond *cond)
{
    *cond = (weft_cond)WEFT_COND_INIT;
}

static void take_back(struct cond *cond, struct weft__wait_node *node)
{
    weft__latch_acquire(&cond->lock);
    weft__wait_list_remove(node);
    weft__latch_release(&cond->lock);
    weft__wait_node_drop(node);
}

/* 0, -EAGAIN or an error. */
static int wait_once(struct cond *cond, struct weft__mutex *mutex, struct weft__waiter *waiter)
{
    struct weft__wait_node node = { .number = 0 };
    uint32_t depth;
    weft__wait_node_begin(&node, waiter, "cond", cond);
    weft__latch_acquire(&cond->lock);
    weft__wait_list_enter(&cond->waiters, &node);
    weft__latch_release(&cond->lock);
    int rc = weft__mutex_let_go(mutex, &depth);
    if (rc) {
        take_back(cond, &node);
        return rc;
    }
    rc = weft__wait_node_park(&cond->lock, &node);
    weft__mutex_take_again(mutex, depth);
    return rc;
}

int weft_cond_wait(weft_cond *cond, weft_mutex *mutex)
{
    struct weft__waiter *waiter = weft__waiter_self();
    int rc = waiter ? weft__checkpoint(waiter) : -ENOMEM;
    if (rc)
        return rc;
    rc = wait_once(inner(cond), (struct weft__mutex *)(void *)mutex, waiter);
    return rc == -EAGAIN ? 0 : rc;
}

void weft_cond_signal(weft_cond *public)
{
    struct cond *cond = inner(public);
    if (weft__wait_list_empty(&cond->waiters))
        return;
    weft__latch_acquire(&cond->lock);
    struct weft__wait_node *node = weft__wait_list_take(&cond->waiters);
    struct weft__waiter *waiter = node ? node->waiter : NULL; /* QUEUE-3 */
    weft__latch_release(&cond->lock);
    if (waiter)
        weft__wait_wake(waiter);
}

void weft_cond_broadcast(weft_cond *public)
{
    struct cond *cond = inner(public);
    struct weft__wakes wakes;
    if (weft__wait_list_empty(&cond->waiters))
        return;
    weft__wakes_init(&wakes);
    weft__latch_acquire(&cond->lock);
    weft__wakes_take_all(&wakes, &cond->waiters);
    weft__latch_release(&cond->lock);
    weft__wakes_carry_out(&wakes);
}
