/* held.h - in debug builds: how many pthread mutexes a task holds.
 *
 * To wait with one locked is allowed, and keeps no carrier from working; but whoever wants
 * the mutex waits as long, which is worth knowing when something hangs. So dumps say it
 * (src/observe). A warning would be heard all the time: threaded programs wait for one
 * lock with another one locked, and for descriptors.
 *
 * HELD-1  The count is changed by the task itself, when it has become the owner that a
 *         mutex names, and before it is that no more. So a condition's wait, which lets
 *         go of its mutex, does not count it.
 * HELD-2  A task that unlocks what another has locked, as some programs do, leaves that
 *         one's count too high. From then on nobody's is shown. (A thread that is not ours
 *         is not seen to do so.)
 *
 * Only mutexes that are ours are counted (weft__mutex_ours()). */
#ifndef WEFT_HOOK_HELD_H
#define WEFT_HOOK_HELD_H

#include "base/atomic.h"
#include "observe/report.h"
#include "sched/task.h"

#if defined(NDEBUG) || defined(WEFT_MODEL)
#define weft__held_one() ((void)0)
#define weft__held_one_less(owner) ((void)(owner))
#else
static inline void weft__held_one(void)
{
    struct weft_task *self = weft__self();
    if (self)
        weft__bump(&self->held, 1);
}

/* `owner`: whether it is the caller who has locked the mutex. */
static inline void weft__held_one_less(bool owner)
{
    struct weft_task *self = weft__self();
    if (!owner)
        weft__store(&weft__held_unsure, true, relaxed); /* HELD-2 */
    else if (self && weft__load(&self->held, relaxed))
        weft__bump(&self->held, (uint16_t)-1);
}
#endif

#endif
