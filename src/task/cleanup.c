/* Handlers, and the end of a task from any depth.
 *
 * CLEANUP-1  A task's handlers are a list through its stack, newest first: the stack
 *            frames of all on it are alive. A task that returns with one left ends the
 *            program. A virtual thread that pthread_exit() ends leaves those behind that
 *            its unwinding did not pop. sched/schedule.c sees to both.
 * CLEANUP-2  A handler is off the list before it runs, so it may end the task again.
 * CLEANUP-3  What weft_exit() has run, or left, is not run or left again: where code is
 *            compiled to be unwound, a virtual thread's unwinding comes by afterwards.
 *            A handler says so itself; scopes and groups ask the task (EXITS). */
#include "task/cleanup.h"

#include <pthread.h>

#include "base/assert.h"
#include "sched/schedule.h"
#include "sched/thread.h"
#include "task/cancel.h"
#include "task/group.h"
#include "weft/scope.h"
#include "weft/task.h"

_Static_assert(sizeof(struct cleanup) == sizeof(weft_cleanup), "the public size");

static _Thread_local struct cleanup *of_thread;

static WEFT_NOINLINE struct cleanup **thread_newest(void)
{
    weft__compiler_barrier();
    return &of_thread;
}

static struct cleanup **newest(void)
{
    struct weft_task *self = weft_self();
    return self ? &self->cleanups : thread_newest();
}

void weft_cleanup_push(weft_cleanup *public, void (*fn)(void *arg), void *arg)
{
    struct cleanup *cleanup = (struct cleanup *)(void *)public, **head = newest();
    struct weft__waiter *waiter = weft__waiter_self();
    cleanup->fn = fn;
    cleanup->arg = arg;
    cleanup->outer = *head;
    cleanup->scope = waiter ? waiter->scope : NULL;
    *head = cleanup;
}

static void take_off(struct cleanup **head, struct cleanup *cleanup)
{
    *head = cleanup->outer;
    cleanup->fn = NULL;
}

void weft_cleanup_pop(weft_cleanup *public, bool run)
{
    struct cleanup *cleanup = (struct cleanup *)(void *)public, **head = newest();
    void (*fn)(void *) = cleanup->fn;
    if (*head != cleanup)
        weft__panic("weft_cleanup_pop: not the newest handler");
    take_off(head, cleanup);
    if (run)
        fn(cleanup->arg);
}

static void leave_innermost(struct weft_task *self)
{
    struct weft__group *group = weft__family_of(weft__load(&self->waiter.family, relaxed));
    if (!group || &group->scope != self->waiter.scope) {
        weft_scope_leave(self->waiter.scope);
        return;
    }
    weft_group_cancel((weft_group *)(void *)group);
    weft_group_leave((weft_group *)(void *)group);
}

static void leave_scopes(struct weft_task *self, struct weft_scope *until)
{
    while (self->waiter.scope != until)
        leave_innermost(self);
}

/* The scope in which it was spawned. */
static struct weft_scope *first_scope(struct weft_task *self)
{
    return self->flags & WEFT__TASK_MEMBER ? &weft__member_of(self)->group->scope : NULL;
}

static void run_handlers(struct weft_task *self)
{
    struct cleanup *cleanup;
    while ((cleanup = self->cleanups)) {
        void (*fn)(void *) = cleanup->fn;
        leave_scopes(self, cleanup->scope);
        take_off(&self->cleanups, cleanup);
        fn(cleanup->arg);
    }
    leave_scopes(self, first_scope(self));
}

void weft_exit(int result)
{
    struct weft_task *self = weft_self();
    if (!self)
        weft__panic("weft_exit: not a task");
    self->result = result;
    run_handlers(self);
    if (weft__is_virtual(self)) {
        self->flags |= WEFT__TASK_EXITS; /* CLEANUP-3 */
        pthread_exit(NULL);              /* our result has been stored */
    }
    weft__end(self);
}
