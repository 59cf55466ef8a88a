/* Task-locals; how they are kept is in sched/locals.h. */
#include "task/local.h"

#include "os/thread_key.h"
#include "sched/carrier.h"
#include "task/cleanup.h"
#include "weft/local.h"
#include "weft/task.h"
#include <errno.h>

_Static_assert(WEFT__LOCAL_KEYS == WEFT_LOCALS_MAX, "the public limit");

struct region {
    struct cleanup cleanup;
    uint64_t key;
    struct weft__local before;
};

_Static_assert(sizeof(struct region) == sizeof(weft_local_region), "the public size");

static _Thread_local struct weft__locals *of_thread;

WEFT_NOINLINE struct weft__locals **weft__thread_locals(void)
{
    weft__compiler_barrier();
    return &of_thread;
}

static void end_thread(void *place)
{
    struct weft__locals **locals = place;
    if (*locals)
        weft__locals_end(locals);
}

static struct weft__thread_key at_thread_exit = { .destroy = end_thread };

/* A carrier's idle context is no task: its hooks see its thread's locals. */
static struct weft__locals **place(void)
{
    struct weft_task *self = weft_self();
    return self ? &self->locals : weft__thread_locals();
}

/* Where values may be put: a thread's are destroyed when it ends. NULL: no memory. */
static struct weft__locals **place_to_set(void)
{
    struct weft_task *self = weft_self();
    if (self)
        return &self->locals;
    struct weft__locals **locals = weft__thread_locals();
    return *locals || weft__thread_key_set(&at_thread_exit, locals) ? locals : NULL;
}

int weft_local_create(weft_local *ret_local, void (*destroy)(void *value), unsigned flags)
{
    if (flags & ~WEFT_LOCAL_INHERITED)
        return -EINVAL;
    ret_local->weft__private = weft__local_key_new(flags & WEFT_LOCAL_INHERITED, destroy);
    return ret_local->weft__private ? 0 : -EAGAIN;
}

int weft_local_delete(weft_local local)
{
    return weft__local_key_delete(local.weft__private) ? 0 : -EINVAL;
}

/* place(), read directly. */
WEFT_NOINLINE void *weft_local_get(weft_local local)
{
    struct weft_task *self = weft__current;
    bool is_task = weft__likely(self && !(self->flags & WEFT__TASK_IDLE));
    return weft__locals_get(is_task ? self->locals : of_thread, local.weft__private);
}

static int swap(weft_local local, void *value, struct weft__local *ret_before)
{
    struct weft__locals **locals = place_to_set();
    return locals ? weft__locals_swap(locals, local.weft__private, value, ret_before) : -ENOMEM;
}

int weft_local_set(weft_local local, void *value)
{
    weft__local_destroy *destroy;
    if (weft_local_get(local) == value)
        return weft__local_key_find(local.weft__private, &destroy) ? 0 : -EINVAL;
    struct weft__local before;
    int rc = swap(local, value, &before);
    if (rc == 0)
        weft__local_drop(&before);
    return rc;
}

/* The array is the task's own since the region was entered: children get copies of
 * it (LOCAL-2), so nothing has to be allocated. */
static void leave(void *arg)
{
    struct region *region = arg;
    struct weft__local after;
    weft__locals_exchange(*place(), region->key, &region->before, &after);
    weft__local_drop(&after);
}

int weft_local_push(weft_local_region *public, weft_local local, void *value)
{
    struct region *region = (struct region *)(void *)public;
    region->cleanup.fn = NULL;
    region->key = local.weft__private;
    int rc = swap(local, value, &region->before);
    if (rc == 0)
        weft_cleanup_push(&public->weft__cleanup, leave, region);
    return rc;
}

void weft_local_pop(weft_local_region *region)
{
    weft_cleanup_pop(&region->weft__cleanup, true);
}
