/* future.h - futures, as select and submitted tasks use them.
 *
 * FUTURE-1  `done` becomes true once, under the lock, after the result has been written;
 *           nobody writes the result afterwards, and who sees `done` reads it.
 * FUTURE-2  Nobody waits, and no callback is added or taken back, once it is done: those
 *           who look do so under the lock. So whoever has made it done has the list of
 *           callbacks to himself, and calls each of them once, without the lock.
 * FUTURE-3  Whoever calls has a reference, and a submitted task has one until its epilogue
 *           is over. So who has made it done may touch it after those who waited have gone.
 *           The last reference is nobody's but the one who gives it up.
 * FUTURE-4  `task` is the submitted one until the future is done. Its epilogue makes it
 *           done, under the lock, before it ends; so who finds it there under the lock may
 *           cancel it. */
#ifndef WEFT_SYNC_FUTURE_H
#define WEFT_SYNC_FUTURE_H

#include "sync/post.h"
#include "sync/wait_queue.h"
#include "weft/future.h"

struct weft__future_callback {
    struct weft__list link;
    void (*fn)(weft_future *future, void *arg);
    void *arg;
};

struct weft_future {
    struct weft__latch lock;
    _Atomic(uint32_t) refs;
    _Atomic(bool) done;
    int error; /* 0: it has a value */
    intptr_t value;
    struct weft__wait_list waiters;
    struct weft__list callbacks;        /* oldest first */
    struct weft_task *task;             /* FUTURE-4; else NULL */
    int (*cancel)(weft_future *future); /* weft_future_cancel(); NULL: it gives it its result */
    const char *site;       /* for dumps: of the call that is to give the result, or NULL */
    struct weft__post post; /* for callbacks that cannot be called where it becomes done */
};

static inline bool weft__future_done(const weft_future *future)
{
    /* acquire: pairs with the release in finish() */
    return weft__load(&future->done, acquire);
}

/* For one that lies at the beginning of memory from malloc(), all zero: what
 * weft_future_create() does. The last reference frees that. */
void weft__future_init(weft_future *future);

/* The epilogue of a submitted task, whose reference it gives up: the result is what the
 * task has returned. `later`: callbacks must not be called here. */
void weft__future_end(weft_future *future, int result, bool later);

/* The one whose result is that of the task that calls; NULL: there is none. */
const weft_future *weft__future_own(void);

/* Whether the caller would wait for itself. */
static inline bool weft__future_is_ours(const weft_future *future)
{
    return future == weft__future_own() && !weft__future_done(future);
}

/* Puts a node into the list. False: it is done. */
bool weft__future_enlist(weft_future *future, struct weft__wait_node *node);

#endif
