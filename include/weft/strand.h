/* weft/strand.h - strands: tasks and callbacks that run one at a time, in order, on any
 * worker.
 *
 * A strand is an event loop without a thread. What is given to it, tasks and callbacks,
 * from anywhere, runs in the order in which it became runnable, and never at the same time:
 * one of its tasks has the CPU, or none has. Another goes on where that one suspends, which
 * is in functions whose comments say so, and nowhere else. So data that only a strand's
 * tasks touch needs no lock and no atomic operation, as with asyncio, but for what has to
 * hold across a suspension. Workers take turns in running a strand, whichever has time;
 * what one of its tasks has written the next one sees. Thousands of strands run side by
 * side, on all cores.
 *
 *     weft_strand *strand;
 *     weft_strand_create(&strand);
 *     weft_strand_spawn(strand, serve, &connection, &task);
 *     weft_strand_post(strand, note, "from anywhere");
 *
 * Tasks of a strand are tasks: joined, cancelled, in groups, virtual threads or pinned as
 * they like. Those that they spawn are of no strand unless they are given one. A task that
 * blocks its thread, or computes, keeps its strand waiting, and nobody else. */
#ifndef WEFT_STRAND_H
#define WEFT_STRAND_H

#include <weft/common.h>
#include <weft/future.h>
#include <weft/task.h>
#include <weft/time.h>

WEFT__BEGIN

/* A strand. */
typedef struct weft_strand weft_strand;

/* Creates a strand without tasks; costs some memory and nothing else. *ret_strand is the
 * caller's. Any caller; never suspends.
 * Returns 0 or -ENOMEM. */
WEFT_API int weft_strand_create(weft_strand **ret_strand) WEFT__NONNULL(1);

/* Creates a strand whose callbacks are called by one plain thread, where that lets them be:
 * in weft_strand_run(), weft_strand_step() and weft_strand_destroy(). For toolkits that want
 * to be called by the thread they began on. Everything but tasks can be given to it
 * (weft_strand_spawn(): -ENOTSUP), what weft_strand_call() calls included; who suspends
 * there blocks the thread.
 *
 * Which thread it is: the one that creates it; or, if that creates it for another or is a
 * task, the one that first runs or steps it. Any caller; never suspends.
 * Returns 0, -ENOMEM or an error of eventfd(2). */
WEFT_API int weft_strand_create_bound(weft_strand **ret_strand) WEFT__NONNULL(1);

/* For another main loop: the descriptor that is readable when weft_strand_step() has
 * something to do. It is the strand's. Any caller; never suspends.
 * Returns the descriptor, or -EINVAL (the strand is not bound). */
WEFT_API int weft_strand_fd(weft_strand *strand) WEFT__NONNULL(1);

/* Calls the callbacks whose turn has come, and returns; always the same thread, which is the
 * strand's. A callback that calls it lets those go first that come after it, as if it
 * suspended. Plain threads only; never suspends.
 * Returns how many they were, -EINVAL (the strand is not bound) or -EPERM (by a task). */
WEFT_API int weft_strand_step(weft_strand *strand) WEFT__NONNULL(1);

/* Waits until all tasks and callbacks of the strand have ended, those that are scheduled
 * and those that watch a descriptor included, and destroys it. They may give it others
 * meanwhile; nobody else may. NULL is ignored.
 *
 * Suspends (blocks a plain thread); a cancellation point where it has to wait: when all have
 * ended cleaning up needs no shield. A signal's handler must not leave it by a jump.
 * Returns 0; or, and the strand is still there, -EDEADLK (by a task or callback of the
 * strand), -ECANCELED or -ETIMEDOUT (the surrounding scope), -EPERM (it is bound, and a task
 * would have to wait), -ENOMEM (a plain thread's first wait, and memory is out) or, if it is
 * bound, -ENOSPC (the kernel has no epoll watch to wait with). */
WEFT_API int weft_strand_destroy(weft_strand *strand);

/* Spawns a task that runs fn(arg) in the strand. For names, sizes and kinds, and in groups,
 * weft_attr has a field `strand`. As weft_spawn(), from which `ret_task` and the errors
 * are; never suspends. */
#define weft_strand_spawn(strand, fn, arg, ret_task) \
    weft_strand_spawn_at(WEFT__SITE(fn), strand, fn, arg, ret_task)

/* Has fn(arg) called in the strand, once, when its turn comes. It may suspend, and then
 * others of the strand go on. It is a task that nobody joins: if there is no memory for a
 * stack when its turn has come it is not called. Any task or plain thread; never suspends.
 * Returns 0, -ENOMEM or -EPERM (no runtime is running). */
#define weft_strand_post(strand, fn, arg) weft_strand_post_at(WEFT__SITE(fn), strand, fn, arg)

