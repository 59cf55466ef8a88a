/* event.h - events, as select waits for them. */
#ifndef WEFT_SYNC_EVENT_H
#define WEFT_SYNC_EVENT_H

#include "sync/wait_queue.h"
#include "weft/event.h"

struct weft__event_flag {
    _Atomic(uint32_t) state;
    struct weft__latch lock;
    struct weft__wait_list waiters;
};

_Static_assert(sizeof(struct weft__event_flag) <= sizeof(weft_event), "the public size");

static inline struct weft__event_flag *weft__event_of(weft_event *event)
{
    return (struct weft__event_flag *)(void *)event;
}

/* Whether it is set; then what came before the setting is seen, and whoever has set it
 * is done with the event. */
bool weft__event_passed(struct weft__event_flag *event);

/* weft_event_wait() by `waiter`, the caller's; `what` and `object` are for dumps. */
int weft__event_wait(struct weft__event_flag *event, struct weft__waiter *waiter, const char *what,
                     uint64_t object);

/* Waits for it until `deadline` at the latest, whatever is in force: for who must not leave
 * before. Whether it has passed; false: not yet, ask again. */
bool weft__event_wait_firmly(struct weft__event_flag *event, struct weft__waiter *waiter,
                             const char *what, uint64_t object, int64_t deadline);

/* Puts a node into the list. False: it is set. */
bool weft__event_enlist(struct weft__event_flag *event, struct weft__wait_node *node);

#endif
