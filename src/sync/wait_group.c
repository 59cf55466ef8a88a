/* Wait groups.
 *
 *     state = count << 1 | WAITERS
 *
 * As with events (EVENT-1..3), whose flag is here the count's being 0: the last one down
 * without WAITERS does so by an exchange; with it, under the lock, where WAITERS stays set
 * and the list becomes empty. Who sees 0 and WAITERS passes the lock, and takes WAITERS
 * away there if the count is still 0. */
#include <errno.h>

#include "sync/wait_queue.h"
#include "task/scope.h"
#include "weft/wait_group.h"

#define WAITERS 1u
#define ONE 2u

struct group {
    _Atomic(uint64_t) state;
    struct weft__latch lock;
    struct weft__wait_list waiters;
};

_Static_assert(sizeof(struct group) <= sizeof(weft_wait_group), "the public size");

static struct group *inner(weft_wait_group *group)
{
    return (struct group *)(void *)group;
}

void weft_wait_group_init(weft_wait_group *group)
{
    *group = (weft_wait_group)WEFT_WAIT_GROUP_INIT;
}

void weft_wait_group_add(weft_wait_group *group, unsigned count)
{
    weft__add(&inner(group)->state, (uint64_t)count * ONE, relaxed);
}

/* The last one, and there are waiters. Returns false when it is not the last one any
 * more. */
static bool finish(struct group *group)
{
    struct weft__wakes wakes;
    uint64_t last = ONE | WAITERS;
    weft__wakes_init(&wakes);
    weft__latch_acquire(&group->lock);
    /* release: pairs with the acquire in is_over() */
    bool done = weft__cas(&group->state, &last, WAITERS, acq_rel, relaxed);
    if (done)
        weft__wakes_take_all(&wakes, &group->waiters);
    weft__latch_release(&group->lock);
    weft__wakes_carry_out(&wakes);
    return done;
}

int weft_wait_group_done(weft_wait_group *public)
{
    struct group *group = inner(public);
    uint64_t state = weft__load(&group->state, relaxed);
    for (;;) {
        if (state < ONE)
            return -EPERM;
        if (state == (ONE | WAITERS)) {
            if (finish(group))
                return 0;
            state = weft__load(&group->state, relaxed);
        } else if (weft__cas_weak(&group->state, &state, state - ONE, acq_rel, relaxed)) {
            return 0; /* release: as above, also by way of those who are done later */
        }
    }
}

static WEFT_NOINLINE void pass_lock(struct group *group)
{
    uint64_t waited = WAITERS;
    weft__latch_acquire(&group->lock);
    weft__cas(&group->state, &waited, 0, acq_rel, relaxed); /* as in event.c */
    weft__latch_release(&group->lock);
}

static bool is_over(struct group *group)
{
    /* acquire: pairs with finish(), weft_wait_group_done() and pass_lock() */
    uint64_t state = weft__load(&group->state, acquire);
    if (weft__unlikely(state == WAITERS))
        pass_lock(group);
    return state < ONE;
}

/* Under the lock. False: the count is 0. */
static bool announce(struct group *group)
{
    uint64_t state = weft__load(&group->state, acquire);
    while (state >= ONE) {
        if (weft__cas_weak(&group->state, &state, state | WAITERS, acquire, acquire))
            return true;
    }
    return false;
}

/* 0, -EAGAIN or an error. Who was dropped: as in event.c. */
static int wait_once(struct group *group, struct weft__waiter *waiter)
{
    struct weft__wait_node node = { .number = 0 };
    weft__wait_node_begin(&node, waiter, "wait group", group);
    weft__latch_acquire(&group->lock);
    int rc = weft__wait_node_wait(&group->lock, &group->waiters, &node, announce(group));
    return rc == -EAGAIN && node.dropped ? 0 : rc;
}

int weft_wait_group_wait(weft_wait_group *public)
{
    struct group *group = inner(public);
    struct weft__waiter *waiter = weft__waiter_self();
    int rc = waiter ? weft__checkpoint(waiter) : -ENOMEM;
    if (rc || is_over(group))
        return rc;
    do {
        rc = wait_once(group, waiter);
    } while (rc == -EAGAIN);
    return rc;
}
