/* weft/blocking.h - calls that block a thread, on threads that are there for it.
 *
 * A function that blocks, since it knows nothing of weft, such as a library's call that
 * waits for a disk or a server, runs on a thread of the blocking pool while the task that
 * wants it is suspended:
 *
 *     rc = weft_blocking(read_index, path, &entries);        waits for what it returns
 *
 *     rc = weft_blocking_submit(read_index, path, &future);  goes on meanwhile
 *     rc = weft_future_wait(future, &value);
 *
 * Threads are made when they are needed, and end when they have had nothing to do for a
 * while (weft_config's `blocking_idle`, `blocking_stack_size`). To the function such a thread
 * is a plain thread: it may use weft as those do. All signals are blocked in it. A function may
 * fork: the child has a copy of its thread alone, in which the call must not return; it calls
 * exec or _exit().
 *
 * Kinds. Each call is of a kind (weft_blocking_attr's `kind`), which has a limit of its own:
 * that many of its calls run at the same time, the others wait, first come first served. The
 * limits are each kind's own, there is none for all of them together, so calls of one kind,
 * however long they hang, never hold up those of another. A call that waits for another of
 * its kind may wait for ever.
 *
 * Cancelling. A call that has not begun when the scope of who waits for it has ended, or when
 * its future is cancelled, never runs. One that has begun cannot be stopped: weft_blocking()
 * waits until it has ended, and returns 0 and its result, since it did happen. With
 * WEFT_BLOCKING_ABANDON it is left alone instead, and goes on: weft_blocking_attr says what
 * becomes of its argument.
 *
 * At the end. weft_stop(), and weft_run() before it returns, wait for all calls of tasks and
 * all that were submitted, but not for those that were abandoned, and end the threads. After
 * weft_cancel_all() no call begins that was submitted, and its future's result is -ECANCELED.
 * A thread that is in an abandoned call ends when that has ended.
 *
 * Code that has to stay on its thread, or is too short for a way to another one and back, says
 * instead that it may block, where it stands: weft_blocking_begin(). */
#ifndef WEFT_BLOCKING_H
#define WEFT_BLOCKING_H

#include <weft/common.h>
#include <weft/future.h>
#include <weft/task.h>

/* Who waits does not wait for the end of a call that has begun, when its scope ends or its
 * future is cancelled. */
#define WEFT_BLOCKING_ABANDON 0x1u

WEFT__BEGIN

/* A kind of calls. */
typedef struct weft_blocking_kind weft_blocking_kind;

/* How to call. All zero means: the defaults. Copied. */
typedef struct weft_blocking_attr {
    /* NULL: the general kind, whose limit is weft_config's `blocking_threads`. */
    weft_blocking_kind *kind;
    /* WEFT_BLOCKING_ABANDON. */
    unsigned flags;
    /* Who owns the argument, then. If this is not NULL, either the caller, or the future, gets
     * what the function has returned, or this is called, once: with what it has returned and
     * nobody has got, when it has ended; or, if it never runs, with the error that the caller
     * or the future gets, such as -ECANCELED. So a caller who gets an error has given `arg`
     * away, and touches it no more. (Not when submitting fails: then there is no future, and
     * nothing has been given.)
     *
     * It is called on the thread that ran the function; or, if that never runs, by who has
     * cancelled it, and then it must not wait. It may be called after weft_stop(). */
    void (*abandoned)(void *arg, int result);
    uintptr_t reserved[5]; /* must be zero */
} weft_blocking_attr;

/* Calls fn(arg) on a thread of the pool and waits for what it returns, which *ret_result
 * receives (NULL: nobody wants it).
 *
 * Suspends (blocks a plain thread); a cancellation point until the call has begun, and with
 * WEFT_BLOCKING_ABANDON until it has ended. A plain thread needs no runtime.
 * Returns 0; -ECANCELED or -ETIMEDOUT (the surrounding scope: fn was not called, or was
 * abandoned); -EAGAIN (there is no thread, and none can be made), -ENOMEM or -EINVAL (attributes
 * out of range; abandoned() is not called): fn was not called. A signal's handler must not leave
 * the wait by a jump. */
#define weft_blocking(fn, arg, ret_result) \
    weft_blocking_at(WEFT__SITE(fn), NULL, fn, arg, ret_result)

/* weft_blocking() with attributes; `attr` may be NULL. */
#define weft_blocking_with(attr, fn, arg, ret_result) \
    weft_blocking_at(WEFT__SITE(fn), attr, fn, arg, ret_result)

/* What the macros above call. `site`: as for weft_spawn_at(). Suspends; a cancellation point. */
WEFT_API int weft_blocking_at(const char *site, const weft_blocking_attr *attr,
                              int (*fn)(void *arg), void *arg, int *ret_result) WEFT__NONNULL(1, 3);

/* Has fn(arg) called on a thread of the pool, and makes a future of what it returns: 0 or
 * more is the value, a negative errno value the error. -EAGAIN may also mean that there was
 * no thread, and none could be made, so that it has never run. If somebody else gives the
 * future a result before, that is the one.
 *
 * *ret_future has one reference, the caller's; giving it up does not stop the call.
 * weft_future_cancel() does, if it has not begun: the result is -ECANCELED. If it has, nothing
 * happens, and the result is what it returns; with WEFT_BLOCKING_ABANDON the result is
 * -ECANCELED at once. NULL: nobody wants to know.
 *
 * While as many calls of its kind wait as may (weft_blocking_kind_create()), it waits itself.
 *
 * Suspends (blocks a plain thread); a cancellation point.
 * Returns 0, -ECANCELED or -ETIMEDOUT (the surrounding scope; there is no future, and fn is not
 * called), -ENOMEM, -EINVAL (attributes out of range), or -EPERM (no runtime is running, or it is
 * about to end). */
