#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sched/bury.h"
#include "sched/carrier.h"
#include "sched/enter.h"
#include "sched/schedule.h"
#include "sched/strand.h"
#include "sched/thread.h"
#include "task/adopt.h"
#include "task/ending.h"
#include "task/group.h"
#include "task/local.h"
#include "task/spawn.h"
#include "vthread/block.h"

#define IDS 1024 /* numbers a spawner takes at a time */

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
    if (!weft__stack_size_valid(attr->stack_size))
        return 0;
    return weft__stack_size(attr->stack_size);
}

static bool attr_valid(const weft_attr *attr)
{
    static const uintptr_t zero[sizeof attr->reserved / sizeof *attr->reserved];
    return !(attr->flags & ~(WEFT_PINNED | WEFT_VIRTUAL_THREAD)) &&
           memcmp(attr->reserved, zero, sizeof zero) == 0 && stack_size_of(attr);
}

/* Behind the arguments stand its group or its epilogue, and its strand. */
static size_t room_for_args(const struct weft_task *task, const struct weft__request *request)
{
    size_t room = request->group ? WEFT__MEMBER_ARGS : WEFT__ARGS_INLINE;
    if (request->epilogue.fn)
        room = WEFT__EPILOGUE_ARGS;
    return task->flags & WEFT__TASK_STRAND ? room - sizeof(struct weft__strand *) : room;
}

static int copy_args(struct weft_task *task, const struct weft__request *request)
{
    task->arg = request->arg;
    if (request->size == 0)
        return 0;
    task->arg = task->args;
    if (weft__unlikely(request->size > room_for_args(task, request))) {
        task->arg = malloc(request->size);
        if (!task->arg)
            return -ENOMEM;
        task->flags |= WEFT__TASK_HEAP_ARGS;
    }
    memcpy(task->arg, request->args, request->size);
    return 0;
}

/* Everything but `waiter.word`, whose ticket goes on, and what a start sets. */
static void init_task(struct weft_task *task, const struct weft__request *request, bool detached)
{
    task->waiter.scope = NULL;
    bool cancelled = weft__load(&weft__rt.cancelled, relaxed); /* else the next look finds it */
    weft__store(&task->waiter.family, cancelled ? WEFT__FAMILY_CANCELLED : 0, relaxed);
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
    task->locals = NULL;
    task->bundle_count = 0;
    task->name[0] = 0;
}

static void apply_attr(struct weft_task *task, const weft_attr *attr)
{
    task->stack_size = stack_size_of(attr);
    if (attr->name)
        strncat(task->name, attr->name, WEFT_NAME_MAX);
    if (attr->flags & WEFT_VIRTUAL_THREAD)
        task->flags |= WEFT__TASK_VIRTUAL;
    if (attr->strand)
        task->flags |= WEFT__TASK_STRAND;
}

/* It will be published: CARRIER-5. */
static WEFT_NOINLINE void pin(struct weft_task *task, struct weft__worker *worker)
{
    task->pins = 1;
    if (worker) {
        task->carrier = worker->carrier; /* that of the caller, who has the seat */
        weft__count_pinned(task->carrier, 1);
    } else {
        task->carrier = weft__choose_carrier();
    }
}

/* Nobody knows of it yet. */
static WEFT_NOINLINE int make_member(struct weft_task *task, const struct weft__request *request)
{
    struct weft__member *member = weft__member_of(task);
    *member = (struct weft__member){ .group = request->group, .ret_result = request->ret_result };
    task->waiter.scope = &request->group->scope;
    task->flags |= WEFT__TASK_MEMBER;
    if (request->starting) {
        task->flags |= WEFT__TASK_STARTING;
        member->starting = request->starting;
    }
    return weft__group_admit(request->group, task);
}

/* Likewise. */
static WEFT_NOINLINE void add_epilogue(struct weft_task *task, const struct weft__request *request)
{
    *weft__epilogue_of(task) = request->epilogue;
    task->flags |= WEFT__TASK_EPILOGUE;
    if (request->service)
        task->flags |= WEFT__TASK_SERVICE;
}

static WEFT_NOINLINE void join_strand(struct weft_task *task, const weft_attr *attr)
{
    struct weft__strand *strand = weft__strand_in(attr->strand);
    *weft__strand_place(task) = strand;
    weft__strand_add(strand);
}

/* The last step. */
static WEFT_NOINLINE void watch(struct weft_task *task, struct weft__ending *ending)
{
    task->flags |= WEFT__TASK_WATCHED;
    ending->begin(ending, task); /* END-1 */
}

/* It has not been published: what copy_args() and weft__locals_inherit() gave it. */
static WEFT_NOINLINE void take_back(struct weft_task *task)
{
    if (task->flags & WEFT__TASK_HEAP_ARGS)
        free(task->arg);
    if (task->locals)
        weft__locals_abandon(task->locals);
}

/* `worker` and `locals` are the spawner's. */
WEFT_INLINE int prepare(struct weft_task *task, const struct weft__request *request, bool detached,
                        struct weft__worker *worker, struct weft__locals *locals)
{
    init_task(task, request, detached);
    if (weft__unlikely(request->attr != NULL))
        apply_attr(task, request->attr);
    int rc = copy_args(task, request);
    if (weft__unlikely(locals != NULL) && !request->service && rc == 0)
        rc = weft__locals_inherit(locals, &task->locals);
    if (weft__unlikely(request->group != NULL) && rc == 0)
        rc = make_member(task, request);
    if (weft__unlikely(request->epilogue.fn != NULL))
        add_epilogue(task, request);
    if (weft__unlikely(rc)) {
        take_back(task);
    } else if (weft__unlikely(request->attr != NULL)) {
        if (task->flags & WEFT__TASK_STRAND)
            join_strand(task, request->attr);
        if (request->attr->flags & WEFT_PINNED)
            pin(task, worker);
    }
    return rc;
}

