/* weft/group.h - groups: tasks that belong together and end together.
 *
 * A group owns the tasks that are spawned into it. It is not left before all of
 * them have ended; the first that fails, which is to return a negative number,
 * cancels the others, and its result is the group's:
 *
 *     weft_group group;
 *     weft_group_enter(&group, weft_after(WEFT_S(10)));
 *     for (int i = 0; i < n; i++)
 *         weft_group_spawn(&group, fetch, &urls[i]);
 *     rc = weft_group_leave(&group);
 *
 * A group is a scope (weft/scope.h) around whoever has entered it and around all its
 * tasks, wherever they run; groups and scopes nest in any order, and the children see
 * every scope that the group was entered in. A task may enter groups of its own. What
 * ends because it is cancelled, or its time is up, has not failed: that is, who returns
 * -ECANCELED or -ETIMEDOUT while, at its end, either is in force for the whole task.
 *
 * The functions of tasks in a group return 0 or more, or a negative errno value. They
 * are not joined, and have no handles. */
#ifndef WEFT_GROUP_H
#define WEFT_GROUP_H

#include <weft/common.h>
#include <weft/scope.h>
#include <weft/task.h>

WEFT__BEGIN

/* A group. Fixed in size; on the stack of the task or thread that enters it, or
 * static. Needs no initialisation before it is entered, but asking an object that
 * never was is allowed only if it was initialised so. */
typedef struct weft_group {
    uint64_t weft__private[24];
} weft_group;

#define WEFT_GROUP_INIT \
    { \
        { \
            0 \
        } \
    }

/* Enters a group, which is also a scope that ends at `deadline` (WEFT_NEVER: no
 * deadline). Any task or plain thread; never suspends. Aborts, in the same cases as
 * weft_scope_enter(). A virtual thread does not end by pthread_exit() before it has left:
 * its children would follow what is gone. */
WEFT_API void weft_group_enter(weft_group *group, int64_t deadline) WEFT__NONNULL(1);

/* Leaves the innermost scope, which must be the group's (else it says so and aborts),
 * after all its tasks have ended; tasks inside may go on spawning others into it
 * meanwhile. Whatever is cancelled, it waits; what is cancelled ends soon.
 *
 * The task or thread that entered. Suspends (blocks a plain thread).
 * Returns the first failure's result, which is negative; without one, -ETIMEDOUT when
 * the group's own deadline has cut something short; without that, -ECANCELED or
 * -ETIMEDOUT when that is in force around it; else 0, also when the group itself was
 * cancelled (weft_group_cancelled()). */
WEFT_API int weft_group_leave(weft_group *group) WEFT__NONNULL(1);

/* Waits as weft_group_leave() does, and returns the same, but does not leave: for
 * reading failures, collecting results, or going on with other tasks.
 *
 * The task or thread that entered. Suspends (blocks a plain thread). */
WEFT_API int weft_group_wait(weft_group *group) WEFT__NONNULL(1);

/* Spawns a task that runs fn(arg) in the group.
 *
 * Any task or plain thread that knows the group to be entered and not left until the
 * call returns: who has entered it, tasks inside it, and those that they wait for.
 * Suspends (blocks a plain thread) only where the group has a limit, until there is
 * room; a cancellation point of the caller.
 * Returns 0, an error of weft_spawn(), -ECANCELED or -ETIMEDOUT (the group is cancelled
 * or its time is up, or the same of the caller), or -EINVAL (it is not entered). */
#define weft_group_spawn(group, fn, arg) \
    weft_group_spawn_at(WEFT__SITE(fn), NULL, group, fn, arg, NULL)

/* weft_group_spawn() with attributes; `attr` may be NULL. */
#define weft_group_spawn_with(group, attr, fn, arg) \
    weft_group_spawn_at(WEFT__SITE(fn), attr, group, fn, arg, NULL)

/* weft_group_spawn() that puts what the task returned, or -ENOMEM, -ECANCELED or -ETIMEDOUT
 * when it never ran, to *ret_result: for collecting results in the order of an array. It is
 * there once the group has been left or waited for. */
#define weft_group_spawn_result(group, fn, arg, ret_result) \
    weft_group_spawn_at(WEFT__SITE(fn), NULL, group, fn, arg, ret_result)

/* What the macros above call; `ret_result` may be NULL. `site`: as for
 * weft_spawn_at(). */
WEFT_API int weft_group_spawn_at(const char *site, const weft_attr *attr, weft_group *group,
                                 int (*fn)(void *arg), void *arg, int *ret_result)
    WEFT__NONNULL(1, 3, 4);

/* Spawning with typed arguments, for functions that WEFT_TASK() defines:
 *
 *     weft_group_spawn_args(&group, serve, fd, "/srv/www");
 *
 * Otherwise as weft_group_spawn(). */
#define weft_group_spawn_args(group, name, ...) \
    name##_weft_group_spawn(WEFT__SITE(name), NULL, group, __VA_ARGS__)
