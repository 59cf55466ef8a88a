/* Cancellation. The state is libc's, in the thread's block: so pthread_setcancelstate()
 * and pthread_setcanceltype() and libc's own cancellation points need nothing from
 * us. A request travels like a signal; the thread itself passes it on to libc. */
#include <errno.h>

#include "hook/interposed.h"
#include "hook/signals.h"
#include "hook/thread.h"

/* Of the asynchronous type, or in a call in which libc makes it so: ends here. */
void weft__cancel_mark(struct weft__thread *self)
{
    atomic_fetch_and_explicit(&self->signals.carried, ~WEFT__CANCEL, memory_order_relaxed);
    self->result = PTHREAD_CANCELED; /* replaced by what it returns, if it does not end so */
    weft__real_pthread_cancel((pthread_t)weft__block_self(self->block));
}

/* Bits of libc's. */
#define DISABLED 1u
#define CANCELED 8u
#define EXITING 16u

bool weft__cancel_due(void)
{
    struct weft__thread *self = weft__thread_self();
    if (!self)
        return false;
    char *block = weft__block_self(self->block);
    uint32_t state = *(volatile uint32_t *)(void *)(block + weft__layout.cancel);
    return (state & (DISABLED | CANCELED | EXITING)) == CANCELED;
}

/* Requests arrive at the end of waits, see weft__hook_end(). */
void weft__cancel_point(void)
{
    struct weft__thread *self = weft__thread_self();
    if (!self)
        return;
    if (weft__unlikely(weft__load(&self->signals.carried, relaxed) & WEFT__CANCEL))
        weft__cancel_mark(self);
    pthread_testcancel();
}

WEFT__INTERPOSE int pthread_cancel(pthread_t id)
{
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__real_pthread_cancel(id);
    if (thread == weft__thread_self()) {
        weft__cancel_mark(thread);
        return 0;
    }
    weft__lock_acquire(&weft__signals_lock);
    if (!weft__list_empty(&thread->signals.link)) {
        atomic_fetch_or_explicit(&thread->signals.carried, WEFT__CANCEL, memory_order_seq_cst);
        weft__signals_nudge(thread);
    }
    weft__lock_release(&weft__signals_lock);
    return 0;
}

WEFT__INTERPOSE void pthread_testcancel(void)
{
    struct weft__thread *self = weft__thread_self();
    if (self && weft__load(&self->signals.carried, relaxed) & WEFT__CANCEL)
        weft__cancel_mark(self);
    weft__real_pthread_testcancel();
}