/* In place of publishing it: it waits for its time without having started, and whoever ends
 * the wait makes it runnable. False: it has to come at once, and wait then. */
static WEFT_NOINLINE bool arm(struct weft_task *task, struct weft__worker *worker, int64_t when)
{
    struct weft__waiter *waiter = &task->waiter;
    struct weft__timed *timed = (struct weft__timed *)(void *)task->args;
    uint64_t ticket = (weft__load(&waiter->word, relaxed) >> WEFT__WAIT_SHIFT) + 1; /* it will be */
    if (weft__load(&waiter->family, relaxed) & WEFT__FAMILY_CANCELLED)
        return false; /* the canceller may have been here */
    timed->timer = weft__timer_arm(worker, waiter, ticket, when);
    if (!timed->timer.timer)
        return false;
    task->flags |= WEFT__TASK_TIMED;
    /* relaxed, as in weft__wait_begin() */
    weft__store(&waiter->what, "sleep", relaxed);
    weft__store(&waiter->object, (uint64_t)when, relaxed);
    weft__store(&waiter->since, weft__load(&worker->now, relaxed), relaxed);
    weft__wait_start(waiter); /* from here on it may run, wherever it is cancelled */
    weft__barrier_light();    /* CANCEL-2: weft_cancel_all() may have passed by */
    return !(weft__load(&waiter->family, relaxed) & WEFT__FAMILY_CANCELLED) ||
           !weft__wait_claim(waiter, ticket, WEFT__CANCELLED);
}

/* A strand's tasks come in the order of the strand, not the newest first. */
static WEFT_NOINLINE void publish_in_strand(struct weft_task *task, struct weft__worker *worker,
                                            int64_t when)
{
    if (worker && when && arm(task, worker, when))
        return;
    if (!weft__strand_admits(task))
        return;
    if (worker)
        weft__requeue(worker, task);
    else
        weft__ready_outside(task);
}

WEFT_INLINE void publish(struct weft_task *task, struct weft__worker *worker, int64_t when)
{
    if (worker)
        weft__bump(&worker->spawned, 1);
    else
        weft__add(&weft__rt.spawned, 1, seq_cst); /* before it can end */
    if (weft__unlikely(task->flags & WEFT__TASK_STRAND))
        publish_in_strand(task, worker, when);
    else if (worker)
        weft__ready_fresh(worker, task);
    else
        weft__ready_outside(task);
    if (!worker)
        weft__thread_spawned();
}

static int check(const struct weft__request *request)
{
    const weft_attr *attr = request->attr;
    if (weft__unlikely(!weft__load(&weft__rt.running, acquire))) /* pairs with weft_start() */
        return -EPERM;
    if (weft__likely(!attr))
        return 0;
    if (!attr_valid(attr))
        return -EINVAL;
    if (attr->strand && weft__strand_in(attr->strand)->bound && !request->callback)
        return -ENOTSUP;
    const char *refusal;
    return attr->flags & WEFT_VIRTUAL_THREAD ? weft__vthread_find(&refusal) : 0;
}

int weft__spawn(const struct weft__request *request, weft_task **ret_task)
{
    int rc = check(request);
    if (weft__unlikely(rc))
        return rc;
    struct weft_task *self = weft__self();
    struct weft__worker *worker = weft__enter_here(self);
    struct weft__stock *stock = worker ? &worker->stock : weft__thread_stock();
    struct weft_task *task = stock ? weft__pool_take(&weft__rt.tasks, &stock->tasks) : NULL;
    rc = -ENOMEM;
    if (weft__likely(task != NULL))
        rc = prepare(task, request, ret_task == NULL, worker, weft__locals_of(self));
    if (weft__likely(rc == 0)) {
        if (ret_task)
            *ret_task = task;
        weft__store(&task->id, new_id(stock), relaxed);
        if (weft__unlikely(request->ending != NULL))
            watch(task, request->ending);
        publish(task, worker, request->when);
    } else if (task) {
        weft__release(worker, task);
    }
    if (worker)
        weft__leave(self);
    return rc;
}

const char *weft_virtual_thread_refusal(void)
{
    const char *refusal;
    weft__vthread_find(&refusal);
    return refusal;
}

int weft_spawn_at(const char *site, const weft_attr *attr, int (*fn)(void *arg), void *arg,
                  weft_task **ret_task)
{
    struct weft__request request = { .site = site, .attr = attr, .fn = fn, .arg = arg };
    return weft__spawn(&request, ret_task);
}

int weft_spawn_copy(const char *site, const weft_attr *attr, int (*fn)(void *args),
                    const void *args, size_t size, weft_task **ret_task)
{
    struct weft__request request = {
        .site = site, .attr = attr, .fn = fn, .args = args, .size = size
    };
    return weft__spawn(&request, ret_task);
}

struct weft_task *weft__adopt(const char *name)
{
    struct weft__stock *stock = weft__thread_stock();
    struct weft_task *task = stock ? weft__pool_take(&weft__rt.tasks, &stock->tasks) : NULL;
    if (!task)
        return NULL;
    struct weft__request request = { .site = name };
    init_task(task, &request, false);
    strncat(task->name, name, WEFT_NAME_MAX);
    weft__store(&task->id, new_id(stock), relaxed);
    weft__add(&weft__rt.spawned, 1, seq_cst); /* before it can end */
    return task;
}
