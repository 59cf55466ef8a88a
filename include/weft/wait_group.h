/* weft/wait_group.h - counting what is under way, and waiting until nothing is.
 *
 * For tasks and plain threads in any mix. Where the tasks are spawned in one place, a
 * group (weft/group.h) does the same and more. Nothing to destroy: the memory may go as
 * soon as a wait has returned, if nobody else is inside a call but weft_wait_group_done(). */
#ifndef WEFT_WAIT_GROUP_H
#define WEFT_WAIT_GROUP_H

#include <weft/common.h>

WEFT__BEGIN

/* A count. 0 at first. */
typedef struct weft_wait_group {
    uint64_t weft__private[5];
} weft_wait_group;

#define WEFT_WAIT_GROUP_INIT \
    { \
        { \
            0 \
        } \
    }

/* Readies a wait group; what the static initialiser does. Any caller; never suspends. */
WEFT_API void weft_wait_group_init(weft_wait_group *group) WEFT__NONNULL(1);

/* Adds `count` to what is under way; before it begins, since who waits for 0 goes on at
 * the first; but a virtual thread in whose wait a signal's handler runs while the count is 0
 * waits for the next. Any task or plain thread; never suspends. */
WEFT_API void weft_wait_group_add(weft_wait_group *group, unsigned count) WEFT__NONNULL(1);

/* One has ended. Any task or plain thread; never suspends.
 * Returns 0, or -EPERM (none is under way). */
WEFT_API int weft_wait_group_done(weft_wait_group *group) WEFT__NONNULL(1);

/* Waits until the count is 0; what was done before is seen.
 *
 * Suspends (blocks a plain thread); a cancellation point.
 * Returns 0, -ETIMEDOUT or -ECANCELED (the surrounding scope), or -ENOMEM (a plain
 * thread's first wait, and memory is out). */
WEFT_API int weft_wait_group_wait(weft_wait_group *group) WEFT__NONNULL(1);

WEFT__END

#endif