#define weft_blocking_submit(fn, arg, ret_future) \
    weft_blocking_submit_at(WEFT__SITE(fn), NULL, fn, arg, ret_future)

/* weft_blocking_submit() with attributes; `attr` may be NULL. */
#define weft_blocking_submit_with(attr, fn, arg, ret_future) \
    weft_blocking_submit_at(WEFT__SITE(fn), attr, fn, arg, ret_future)

/* What the macros above call. Suspends; a cancellation point. */
WEFT_API int weft_blocking_submit_at(const char *site, const weft_blocking_attr *attr,
                                     int (*fn)(void *arg), void *arg, weft_future **ret_future)
    WEFT__NONNULL(1, 3);

/* The same without waiting. Any task or plain thread; never suspends.
 * Returns as weft_blocking_submit(), without an error of the scope, or -EAGAIN (as many wait as
 * may). */
#define weft_blocking_try_submit(fn, arg, ret_future) \
    weft_blocking_try_submit_at(WEFT__SITE(fn), NULL, fn, arg, ret_future)
#define weft_blocking_try_submit_with(attr, fn, arg, ret_future) \
    weft_blocking_try_submit_at(WEFT__SITE(fn), attr, fn, arg, ret_future)

/* What the macros above call. Never suspends. */
WEFT_API int weft_blocking_try_submit_at(const char *site, const weft_blocking_attr *attr,
                                         int (*fn)(void *arg), void *arg, weft_future **ret_future)
    WEFT__NONNULL(1, 3);

/* Creates a kind of calls of which at most `limit` run at the same time, and at most `waiting`
 * that were submitted wait; 0: 1024. *ret_kind is the caller's. Any caller; never suspends.
 * Returns 0, -EINVAL (`limit` is 0) or -ENOMEM. */
WEFT_API int weft_blocking_kind_create(unsigned limit, unsigned waiting,
                                       weft_blocking_kind **ret_kind) WEFT__NONNULL(3);

/* Gives a kind up: no call of it comes any more. Those that wait or run go on, as do those
 * who wait in weft_blocking_submit(). NULL is ignored. Any caller; never suspends. */
WEFT_API void weft_blocking_kind_destroy(weft_blocking_kind *kind);

/* The kind of calls that look names up, as weft_dial() does: its limit is weft_config's
 * `blocking_dns_threads`. And one for those that work on files, 64 at a time. Both are always
 * there. Any caller; never suspend. */
WEFT_API weft_blocking_kind *weft_blocking_dns(void);
WEFT_API weft_blocking_kind *weft_blocking_files(void);

/* What can be said of a kind at a moment. */
typedef struct weft_blocking_info {
    unsigned limit;
    unsigned running; /* or about to */
    unsigned waiting; /* for others of the kind to end */
} weft_blocking_info;

/* Looks at it; NULL: the general kind. Any task or plain thread; never suspends. */
WEFT_API void weft_blocking_look(weft_blocking_kind *kind, weft_blocking_info *ret_info)
    WEFT__NONNULL(2);

/* A section: between these two the running task may block its thread, or compute for long,
 * without holding up the others.
 *
 *     weft_blocking_begin();
 *     n = pread(fd, page, sizeof page, at);
 *     weft_blocking_end();
 *     if (n < 0)
 *         perror("pread");
 *
 * A section that is over soon costs some 20 ns, and when others wait behind the task the monitor
 * may have to be woken for it, which costs some microseconds, but not for each of many. If it goes
 * on for some 100 us while others wait behind the task, they go on, on another thread, and the task
 * keeps its own. (Without a section that takes until it is found to be blocked, 2 ms at worst, or
 * 10 ms when it computes.) Work that comes later waits for the monitor's next two looks, 2 ms at
 * worst. At most 1024 sections last that long at the same time, as many more as there are workers.
 * The watchdog (weft_watchdog()) says nothing of them.
 *
 * weft_blocking_begin() never suspends. weft_blocking_end() waits for the task's turn if the
 * others have gone on; the task may then be on another OS thread, as after every call that
 * suspends. Both keep errno (a compiler may keep its address, though: a function that has used
 * it before the section copies it before the end), and neither is a cancellation point: look at
 * the scope after the end where that is wanted (weft_checkpoint()).
 *
 * Sections nest; the outermost counts. Everything may be called in one, and does as it always
 * does: what suspends also ends the section, all levels of it, since the task then has a
 * worker again, and the ends that follow do nothing. Whom it wakes there goes on when others
 * do. A strand's other tasks wait for the section's end, as do tasks that are pinned to the
 * same thread, and a task that is pinned comes back to it.
 *
 * They do nothing on a plain thread, outside of a section (weft_blocking_end()), and where
 * workers are not given away: with a seed, the virtual clock or WEFT_NO_HAND_OFF. Not to be
 * called by a signal's handler. */
WEFT_API void weft_blocking_begin(void);
WEFT_API void weft_blocking_end(void);

WEFT__END

#endif
