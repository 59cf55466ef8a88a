/* weft/event.h - events: a flag to wait for, for tasks and plain threads in any mix.
 *
 * Nothing to destroy: the memory may go as soon as a wait has returned, if nobody else
 * is inside a call but who has set it. */
#ifndef WEFT_EVENT_H
#define WEFT_EVENT_H

#include <weft/common.h>

WEFT__BEGIN

/* An event. Not set at first. */
typedef struct weft_event {
    uint64_t weft__private[4];
} weft_event;

#define WEFT_EVENT_INIT \
    { \
        { \
            0 \
        } \
    }

/* Readies an event; what the static initialiser does. Any caller; never suspends. */
WEFT_API void weft_event_init(weft_event *event) WEFT__NONNULL(1);

/* Sets it: all who wait go on, and nobody waits until it is cleared. What came before
 * is seen by whoever waits. Any task or plain thread; never suspends. */
WEFT_API void weft_event_set(weft_event *event) WEFT__NONNULL(1);

/* Clears it. Who was waiting when it was set goes on all the same; but a virtual thread in
 * whose wait a signal's handler ran from before the setting until now has missed it, and
 * waits on. Any task or plain thread; never suspends. */
WEFT_API void weft_event_clear(weft_event *event) WEFT__NONNULL(1);

/* Whether it is set. Any caller; never suspends. */
WEFT_API bool weft_event_is_set(const weft_event *event) WEFT__NONNULL(1);

/* Waits until it is set.
 *
 * Suspends (blocks a plain thread); a cancellation point.
 * Returns 0, -ETIMEDOUT or -ECANCELED (the surrounding scope), or -ENOMEM (a plain
 * thread's first wait, and memory is out). */
WEFT_API int weft_event_wait(weft_event *event) WEFT__NONNULL(1);

WEFT__END

#endif
