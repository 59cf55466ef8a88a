/* weft/cleanup.h - ending a task from anywhere, and handlers that run then.
 *
 * weft_exit() ends the calling task at any depth of calls. Functions between are not
 * returned to, so whatever they hold has to be let go by handlers:
 *
 *     FILE *file = fopen(path, "r");
 *     WEFT_DEFER(close_file, file);
 *     ... return, break, goto or weft_exit(): the file is closed ...
 *
 * Handlers are the calling task's or thread's own and run newest first. */
#ifndef WEFT_CLEANUP_H
#define WEFT_CLEANUP_H

#include <weft/common.h>

WEFT__BEGIN

/* Ends the calling task with `result`, as if its function had returned it.
 *
 * First all its handlers run, newest first, each in the scope in which it was pushed,
 * and may suspend; scopes and regions of task-locals that were entered since are left.
 * Then the task's locals are destroyed. The stack is not unwound: no destructor of a
 * C++ object and no handler of pthread_cleanup_push() runs. Of a virtual thread they
 * do run, after weft's handlers, as in pthread_exit().
 *
 * A handler that calls weft_exit() ends there; the others run, and its result counts.
 * Suspends only where a handler does, and to leave groups. Tasks only: on a plain thread
 * it aborts. Does not return. */
WEFT_API void weft_exit(int result) WEFT__NORETURN;

/* A handler that waits for its time. Lives on the stack. */
typedef struct weft_cleanup {
    uint64_t weft__private[4];
} weft_cleanup;

/* From now on weft_exit() calls fn(arg), until weft_cleanup_pop(). The function that
 * pushes has to pop before it returns; a task that ends by returning with handlers left
 * aborts the program, which is told so.
 *
 * Any task or plain thread (which weft_exit() cannot end); never suspends. */
WEFT_API void weft_cleanup_push(weft_cleanup *cleanup, void (*fn)(void *arg), void *arg)
    WEFT__NONNULL(1, 2);

/* Takes back the newest handler, which must be `cleanup`, else it says so and aborts; with
 * `run` calls it. Suspends only where the handler does. */
WEFT_API void weft_cleanup_pop(weft_cleanup *cleanup, bool run) WEFT__NONNULL(1);

/* Whether it has been pushed, and neither popped nor run. */
static inline bool weft__cleanup_waits(const weft_cleanup *cleanup)
{
    return cleanup->weft__private[0] != 0;
}

#ifdef __GNUC__
/* Calls fn(arg) when the block in which it stands is left: at its end, by break,
 * continue, return or goto, or by weft_exit(). A declaration: stands where one may
 * stand, and must not be jumped over. `arg` is evaluated at once. */
#define WEFT_DEFER(fn, arg) WEFT__DEFER(fn, arg, WEFT__UNIQUE(weft__defer))
#define WEFT__DEFER(fn, arg, name) \
    weft_cleanup name WEFT__CLEANUP(weft__cleanup_leave); \
    weft_cleanup_push(&name, fn, arg)

static inline void weft__cleanup_leave(weft_cleanup *cleanup)
{
    if (weft__cleanup_waits(cleanup)) /* else weft_exit() has run it */
        weft_cleanup_pop(cleanup, true);
}
#endif

WEFT__END

#endif
