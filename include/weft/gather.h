/* weft/gather.h - waiting for several tasks, or several futures, at once.
 *
 * For tasks with handles, from weft_spawn(); tasks of a group (weft/group.h) are
 * waited for by their group. The functions take an array of handles, in which NULL
 * stands for no task. A handle that has been used up becomes NULL, so that an array can
 * be waited for until it is empty. No task may be in an array twice, nor be waited for
 * by somebody else at the same time: weft_wait_any() and weft_join_any() say -EINVAL when
 * they meet one that is, weft_gather() releases it twice (builds with assertions abort).
 *
 * All in order:
 *
 *     rc = weft_gather(tasks, n, results);
 *
 * The first, and then the others cancelled:
 *
 *     ssize_t first = weft_wait_any(tasks, n);
 *     for (size_t i = 0; i < n; i++)
 *         if ((ssize_t)i != first)
 *             weft_cancel(tasks[i]);
 *     rc = weft_gather(tasks, n, results);
 *
 * Each as it ends:
 *
 *     while ((rc = weft_join_any(tasks, n, &i, &result)) == 0)
 *         printf("%zu gave %d\n", i, result);
 *
 * Each wait looks at all the tasks in the array, so to join n of them one by one costs
 * n * n looks (10 to 50 ns each): for thousands a group or a channel is better.
 *
 * The functions at the end do the same for futures (weft/future.h), which any number may
 * wait for at the same time, and which may be in several arrays. None of them cancels a
 * future or gives up a reference. */
#ifndef WEFT_GATHER_H
#define WEFT_GATHER_H

#include <sys/types.h>

#include <weft/common.h>
#include <weft/future.h>
#include <weft/task.h>

WEFT__BEGIN

/* Waits until all `count` tasks have ended, and releases them. `ret_results`, which
 * may be NULL, receives what each returned, in the order of the array; -ENOMEM of one
 * that never ran for want of memory, 0 where there was no task.
 *
 * Any task or plain thread. Suspends (blocks a plain thread); a cancellation point.
 * Returns 0, -EDEADLK (the caller is one of them), -ECANCELED or -ETIMEDOUT
 * (weft/scope.h), or -ENOMEM (a thread's first wait, and memory is out). After an error
 * all handles are still the caller's. */
WEFT_API int weft_gather(weft_task **tasks, size_t count, int *ret_results);

/* Waits until at least one of `count` tasks has ended. It is not released:
 * weft_join() gives its result at once.
 *
 * Any task or plain thread. Suspends (blocks a plain thread); a cancellation point.
 * Returns the index of the first in the array that has ended, -ENOENT (there is no task
 * in the array), -EINVAL (one is there twice, or somebody else waits for it), or an error as
 * weft_gather(). */
WEFT_API ssize_t weft_wait_any(weft_task *const *tasks, size_t count);

/* Waits until one of `count` tasks has ended, and releases it, as weft_join() does.
 * `ret_index` receives its place in the array, `ret_result` what it returned; both may
 * be NULL.
 *
 * Any task or plain thread. Suspends (blocks a plain thread); a cancellation point.
 * Returns 0, -ENOENT (no task is left), or an error as weft_wait_any(). */
WEFT_API int weft_join_any(weft_task **tasks, size_t count, size_t *ret_index, int *ret_result);

/* What is waited for. */
enum weft_until {
    WEFT_UNTIL_ALL,   /* that all futures are done: have a value or an error */
    WEFT_UNTIL_FIRST, /* that at least one is done */
    WEFT_UNTIL_ERROR, /* that at least one has an error, or all are done */
};

/* Waits for `count` futures, as `until` says; weft_future_try() then tells what has come of
 * each. NULL stands for no future, which nobody waits for.
 *
 * Each time that one is done, the wait for an error, as weft_gather_futures(), looks at all that
 * are not: for n futures that costs n * n looks, of which some hundred are nothing.
 *
 * Any task or plain thread. Suspends (blocks a plain thread); a cancellation point.
 * Returns how many are done, -EINVAL (there is no such `until`), -EDEADLK (one is the result
 * of the caller itself), -ECANCELED or -ETIMEDOUT (weft/scope.h), or -ENOMEM (memory is out,
 * which a thread's first wait needs, and more than 8 futures unless all are waited for). */
WEFT_API ssize_t weft_wait_futures(weft_future *const *futures, size_t count,
                                   enum weft_until until);

/* Waits until all `count` futures have a value, or one has an error. `ret_values`, which may
 * be NULL, receives the values, in the order of the array; 0 where there was no future. The
 * others go on when one has failed: weft_future_cancel() is for the caller to call.
 *
 * Any task or plain thread. Suspends (blocks a plain thread); a cancellation point.
 * Returns 0; the error of a future, whose place *ret_failed is; or, and *ret_failed, which
 * may be NULL, is `count`, an error of the call, as weft_wait_futures(). */
WEFT_API int weft_gather_futures(weft_future *const *futures, size_t count, intptr_t *ret_values,
                                 size_t *ret_failed);

/* Waits until one of `count` futures is done, and takes it out of the array, where it leaves
 * NULL: *ret_future is done, and its reference the caller's. `ret_index`, which may be NULL,
 * receives its place.
 *
 * Each call looks at all that are left in the array, and one that has to wait enters the lists
 * of all of them and leaves them again: to take n futures one by one costs n * n / 2 looks, of
 * some nanoseconds where one is done already, and some hundred where it is waited for. For
 * thousands a channel is better, to which weft_future_on_done() passes them. Each as it comes:
 *
 *     while ((rc = weft_next_future(futures, n, &i, &future)) == 0) {
 *         printf("%zu: %d\n", i, weft_future_try(future, &value));
 *         weft_future_release(future);
 *     }
 *
 * Any task or plain thread. Suspends (blocks a plain thread); a cancellation point.
 * Returns 0, -ENOENT (no future is left), or an error as weft_wait_futures(). */
WEFT_API int weft_next_future(weft_future **futures, size_t count, size_t *ret_index,
                              weft_future **ret_future) WEFT__NONNULL(4);

WEFT__END

#endif
