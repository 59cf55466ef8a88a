/* weft/local.h - task-locals: values that every task has for itself.
 *
 *     static weft_local request_id;
 *     ...
 *     weft_local_create(&request_id, free, WEFT_LOCAL_INHERITED);
 *     ...
 *     weft_local_set(request_id, strdup("7f3a"));
 *     ...
 *     const char *id = weft_local_get(request_id);
 *
 * They go with the task to whatever OS thread it moves to; a plain thread has its
 * own. What pthread_key_create() or Python's contextvars are used for is done with
 * them. A look-up costs an array index; a task that has set nothing pays nothing.
 *
 * The value belongs to weft from weft_local_set() on, and its key's destructor
 * destroys it: when the task ends, or when another value takes its place. (Unlike
 * in pthread_setspecific(): do not free the old value yourself.)
 *
 * With WEFT_LOCAL_INHERITED a new task begins with the values of the task or thread
 * that spawns it, as they are at that moment. It may set others, which its spawner
 * does not see. They are the same values, not copies: whoever reads what they point
 * to reads what others read at the same time. The destructor runs once for each
 * value, when the last task that has it has ended or has set another one. */
#ifndef WEFT_LOCAL_H
#define WEFT_LOCAL_H

#include <weft/cleanup.h>
#include <weft/common.h>

/* How many keys there can be at a time. */
#define WEFT_LOCALS_MAX 1024

/* New tasks begin with the values of their spawner. */
#define WEFT_LOCAL_INHERITED 0x1u

WEFT__BEGIN

/* A key. Passed by value, copied as you like. All zero is no key. */
typedef struct weft_local {
    uint64_t weft__private;
} weft_local;

/* Makes a key, which has no value in any task. `flags` is 0 or WEFT_LOCAL_INHERITED.
 *
 * `destroy`, which may be NULL, gets each value that is not NULL when its time has
 * come: on the task or thread that ends, before anyone who joins it goes on, or in
 * the weft_local_set() that replaces the value. It may suspend, and use and set
 * task-locals; values that it sets are destroyed in turn, for up to four rounds. It
 * must not call weft_exit(). The inherited values of a task that never ran are
 * destroyed by another task that ends, by its joiner, or by weft_stop().
 *
 * Never suspends.
 * Returns 0, -EAGAIN (there are WEFT_LOCALS_MAX keys) or -EINVAL (flags). */
WEFT_API int weft_local_create(weft_local *ret_local, void (*destroy)(void *value), unsigned flags)
    WEFT__NONNULL(1);

/* Deletes a key. Values that tasks still have are not destroyed, now or later; from
 * now on weft_local_set() of it fails. Never suspends.
 * Returns 0 or -EINVAL (there is no such key). */
WEFT_API int weft_local_delete(weft_local local);

/* The calling task's or thread's value; NULL: it has none. Any caller, signal
 * handlers included as long as they do not interrupt weft_local_set(); never
 * suspends. */
WEFT_API void *weft_local_get(weft_local local);

/* Sets the calling task's or thread's value; NULL: none. The one before is destroyed,
 * unless another task has inherited it, or it is the same.
 *
 * Suspends only where a destructor does.
 * Returns 0, or -EINVAL (there is no such key) or -ENOMEM; then nothing has changed,
 * and `value` is still the caller's. */
WEFT_API int weft_local_set(weft_local local, void *value);

/* A region in which a key has another value. Lives on the stack. */
typedef struct weft_local_region {
    weft_cleanup weft__cleanup;
    uint64_t weft__private[4];
} weft_local_region;

/* As weft_local_set() until weft_local_pop(), which puts back the value from before.
 * That one is kept for as long. Regions nest; weft_exit() leaves them.
 * Never suspends. Returns as weft_local_set(); after an error there is no region. */
WEFT_API int weft_local_push(weft_local_region *region, weft_local local, void *value)
    WEFT__NONNULL(1);

/* Leaves the region, which is the innermost; destroys the value as weft_local_set()
 * does. Cannot fail. Suspends only where a destructor does. */
WEFT_API void weft_local_pop(weft_local_region *region) WEFT__NONNULL(1);

#ifdef __GNUC__
/* Runs the block that follows with another value, however the block is left: at its
 * end or by break, continue, return or goto. `rc` is an int of the caller's: 0 or
 * an error of weft_local_push(), with which the block does not run.
 *
 *     int rc;
 *     WEFT_WITH_LOCAL (rc, user, "alice") {
 *         rc = serve(request);
 *     } */
#define WEFT_WITH_LOCAL(rc, local, value) \
    WEFT__WITH_LOCAL(rc, local, value, WEFT__UNIQUE(weft__region), WEFT__UNIQUE(weft__once))
#define WEFT__WITH_LOCAL(rc, local, value, region, once) \
    for (weft_local_region region WEFT__CLEANUP(weft__local_leave), \
         *once = ((rc) = weft_local_push(&region, local, value)) == 0 ? &region : 0; \
         once; once = 0)

static inline void weft__local_leave(weft_local_region *region)
{
    if (weft__cleanup_waits(&region->weft__cleanup))
        weft_local_pop(region);
}
#endif

WEFT__END

#endif
