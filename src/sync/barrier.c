/* Barriers.
 *
 * BARRIER-1  Who has come is counted under the lock, in rounds: nobody goes on before all
 *            have come, and one of each round was the last.
 * BARRIER-2  A party whose wait is cut short looks there as well: if its round is over it
 *            was counted, and goes on with the others; else it takes itself out of the
 *            count. So a round never ends with one who has not come, nor without one who
 *            was counted. */
#include <errno.h>

#include "sync/wait_queue.h"
#include "task/scope.h"
#include "weft/barrier.h"
#include "weft/time.h"

struct barrier {
    uint32_t parties; /* first: the static initialiser writes it */
    uint32_t come;
    uint32_t round;
    struct weft__latch lock;
    struct weft__wait_list waiters;
};

_Static_assert(sizeof(struct barrier) <= sizeof(weft_barrier), "the public size");

static struct barrier *inner(weft_barrier *barrier)
{
    return (struct barrier *)(void *)barrier;
}

int weft_barrier_init(weft_barrier *barrier, unsigned parties)
{
    if (parties == 0)
        return -EINVAL;
    *barrier = (weft_barrier)WEFT_BARRIER_INIT(parties);
    return 0;
}

/* Under the lock: the caller has come. True: the last one. */
static bool arrive(struct barrier *barrier, struct weft__wait_node *node, struct weft__wakes *wakes)
{
    if (++barrier->come < barrier->parties) {
        weft__wait_list_enter(&barrier->waiters, node);
        return false;
    }
    barrier->come = 0;
    barrier->round++;
    weft__wakes_take_all(wakes, &barrier->waiters);
    return true;
}

/* 0: the round has ended. -EAGAIN or an error: the caller has not come. */
static int park(struct barrier *barrier, struct weft__wait_node *node, uint32_t round)
{
    struct weft__waiter *waiter = node->waiter;
    struct weft__ended ended = weft__scope_park(waiter, WEFT_NEVER);
    if (ended.reason == WEFT__EVENT) /* QUEUE-3 */
        return 0;
    weft__latch_acquire(&barrier->lock);
    weft__wait_list_remove(node);
    bool over = barrier->round != round;
    if (!over)
        barrier->come--;
    weft__latch_release(&barrier->lock);
    if (over) /* BARRIER-2; a deadline that has passed meanwhile did not cut it short */
        return 0;
    int rc = weft__scope_error(waiter, ended);
    return rc ? rc : -EAGAIN;
}

/* 0 or 1, -EAGAIN or an error. */
static int wait_once(struct barrier *barrier, struct weft__waiter *waiter)
{
    struct weft__wait_node node = { .number = 0 };
    struct weft__wakes wakes;
    weft__wakes_init(&wakes);
    weft__wait_node_begin(&node, waiter, "barrier", barrier);
    weft__latch_acquire(&barrier->lock);
    uint32_t round = barrier->round;
    bool last = arrive(barrier, &node, &wakes);
    weft__latch_release(&barrier->lock);
    if (last) {
        weft__wakes_carry_out(&wakes);
        weft__wait_node_drop(&node); /* it may park */
        return 1;
    }
    return park(barrier, &node, round);
}

int weft_barrier_wait(weft_barrier *barrier)
{
    struct weft__waiter *waiter = weft__waiter_self();
    int rc = waiter ? weft__checkpoint(waiter) : -ENOMEM;
    if (rc)
        return rc;
    do {
        rc = wait_once(inner(barrier), waiter);
    } while (rc == -EAGAIN);
    return rc;
}