/* The same at the point in time `when`, such as weft_after(WEFT_MS(20)), or soon after.
 *
 * `ret_task` receives the handle of a task whose result is 0, to be joined or detached;
 * NULL: there is none. It may be cancelled (weft_cancel()): by a task of the strand, and fn
 * has not been called, it will not be. Until its time has come it has no stack, unless it
 * is a plain thread that calls. Any task or plain thread; never suspends.
 * Returns as weft_strand_post(), or -EINVAL (WEFT_NEVER). */
#define weft_strand_schedule(strand, when, fn, arg, ret_task) \
    weft_strand_schedule_at(WEFT__SITE(fn), strand, when, fn, arg, ret_task)

/* Has fn(arg) called in the strand whenever `fd` is ready, again and again while it is:
 * `events` are those of poll(2), such as POLLIN or POLLOUT, and fn is to do what they are
 * about.
 *
 * `ret_task` is as for weft_strand_schedule(); cancelling ends it: by a task of the strand,
 * and fn is not called any more. It also ends when the descriptor is closed (weft_close()),
 * with -EBADF. Any task or plain thread; never suspends.
 * Returns as weft_strand_post(), or -EBADF (`fd` is negative). */
#define weft_strand_watch(strand, fd, events, fn, arg, ret_task) \
    weft_strand_watch_at(WEFT__SITE(fn), strand, fd, events, fn, arg, ret_task)

/* What the macros above call. `site`: as for weft_spawn_at(). */
WEFT_API int weft_strand_spawn_at(const char *site, weft_strand *strand, int (*fn)(void *arg),
                                  void *arg, weft_task **ret_task) WEFT__NONNULL(1, 2, 3);
WEFT_API int weft_strand_post_at(const char *site, weft_strand *strand, void (*fn)(void *arg),
                                 void *arg) WEFT__NONNULL(1, 2, 3);
WEFT_API int weft_strand_schedule_at(const char *site, weft_strand *strand, int64_t when,
                                     void (*fn)(void *arg), void *arg, weft_task **ret_task)
    WEFT__NONNULL(1, 2, 4);
WEFT_API int weft_strand_watch_at(const char *site, weft_strand *strand, int fd, short events,
                                  void (*fn)(void *arg), void *arg, weft_task **ret_task)
    WEFT__NONNULL(1, 2, 5);

/* Calls fn(arg) in the strand and waits for what it returns, which *ret_result receives
 * (NULL: nobody wants it).
 *
 * Suspends (blocks a plain thread); a cancellation point, and what cuts the wait short
 * cancels the call. If fn had not been called by then it never is, and the caller goes on at
 * once, however long the strand, or a bound strand's thread, is busy; weft_strand_destroy()
 * waits until its turn has passed, and until then it costs some hundred bytes. A signal's handler
 * must not leave the call by a jump.
 * Returns 0; -ECANCELED or -ETIMEDOUT (the surrounding scope, or weft_cancel_all(): fn was not
 * called, or has itself returned one of these); -EDEADLK (by the thread that calls the strand's
 * callbacks: it would wait for itself, and has only to call fn; so too by the thread that has
 * created a bound strand for another one which has not run or stepped it yet); -ENOMEM or -EPERM
 * (no runtime is running). */
#define weft_strand_call(strand, fn, arg, ret_result) \
    weft_strand_call_at(WEFT__SITE(fn), strand, fn, arg, ret_result)

/* What the macros above call. */
WEFT_API int weft_strand_call_at(const char *site, weft_strand *strand, int (*fn)(void *arg),
                                 void *arg, int *ret_result) WEFT__NONNULL(1, 2, 3);

/* The strand of the calling task, or the bound strand whose callback the calling plain
 * thread is in; NULL: there is none. Never suspends. */
WEFT_API weft_strand *weft_strand_self(void);

/* Waits until somebody calls weft_strand_stop(): for whoever has nothing to do but to see
 * the strand run, which it does anyway; or, if it is bound, for the thread that is to call
 * its callbacks. A stop that came before counts, once.
 *
 * Suspends (blocks a plain thread); a cancellation point.
 * Returns 0, -ECANCELED or -ETIMEDOUT (the surrounding scope), -EPERM (by a task, and the
 * strand is bound), -ENOMEM (a plain thread's first wait, and memory is out) or, if it is
 * bound, -ENOSPC (the kernel has no epoll watch to wait with). */
WEFT_API int weft_strand_run(weft_strand *strand) WEFT__NONNULL(1);

/* The same until `future` has a result, which weft_future_try() then gives; a stop is left for
 * others. What gives the result is a task or callback of the strand, or anything else.
 *
 * Suspends (blocks a plain thread); a cancellation point.
 * Returns as weft_strand_run(), or -EDEADLK (it is the result of the caller itself). */
WEFT_API int weft_strand_run_until(weft_strand *strand, weft_future *future) WEFT__NONNULL(1, 2);

/* Lets those who wait in weft_strand_run() go on, or the next who comes. The strand's tasks
 * go on as well. Any task or plain thread; never suspends. */
WEFT_API void weft_strand_stop(weft_strand *strand) WEFT__NONNULL(1);

WEFT__END

#endif
