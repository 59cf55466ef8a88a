/* Cancellation. The state is libc's, in the thread's block: so pthread_setcancelstate()
 * and pthread_setcanceltype() and libc's own cancellation points need nothing from
 * us. A request travels like a signal; the thread itself passes it on to libc. */
#include <errno.h>

#include "hook/interposed.h"
#include "hook/lot.h"
#include "hook/signals.h"
#include "hook/thread.h"

/* libc's bits of a thread's state. */
#define DISABLED 1u
#define ASYNCHRONOUS 2u
#define CANCELING 4u
#define CANCELED 8u
#define EXITING 16u

static _Atomic(uint32_t) *state_of(struct weft__thread *self)
{
    return (_Atomic(uint32_t) *)(void *)(weft__block_self(self->block) + weft__layout.cancel);
}

static bool is_to_end(struct weft__thread *self)
{
    return (weft__load(state_of(self), relaxed) & (DISABLED | CANCELED | EXITING)) == CANCELED;
}

bool weft__cancel_due(void)
{
    struct weft__thread *self = weft__thread_self();
    return self && is_to_end(self);
}

/* As libc's pthread_cancel() does it, whose own way with the calling thread leaves it
 * half done. Of the asynchronous type, or in a call in which libc makes it so: ends
 * here. */
void weft__cancel_note(struct weft__thread *self)
{
    atomic_fetch_and_explicit(&self->signals.carried, ~WEFT__CANCEL, memory_order_relaxed);
    atomic_fetch_or_explicit(state_of(self), CANCELING | CANCELED, memory_order_relaxed);
    if (weft__load(state_of(self), relaxed) & ASYNCHRONOUS)
        weft__real_pthread_testcancel();
}

/* Requests arrive at the end of waits, see weft__hook_end(). */
void weft__cancel_point(void)
{
    struct weft__thread *self = weft__thread_self();
    if (!self || self->signals.guard)
        return;
    if (weft__unlikely(weft__load(&self->signals.carried, relaxed) & WEFT__CANCEL))
        weft__cancel_note(self);
    if (weft__unlikely(is_to_end(self)))
        weft__real_pthread_testcancel();
}

/* False: it has been asked before. Who asks again and again must not interrupt it again
 * and again: our handlers are not masked, and would pile up. */
static bool request(struct weft__thread *thread)
{
    if (weft__load(state_of(thread), relaxed) & CANCELED)
        return false;
    uint64_t before =
        atomic_fetch_or_explicit(&thread->signals.carried, WEFT__CANCEL, memory_order_seq_cst);
    return !(before & WEFT__CANCEL);
}

/* libc's own calls see it. */
static int cancel_plain(pthread_t id)
{
    int rc = weft__real_pthread_cancel(id);
    if (rc == 0)
        weft__lot_disturb((uintptr_t)id);
    return rc;
}

WEFT__INTERPOSE int pthread_cancel(pthread_t id)
{
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__thread_gone(id) ? ESRCH : cancel_plain(id);
    if (thread == weft__thread_self()) {
        weft__cancel_note(thread);
        return 0;
    }
    weft__signals_hold();
    weft__lock_acquire(&weft__signals_lock);
    if (!weft__list_empty(&thread->signals.link) && request(thread))
        weft__signals_nudge(thread);
    weft__lock_release(&weft__signals_lock);
    weft__signals_unhold();
    return 0;
}

WEFT__INTERPOSE void pthread_testcancel(void)
{
    struct weft__thread *self = weft__thread_self();
    if (self && weft__load(&self->signals.carried, relaxed) & WEFT__CANCEL)
        weft__cancel_note(self);
    weft__real_pthread_testcancel();
}
