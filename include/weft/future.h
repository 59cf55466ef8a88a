/* weft/future.h - futures: a result that comes once, for any number who wait for it.
 *
 * A future has no result at first. Then it gets one, and keeps it: a value, which is a
 * number or a pointer, or an error, which is a negative errno value. Tasks and plain
 * threads in any mix wait for it, look at it, or have a function called.
 *
 *     weft_future *future;
 *     weft_future_create(&future);
 *     weft_future_retain(future);                     the producer's reference
 *     weft_spawn(produce, future, NULL);
 *     ...
 *     rc = weft_future_wait(future, &value);
 *     weft_future_release(future);
 *
 *     in the producer:
 *     weft_future_set(future, (intptr_t)page);        or weft_future_fail(future, -EIO)
 *     weft_future_release(future);
 *
 * A future that is the result of a function comes from weft_submit() (weft/submit.h).
 *
 * Futures are counted, and not in the caller's memory as an event is, because neither side
 * outlives the other: who waits may give up, for a deadline, while the producer is still
 * at it. Whoever calls a function here has a reference until the call returns. What a
 * pointer in it points to belongs to whom the program says; weft does not free it.
 *
 * Whose error is it? weft_future_wait() returns the future's own error, or that of the
 * scope around the caller (weft/scope.h), and both may be -ECANCELED or -ETIMEDOUT. Then
 * weft_future_is_done() says which: as long as it is false there is no result, and it was
 * the scope's. */
#ifndef WEFT_FUTURE_H
#define WEFT_FUTURE_H

#include <weft/common.h>

WEFT__BEGIN

/* A future. */
typedef struct weft_future weft_future;

/* Creates a future without a result. *ret_future has one reference, the caller's. Any
 * caller; never suspends.
 * Returns 0 or -ENOMEM. */
WEFT_API int weft_future_create(weft_future **ret_future) WEFT__NONNULL(1);

/* Takes one reference more, for somebody else. Any task or plain thread that has one;
 * never suspends. Returns `future`. */
WEFT_API weft_future *weft_future_retain(weft_future *future) WEFT__NONNULL(1);

/* Gives a reference up; with the last one the future goes. If it has no result then, nobody
 * is left who waits for it, but functions that are to be called are: they are, and find
 * -ECANCELED. NULL is ignored. Any task or plain thread; never suspends. */
WEFT_API void weft_future_release(weft_future *future);

/* Gives it a value: all who wait go on, then the functions are called that
 * weft_future_on_done() has registered. What came before is seen by whoever has the value.
 * Any task or plain thread; never suspends.
 * Returns 0, or -EALREADY (it has a result, which stays). */
WEFT_API int weft_future_set(weft_future *future, intptr_t value) WEFT__NONNULL(1);

/* The same with an error, which is negative; -ECANCELED is what weft_future_cancel() gives.
 * Any task or plain thread; never suspends.
 * Returns 0, -EALREADY (it has a result, which stays) or -EINVAL (no negative number). */
WEFT_API int weft_future_fail(weft_future *future, int error) WEFT__NONNULL(1);

/* Says that nobody wants the result. If a task that was submitted is to give it
 * (weft_submit()), that task is cancelled (weft_cancel()), and the result is what it
 * returns when it ends: -ECANCELED, if it does as it is told, or if it has not begun. Any
 * other future gets the result -ECANCELED at once, and its producer learns of that when it
 * sets it. Any task or plain thread; never suspends.
 * Returns 0, or -EALREADY (it has a result, which stays). */
WEFT_API int weft_future_cancel(weft_future *future) WEFT__NONNULL(1);

/* Whether it has a result. Any task or plain thread; never suspends. */
WEFT_API bool weft_future_is_done(const weft_future *future) WEFT__NONNULL(1);

/* Waits until it has a result. The value goes to *ret_value, which may be NULL.
 *
 * Suspends (blocks a plain thread); a cancellation point.
 * Returns 0; the future's error, -ECANCELED if it was cancelled; -ETIMEDOUT or -ECANCELED
 * of the surrounding scope (weft_future_is_done() tells them apart); -EDEADLK (it is the
 * result of the caller itself); or -ENOMEM (a plain thread's first wait, and memory is
 * out). */
WEFT_API int weft_future_wait(weft_future *future, intptr_t *ret_value) WEFT__NONNULL(1);

/* The same without waiting. Any task or plain thread; never suspends.
 * Returns 0, the future's error, or -EAGAIN (it has no result). */
WEFT_API int weft_future_try(weft_future *future, intptr_t *ret_value) WEFT__NONNULL(1);

/* Has fn(future, arg) called when it has a result, which weft_future_try() then gives:
 * once, and at once if it has one. Otherwise those that were registered are called one
 * after the other, in their order, by whoever gives it its result, inside that call; by the
 * task that was submitted, when it has ended; or, if that is a virtual thread, or ended for
 * want of memory before it had run, as weft_post() does it. So they must not wait, and
 * should be short; who waits for the future may go on before they do. `future` is theirs
 * until they return.
 *
 * Any task or plain thread; never suspends.
 * Returns 0 or -ENOMEM (it will not be called). */
WEFT_API int weft_future_on_done(weft_future *future, void (*fn)(weft_future *future, void *arg),
                                 void *arg) WEFT__NONNULL(1, 2);

/* Takes that back, the oldest if fn and arg are registered several times. Any task or plain
 * thread; never suspends.
 * Returns 0 (it will not be called), or -ENOENT (nothing of the kind is registered: it was
 * called, is at it at this moment, or is about to be). */
WEFT_API int weft_future_forget(weft_future *future, void (*fn)(weft_future *future, void *arg),
                                void *arg) WEFT__NONNULL(1, 2);

WEFT__END

#endif
