/* weft/gather.h - waiting for several tasks at once.
 *
 * For tasks with handles, from weft_spawn(); tasks of a group (weft/group.h) are
 * waited for by their group. The functions take an array of handles, in which NULL
 * stands for no task. A handle that has been used up becomes NULL, so that an array can
 * be waited for until it is empty. No task may be in an array twice, nor be waited for
 * by somebody else at the same time.
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
 * n * n looks (10 to 50 ns each): for thousands a group or a channel is better. */
#ifndef WEFT_GATHER_H
#define WEFT_GATHER_H

#include <sys/types.h>

#include <weft/common.h>
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
 * in the array), or an error as weft_gather(). */
WEFT_API ssize_t weft_wait_any(weft_task *const *tasks, size_t count);

/* Waits until one of `count` tasks has ended, and releases it, as weft_join() does.
 * `ret_index` receives its place in the array, `ret_result` what it returned; both may
 * be NULL.
 *
 * Any task or plain thread. Suspends (blocks a plain thread); a cancellation point.
 * Returns 0, -ENOENT (no task is left), or an error as weft_gather(). */
WEFT_API int weft_join_any(weft_task **tasks, size_t count, size_t *ret_index, int *ret_result);

WEFT__END

#endif
