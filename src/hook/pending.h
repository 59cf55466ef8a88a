/* pending.h - what pending.c, roster.c and direct.c share of signals. All under the
 * signals' lock. */
#ifndef WEFT_HOOK_PENDING_H
#define WEFT_HOOK_PENDING_H

#include "hook/signals.h"
#include "hook/thread.h"

/* All threads, oldest first: the links of their signals. */
extern struct weft__list weft__roster;

static inline struct weft__thread *weft__roster_at(struct weft__list *link)
{
    return weft__container_of(link, struct weft__thread, signals.link);
}

/* Puts a signal into a thread's queue, and makes the thread look. `shared`: it was sent to
 * the process, and the thread chosen. 0 or EAGAIN. */
int weft__pending_put(struct weft__thread *thread, const siginfo_t *info, bool shared);

/* Of which numbers a thread has shared ones. */
uint64_t weft__pending_shared(const struct weft__signals *signals);

/* SIG-11: takes those of `which` from a thread, for the sink to choose another; true: there
 * are some. */
bool weft__pending_release(struct weft__signals *signals, uint64_t which);

/* The next that was released; false: none. */
bool weft__pending_released(siginfo_t *ret_info);

/* Drops those of `which`, and of what was released. */
void weft__pending_drop(struct weft__signals *signals, uint64_t which);
void weft__pending_drop_released(uint64_t which);

/* In a child process: nothing is pending. */
void weft__pending_forget(void);

#endif
