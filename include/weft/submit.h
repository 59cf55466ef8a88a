/* weft/submit.h - handing work to the runtime from outside.
 *
 * A program that has threads of its own, and runs weft beside them (weft_start()), hands
 * over functions that it wants the result of, or callbacks that just have to happen:
 *
 *     rc = weft_submit(load, path, &future);          a task, and a future of its result
 *     rc = weft_future_wait(future, &value);
 *
 *     rc = weft_post(forget_session, session);        a callback, in order
 *
 * Tasks may do the same.
 *
 * At the end. weft_stop(), and weft_run() before it returns, wait for all that was taken,
 * and for what comes while they wait: submitted tasks end, and so every future has its
 * result, and callbacks run. What is handed over from another thread when nothing is left
 * to wait for comes too late and is refused (-EPERM), with no future. After weft_cancel_all() tasks
 * that have not begun never do, and their futures' result is -ECANCELED; callbacks run all the
 * same. */
#ifndef WEFT_SUBMIT_H
#define WEFT_SUBMIT_H

#include <weft/common.h>
#include <weft/future.h>
#include <weft/task.h>

WEFT__BEGIN

/* Runs fn(arg) as a task of the runtime, and makes a future of what it returns: 0 or more
 * is the value, a negative errno value the error. -ENOMEM may also mean that there was no
 * memory for its stack, so that it has never run. If somebody else gives the future a
 * result before, such as the task itself a pointer, that is the one.
 *
 * *ret_future has one reference, the caller's; giving it up does not stop the task, which
 * weft_future_cancel() does. NULL: nobody wants to know.
 *
 * Any task or plain thread, also while weft_stop() waits; never suspends.
 * Returns 0, -ENOMEM, -EINVAL (attributes out of range), -EPERM (no runtime is running, or
 * it is about to end) or -ENOTSUP (a virtual thread, which this process cannot have). */
#define weft_submit(fn, arg, ret_future) weft_submit_at(WEFT__SITE(fn), NULL, fn, arg, ret_future)

/* weft_submit() with attributes; `attr` may be NULL. */
#define weft_submit_with(attr, fn, arg, ret_future) \
    weft_submit_at(WEFT__SITE(fn), attr, fn, arg, ret_future)

/* What the macros above call. `site`: as for weft_spawn_at(). Never suspends. */
WEFT_API int weft_submit_at(const char *site, const weft_attr *attr, int (*fn)(void *arg),
                            void *arg, weft_future **ret_future) WEFT__NONNULL(1, 3);

/* Submitting with typed arguments, for functions that WEFT_TASK() defines (weft/task.h):
 *
 *     rc = weft_submit_args(&future, fetch, fd, "/index.html");
 *
 * Otherwise as weft_submit(). */
#define weft_submit_args(ret_future, name, ...) \
    name##_weft_submit(WEFT__SITE(name), NULL, ret_future, __VA_ARGS__)
#define weft_submit_args_with(attr, ret_future, name, ...) \
    name##_weft_submit(WEFT__SITE(name), attr, ret_future, __VA_ARGS__)

/* Has fn(arg) called soon, in the runtime: by a task that does nothing else, one callback at
 * a time, those of one task or thread in the order in which they were posted. The others
 * wait behind it, so it should be short, though it may call whatever a task may; it
 * returns. It has no task-locals.
 *
 * Any task or plain thread, also while weft_stop() waits; never suspends.
 * Returns 0, -ENOMEM, or -EPERM (no runtime is running, or it is about to end). */
WEFT_API int weft_post(void (*fn)(void *arg), void *arg) WEFT__NONNULL(1);

/* A callback that can be posted without memory, again and again. Static, or in memory that
 * stays until the callback has begun. */
typedef struct weft_post_node {
    void (*weft__fn)(void *arg);
    void *weft__arg;
    uint64_t weft__private[2];
} weft_post_node;

#define WEFT_POST_NODE_INIT(fn, arg) \
    { \
        fn, arg, \
        { \
            0 \
        } \
    }

/* Readies a node; what the static initialiser does. Any caller; never suspends. */
WEFT_API void weft_post_node_init(weft_post_node *node, void (*fn)(void *arg), void *arg)
    WEFT__NONNULL(1, 2);

/* As weft_post(), from anywhere, signal handlers included: no memory, no locks. A thread of
 * the runtime has the callback started, so it takes a little longer. When it has begun, the
 * node may be posted again; posted twice before, it runs once, and has seen what came
 * before either call.
 *
 *     static weft_post_node reload = WEFT_POST_NODE_INIT(read_settings, NULL);
 *
 *     static void on_hangup(int number)
 *     {
 *         weft_post_from_signal(&reload);
 *     }
 *
 * That a handler will do so the search for deadlocks cannot know: in weft_run() somebody
 * has to wait for something else, too.
 *
 * Any caller; never suspends.
 * Returns 0, -EALREADY (it is posted, and has not begun), or -EPERM (no runtime is running,
 * or it is about to end). */
WEFT_API int weft_post_from_signal(weft_post_node *node) WEFT__NONNULL(1);

WEFT__END

#endif