#define weft_group_spawn_args_with(group, attr, name, ...) \
    name##_weft_group_spawn(WEFT__SITE(name), attr, group, __VA_ARGS__)

/* Spawns a task and waits until it calls weft_started(): a server that listens, a
 * connection that is up. It then goes on in the group.
 *
 * Suspends (blocks a plain thread); a cancellation point of the caller: then the task
 * is cancelled and has ended when the call returns.
 * Returns 0, and what it has said in *ret_value, which may be NULL; an error as
 * weft_group_spawn(); or, when the task ended without having called weft_started(), its
 * result, or -EPROTO if that is not negative. Such an end is not a failure of the
 * group. */
#define weft_group_start(group, fn, arg, ret_value) \
    weft_group_start_at(WEFT__SITE(fn), NULL, group, fn, arg, ret_value)
#define weft_group_start_with(group, attr, fn, arg, ret_value) \
    weft_group_start_at(WEFT__SITE(fn), attr, group, fn, arg, ret_value)
WEFT_API int weft_group_start_at(const char *site, const weft_attr *attr, weft_group *group,
                                 int (*fn)(void *arg), void *arg, intptr_t *ret_value)
    WEFT__NONNULL(1, 3, 4);

/* The running task is ready: weft_group_start() returns `value`. Does nothing, the
 * second time, and in a task that was spawned in another way. Never suspends. */
WEFT_API void weft_started(intptr_t value);

/* At most `limit` tasks of the group at a time, counting from now; spawning waits for
 * one to end. 0: no limit, which is where each group begins. A task that spawns into
 * its own group is one of them: a group full of such tasks waits for ever. Whoever has
 * entered the group; never suspends. */
WEFT_API void weft_group_set_limit(weft_group *group, unsigned limit) WEFT__NONNULL(1);

/* Cancels the group: weft_scope_cancel() of its scope. Who may call: as there. Never
 * suspends. */
WEFT_API void weft_group_cancel(weft_group *group) WEFT__NONNULL(1);

/* The group's scope, for moving its deadline, cancelling it from a signal handler and
 * asking what has become of it. Not to be entered or left (that aborts). Any caller; never
 * suspends. */
WEFT_API weft_scope *weft_group_scope(weft_group *group) WEFT__NONNULL(1);

/* Whether the group was cancelled: by somebody, or because a task failed. Any caller;
 * never suspends. */
WEFT_API bool weft_group_cancelled(const weft_group *group) WEFT__NONNULL(1);

/* How many of its tasks have not ended. Who may spawn into it; never suspends. */
WEFT_API unsigned weft_group_count(weft_group *group) WEFT__NONNULL(1);

/* A task that failed. */
typedef struct weft_failure {
    uint64_t task;                /* weft_task_id() */
    const char *site;             /* where it was spawned: "file:line function" */
    char name[WEFT_NAME_MAX + 1]; /* "": the function's name */
    int result;
} weft_failure;

/* Writes up to `count` of the group's failures to `failures`, the first one first.
 * Whoever has entered the group, until it is left; never suspends.
 * Returns how many there were. The group remembers the first 64 of them, fewer when
 * memory is out. */
WEFT_API size_t weft_group_failures(weft_group *group, weft_failure *failures, size_t count)
    WEFT__NONNULL(1);

/* Writes the group's failures to the file descriptor `fd`, a line each; below a task
 * whose result came from a group of its own, what happened there:
 *
 *     task 7 'serve' (spawned at server.c:40) failed: -5 (EIO)
 *         task 12 'load' (spawned at server.c:71) failed: -5 (EIO)
 *
 * Whoever has entered the group, until it is left. Blocks in write(2), never
 * suspends.
 * Returns how many failures there were. */
WEFT_API size_t weft_group_report(weft_group *group, int fd) WEFT__NONNULL(1);

/* Enters a group for the statement or block that follows:
 *
 *     WEFT_WITH_GROUP (&group, WEFT_NEVER) {
 *         weft_group_spawn(&group, left, NULL);
 *         weft_group_spawn(&group, right, NULL);
 *     }
 *     rc = weft_group_result(&group);
 *
 * It is left however the block is, as with WEFT_WITH_DEADLINE(). Leaving it waits for
 * its tasks; to leave without their work, cancel it first. */
#define WEFT_WITH_GROUP(group, deadline) \
    WEFT__ONCE(weft_group, weft__group_with(group, deadline), weft__group_without, \
               WEFT__NAME(__LINE__), WEFT__NAME_2(__LINE__))

/* What leaving the group has returned. Any caller, after that; never suspends. */
WEFT_API int weft_group_result(const weft_group *group) WEFT__NONNULL(1);

static inline weft_group *weft__group_with(weft_group *group, int64_t deadline)
{
    weft_group_enter(group, deadline);
    return group;
}

static inline void weft__group_without(weft_group **group)
{
    weft_group_leave(*group);
}

WEFT__END

#endif
