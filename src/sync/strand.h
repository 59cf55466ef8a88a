/* strand.h - what a strand is, and where its callbacks are called. */
#ifndef WEFT_SYNC_STRAND_H
#define WEFT_SYNC_STRAND_H

#include "sched/strand.h"
#include "weft/event.h"
#include "weft/select.h"
#include "weft/strand.h"

struct weft__bound;

struct weft_strand {
    struct weft__strand core; /* first */
    weft_event emptied;       /* STRAND-11 */
    weft_event stopped;
    struct weft__bound *bound; /* to a plain thread: sync/bound.c; else NULL */
};

/* By a callback's task: calls fn(arg) where the strand's callbacks are called. Returns 0, or
 * -ECANCELED: it was not called. Suspends if that is elsewhere. */
int weft__strand_invoke(void (*fn)(void *arg), void *arg);

/* For strand.c: calls the callbacks of a bound strand until the case is chosen; 0 or an error,
 * as from weft_select(). Suspends. */
int weft__bound_run_until(struct weft_strand *strand, weft_case item);
void weft__bound_destroy(struct weft__bound *bound);

/* Whether it is the caller who calls the strand's callbacks. */
bool weft__bound_is_ours(const struct weft_strand *strand);

/* The strand whose callback the calling plain thread is in; NULL: none. */
struct weft_strand *weft__bound_running(void);

#endif
