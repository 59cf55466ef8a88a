/* The threads that take signals, as they come and go: SIG-5. */
#include <string.h>

#include "hook/pending.h"

struct weft__lock weft__signals_lock;
struct weft__list weft__roster = WEFT__LIST_INIT(weft__roster);

void weft__signals_add(struct weft__thread *thread, uint64_t mask)
{
    struct weft__signals *signals = &thread->signals;
    memset(signals, 0, sizeof *signals);
    weft__store(&signals->mask, mask, relaxed);
    signals->stack.ss_flags = SS_DISABLE;
    weft__list_init(&signals->queue);
    weft__lock_acquire(&weft__signals_lock);
    weft__list_append(&weft__roster, &signals->link);
    bool settle = weft__sink_wants(~mask);              /* SIG-2 */
    settle = weft__signals_bring_back(~mask) || settle; /* SIG-11 */
    weft__lock_release(&weft__signals_lock);
    if (settle)
        weft__sink_settle();
}

void weft__signals_begin(struct weft__thread *self)
{
    weft__lock_acquire(&weft__signals_lock);
    self->signals.task = weft__self(); /* SIG-5 */
    weft__lock_release(&weft__signals_lock);
    if (weft__signals_due(self))
        weft__signals_deliver(self, NULL);
}

static void remove_thread(struct weft__thread *thread)
{
    weft__lock_acquire(&weft__signals_lock);
    weft__list_remove(&thread->signals.link);
    if (weft__pending_release(&thread->signals, ~(uint64_t)0)) /* SIG-11 */
        weft__sink_retry();
    weft__pending_drop(&thread->signals, ~(uint64_t)0);
    weft__lock_release(&weft__signals_lock);
}

/* Whoever was asked to look and was in the library (SIG-4) has not looked yet. */
void weft__signals_last(struct weft__thread *self)
{
    if (!self->signals.guard && weft__signals_due(self))
        weft__signals_deliver(self, NULL);
}

/* From here on nothing is due in it any more. */
void weft__signals_end(struct weft__thread *self)
{
    self->signals.guard++;
    remove_thread(self);
}

void weft__signals_drop(struct weft__thread *thread)
{
    remove_thread(thread);
}

struct weft__thread *weft__signals_thread(uint32_t tid)
{
    for (struct weft__list *at = weft__roster.next; at != &weft__roster; at = at->next) {
        if (weft__roster_at(at)->tid == tid)
            return weft__roster_at(at);
    }
    return NULL;
}

void weft__signals_discard(int number)
{
    weft__lock_acquire(&weft__signals_lock);
    for (struct weft__list *at = weft__roster.next; at != &weft__roster; at = at->next)
        weft__pending_drop(&weft__roster_at(at)->signals, WEFT__SIGNAL(number));
    weft__pending_drop_released(WEFT__SIGNAL(number));
    weft__lock_release(&weft__signals_lock);
}

void weft__signals_nudge_due(void)
{
    for (struct weft__list *at = weft__roster.next; at != &weft__roster; at = at->next) {
        if (weft__signals_due(weft__roster_at(at)))
            weft__signals_nudge(weft__roster_at(at));
    }
}

void weft__signals_forget(void)
{
    weft__list_init(&weft__roster);
    weft__pending_forget();
    weft__signals_lock = (struct weft__lock){ 0 };
}
