/* Events.
 *
 *     state = SET | WAITERS
 *
 * EVENT-1  WAITERS is set, under the lock, by who enters the list while SET is not.
 *          Without it, setting is one exchange and the last thing done.
 * EVENT-2  With it, SET is stored under the lock, WAITERS stays, and the list is empty
 *          when the lock is released. Who sees both passes the lock before he goes on:
 *          so a wait that has returned is proof that the setter touches the event no
 *          more, though the waiter may never have been in the list.
 * EVENT-3  Who has passed it takes WAITERS away under it, if SET is still there: the setter
 *          is done, and nobody is in the list. So later waits are one look. Who finds SET
 *          alone then relies on that one, who is inside a call until he has left the lock.
 *          Who clears may find WAITERS gone at any moment. */
#include "sync/event.h"

#include <errno.h>

#include "task/scope.h"

#define SET 1u
#define WAITERS 2u

void weft_event_init(weft_event *event)
{
    *event = (weft_event)WEFT_EVENT_INIT;
}

static void set_and_wake(struct weft__event_flag *event)
{
    struct weft__wakes wakes;
    weft__wakes_init(&wakes);
    weft__latch_acquire(&event->lock);
    /* acq_rel: as in weft_event_set(); somebody else may have set it meanwhile */
    weft__exchange(&event->state, SET | WAITERS, acq_rel);
    weft__wakes_take_all(&wakes, &event->waiters);
    weft__latch_release(&event->lock);
    weft__wakes_carry_out(&wakes);
}

void weft_event_set(weft_event *public)
{
    struct weft__event_flag *event = weft__event_of(public);
    uint32_t state = weft__load(&event->state, relaxed);
    do {
        if (state & WAITERS && !(state & SET)) {
            set_and_wake(event);
            return;
        }
        /* acq_rel: pairs with the acquire in weft__event_passed(); an event that was set
         * already is still set for who sees what came before this */
    } while (!weft__cas_weak(&event->state, &state, state | SET, acq_rel, relaxed));
}

void weft_event_clear(weft_event *public)
{
    struct weft__event_flag *event = weft__event_of(public);
    uint32_t state = SET;
    if (weft__cas(&event->state, &state, 0, acq_rel, relaxed) || !(state & SET))
        return;
    weft__latch_acquire(&event->lock); /* EVENT-2: the setter may be inside */
    /* Until somebody else has cleared it: others may wait already (EVENT-1, EVENT-3). */
    while (state & SET && !weft__cas_weak(&event->state, &state, 0, acq_rel, relaxed))
        ;
    weft__latch_release(&event->lock);
}

bool weft_event_is_set(const weft_event *event)
{
    const struct weft__event_flag *seen = (const struct weft__event_flag *)(const void *)event;
    return weft__load(&seen->state, acquire) & SET;
}

/* EVENT-2 */
static WEFT_NOINLINE void pass_lock(struct weft__event_flag *event)
{
    uint32_t waited = SET | WAITERS;
    weft__latch_acquire(&event->lock);
    /* EVENT-3; acq_rel: who sees SET alone sees what the setter has seen, and done */
    weft__cas(&event->state, &waited, SET, acq_rel, relaxed);
    weft__latch_release(&event->lock);
}

bool weft__event_passed(struct weft__event_flag *event)
{
    /* acquire: pairs with the setting, and with pass_lock() */
    uint32_t state = weft__load(&event->state, acquire);
    if (weft__unlikely(state == (SET | WAITERS)))
        pass_lock(event);
    return state & SET;
}

bool weft__event_enlist(struct weft__event_flag *event, struct weft__wait_node *node)
{
    uint32_t clear = 0;
    weft__latch_acquire(&event->lock);
    /* acquire: as in weft__event_passed() */
    bool waits = weft__cas(&event->state, &clear, WAITERS, acquire, acquire) || clear == WAITERS;
    if (waits)
        weft__wait_list_enter(&event->waiters, node);
    weft__latch_release(&event->lock);
    return waits;
}

/* 0, -EAGAIN or an error. Whom a canceller had woken for nothing when it was set was dropped: it
 * need not be set any more. */
static int wait_once(struct weft__event_flag *event, struct weft__waiter *waiter, const char *what,
                     uint64_t object)
{
    struct weft__wait_node node = { .number = 0 };
    weft__wait_node_begin(&node, waiter, what, (const void *)(uintptr_t)object);
    if (weft__event_enlist(event, &node)) {
        int rc = weft__wait_node_park(&event->lock, &node);
        return rc == -EAGAIN && node.dropped ? 0 : rc;
    }
    weft__wait_node_drop(&node);
    return 0;
}

int weft__event_wait(struct weft__event_flag *event, struct weft__waiter *waiter, const char *what,
                     uint64_t object)
{
    int rc = weft__checkpoint(waiter);
    while (rc == 0 && !weft__event_passed(event)) {
        rc = wait_once(event, waiter, what, object);
        if (rc != -EAGAIN)
            break;
        rc = 0;
    }
    return rc;
}

bool weft__event_wait_firmly(struct weft__event_flag *event, struct weft__waiter *waiter,
                             const char *what, uint64_t object, int64_t deadline)
{
    struct weft__wait_node node = { .number = 0 };
    if (weft__event_passed(event))
        return true;
    weft__wait_node_begin(&node, waiter, what, (const void *)(uintptr_t)object);
    if (!weft__event_enlist(event, &node)) {
        weft__wait_node_drop(&node);
        return weft__event_passed(event);
    }
    enum weft__wait_state reason = weft__wait_park_firmly_until(waiter, deadline);
    if (reason != WEFT__EVENT) {
        weft__latch_acquire(&event->lock);
        weft__wait_list_remove(&node);
        weft__latch_release(&event->lock);
    }
    if (reason == WEFT__INTERRUPTED)
        weft__wait_handled();
    return weft__event_passed(event);
}

int weft_event_wait(weft_event *public)
{
    struct weft__event_flag *event = weft__event_of(public);
    struct weft__waiter *waiter = weft__waiter_self();
    return waiter ? weft__event_wait(event, waiter, "event", (uintptr_t)event) : -ENOMEM;
}
