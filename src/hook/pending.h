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

/* Puts a signal into a thread's queue, and makes the thread look. 0 or EAGAIN. */
int weft__pending_put(struct weft__thread *thread, const siginfo_t *info);

/* Drops those of `which`. */
void weft__pending_drop(struct weft__signals *signals, uint64_t which);

/* In a child process: nothing is pending. */
void weft__pending_forget(void);

#endif
