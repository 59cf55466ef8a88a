/* waiting.h - after scopes.h: how all of src/sync waits, and what can be broken in that
 * on purpose. A test includes this and then the files that it checks. */
#ifndef WEFT_TEST_MODEL_WAITING_H
#define WEFT_TEST_MODEL_WAITING_H

/* Without the invariant of that number: who has seen that it has to wait lets go of the
 * lock before it enters the list; a waiter who has given up counts as taken; a thread
 * whose wait has been claimed goes on, woken or not; who is taken is woken under it. */
static enum { QUEUE_SOUND, NO_QUEUE_1, NO_QUEUE_2, NO_QUEUE_3, NO_QUEUE_4 } queue_mutation;

static bool claim_or_believe(struct weft__waiter *waiter, uint64_t ticket,
                             enum weft__wait_state reason)
{
    return weft__wait_claim(waiter, ticket, reason) || queue_mutation == NO_QUEUE_2;
}

static bool is_woken_or_claimed(struct weft__plain_thread *thread)
{
    return weft__plain_thread_is_woken(thread) ||
           (queue_mutation == NO_QUEUE_3 && weft__wait_state(&thread->waiter) != WEFT__WAITING);
}

#define weft__plain_thread_is_woken is_woken_or_claimed
#include "sched/wait.c"
#undef weft__plain_thread_is_woken
#include "sched/wakes.c"

static void add_or_wake(struct weft__wakes *wakes, struct weft__waiter *waiter)
{
    if (queue_mutation == NO_QUEUE_4)
        weft__wait_wake(waiter);
    else
        weft__wakes_add(wakes, waiter);
}

#define weft__wait_claim claim_or_believe
#define weft__wakes_add add_or_wake
#include "sync/wait_queue.c"

/* Under the lock. */
static bool in_turn(const struct weft__wait_list *list)
{
    const struct weft__wait_node *before = NULL;
    if (!list->nodes.next)
        return true;
    for (struct weft__list *at = list->nodes.next; at != &list->nodes; at = at->next) {
        if (before && !came_before(before, waiting_of(at)))
            return false;
        before = waiting_of(at);
    }
    return true;
}

/* The taker's messages are still to be written: QUEUE-3. */
WEFT_UNUSED static struct weft__wait_node *take_slowly(struct weft__wait_list *list)
{
    model_assert(in_turn(list), "QUEUE-6");
    struct weft__wait_node *node = weft__wait_list_take(list);
    if (node)
        model_step();
    return node;
}

WEFT_UNUSED static int wait_or_let_go(struct weft__latch *lock, struct weft__wait_list *list,
                                      struct weft__wait_node *node, bool waits)
{
    if (queue_mutation == NO_QUEUE_1) {
        weft__latch_release(lock);
        weft__latch_acquire(lock);
    }
    return weft__wait_node_wait(lock, list, node, waits);
}

#define weft__wait_list_take take_slowly
#define weft__wait_node_wait wait_or_let_go

#endif
