#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "os/memory.h"
#include "sched/bury.h"
#include "sched/enter.h"
#include "sched/schedule.h"
#include "sched/thread.h"
#include "task/adopt.h"
#include "vthread/block.h"

#define IDS 1024 /* numbers a spawner takes at a time */

struct request {
    const char *site;
    const weft_attr *attr;
    int (*fn)(void *arg);
    void *arg;
    const void *args; /* copied, unless size is 0 */
    size_t size;
};

static uint64_t new_id(struct weft__stock *stock)
{
    if (stock->next_id == stock->last_id) {
        stock->next_id = weft__add(&weft__rt.next_id, IDS, relaxed);
        stock->last_id = stock->next_id + IDS;
    }
    return ++stock->next_id;
}

/* Returns the size of the stack that is asked for; 0: out of range. */
static size_t stack_size_of(const weft_attr *attr)
{
    if (!attr || !attr->stack_size)
        return weft__rt.config.stack_size;
    if (attr->stack_size < WEFT__STACK_MIN || attr->stack_size > WEFT__STACK_MAX)
        return 0;
    size_t page = weft__memory_page();
    return (attr->stack_size + page - 1) / page * page;
}

static bool attr_valid(const weft_attr *attr)
{
    static const uintptr_t zero[sizeof attr->reserved / sizeof *attr->reserved];
    return !attr || (!(attr->flags & ~(WEFT_PINNED | WEFT_VIRTUAL_THREAD)) &&
                     memcmp(attr->reserved, zero, sizeof zero) == 0 && stack_size_of(attr));
}

static int copy_args(struct weft_task *task, const struct request *request)
{
    task->arg = request->arg;
    if (request->size == 0)
        return 0;
    task->arg = task->args;
    if (weft__unlikely(request->size > WEFT__ARGS_INLINE)) {
        task->arg = malloc(request->size);
        if (!task->arg)
            return -ENOMEM;
        task->flags |= WEFT__TASK_HEAP_ARGS;
    }
    memcpy(task->arg, request->args, request->size);
    return 0;
}

/* Everything but `waiter.word`, whose ticket goes on, and what a start sets. */
static void init_task(struct weft_task *task, const struct request *request, bool detached)
{
    task->waiter.scope = NULL;
    weft__store(&task->on_cpu, 0, relaxed); /* published by a queue, as all here */
    task->pins = 0;
    task->flags = 0;
    task->context.pc = NULL;
    task->context.thread_pointer = NULL;
    task->stack = NULL;
    task->carrier = NULL;
    task->site = request->site;
    task->fn = request->fn;
    weft__store(&task->joiner, detached ? WEFT__TASK_DETACHED : NULL, relaxed);
    task->stack_size = weft__rt.config.stack_size;
    task->result = 0;
    task->interposed = 0;
    task->name[0] = 0;
}

static void apply_attr(struct weft_task *task, const weft_attr *attr, struct weft__worker *worker)
{
    task->stack_size = stack_size_of(attr);
    if (attr->name)
        strncat(task->name, attr->name, WEFT_NAME_MAX);
    if (attr->flags & WEFT_VIRTUAL_THREAD)
        task->flags |= WEFT__TASK_VIRTUAL;
    if (attr->flags & WEFT_PINNED) {
        task->pins = 1;
        task->carrier = worker ? worker->carrier : weft__choose_carrier();
    }
}

static int spawn(const struct request *request, weft_task **ret_task)
{
    if (weft__unlikely(!weft__load(&weft__rt.running, acquire))) /* pairs with weft_start() */
        return -EPERM;
    if (weft__unlikely(!attr_valid(request->attr)))
        return -EINVAL;
    if (request->attr && request->attr->flags & WEFT_VIRTUAL_THREAD && weft__vthread_refusal())
        return -ENOTSUP;
    struct weft_task *self = weft__self();
    struct weft__worker *worker = weft__enter_here(self);
    struct weft__stock *stock = worker ? &worker->stock : weft__thread_stock();
    if (weft__unlikely(!stock))
        return -ENOMEM;
    int rc = -ENOMEM;
    struct weft_task *task = weft__pool_take(&weft__rt.tasks, &stock->tasks);
    if (weft__likely(task != NULL)) {
        init_task(task, request, ret_task == NULL);
        if (weft__unlikely(request->attr != NULL))
            apply_attr(task, request->attr, worker);
        rc = copy_args(task, request);
    }
    if (weft__likely(rc == 0)) {
        if (ret_task)
            *ret_task = task;
        weft__store(&task->id, new_id(stock), relaxed);
        if (worker) {
            weft__bump(&worker->spawned, 1);
            weft__ready_fresh(worker, task);
        } else {
            weft__add(&weft__rt.spawned, 1, seq_cst); /* before it can end */
            weft__ready_outside(task);
            weft__thread_spawned();
        }
    } else if (task) {
        weft__release(worker, task);
    }
    if (worker)
        weft__leave(self);
    return rc;
}

const char *weft_virtual_thread_refusal(void)
{
    return weft__vthread_refusal();
}

int weft_spawn_at(const char *site, const weft_attr *attr, int (*fn)(void *arg), void *arg,
                  weft_task **ret_task)
{
    struct request request = { .site = site, .attr = attr, .fn = fn, .arg = arg };
    return spawn(&request, ret_task);
}

int weft_spawn_copy(const char *site, const weft_attr *attr, int (*fn)(void *args),
                    const void *args, size_t size, weft_task **ret_task)
{
    struct request request = { .site = site, .attr = attr, .fn = fn, .args = args, .size = size };
    return spawn(&request, ret_task);
}

struct weft_task *weft__adopt(const char *name)
{
    struct weft__stock *stock = weft__thread_stock();
    struct weft_task *task = stock ? weft__pool_take(&weft__rt.tasks, &stock->tasks) : NULL;
    if (!task)
        return NULL;
    struct request request = { .site = name };
    init_task(task, &request, false);
    strncat(task->name, name, WEFT_NAME_MAX);
    weft__store(&task->id, new_id(stock), relaxed);
    weft__add(&weft__rt.spawned, 1, seq_cst); /* before it can end */
    return task;
}
