/* stay.h - who calls libc comes back where it was: STAY-1..5 in doc/design/hook.md.
 *
 * WEFT__STAYS stands at the beginning of each interposer that may suspend. In debug
 * builds it says so in the task, whose every suspension then has to be pinned
 * (sched/switch.h), and looks at the return whether the thread-locals are the same. */
#ifndef WEFT_HOOK_STAY_H
#define WEFT_HOOK_STAY_H

#include "base/assert.h"
#include "hook/thread.h"

#ifdef NDEBUG
#define WEFT__STAYS ((void)0)
#else
#define WEFT__STAYS \
    WEFT_UNUSED __attribute__((cleanup(weft__stay_end))) struct weft__stay stay = weft__stay_begin()

struct weft__stay {
    struct weft_task *light; /* NULL: another kind of thread */
    void *thread_pointer;
};

static inline struct weft__stay weft__stay_begin(void)
{
    struct weft_task *self = weft__hook_task();
    struct weft__stay stay = { NULL, weft__context_thread_pointer() };
    if (self && !weft__is_virtual(self)) {
        stay.light = self;
        self->interposed++;
    }
    return stay;
}

static inline void weft__stay_end(const struct weft__stay *stay)
{
    WEFT_ASSERT(weft__context_thread_pointer() == stay->thread_pointer, "STAY-1");
    if (stay->light)
        stay->light->interposed--;
}
#endif

#endif
