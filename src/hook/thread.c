#include "hook/thread.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>

#include "base/assert.h"
#include "hook/deadline.h"
#include "hook/interposed.h"
#include "hook/park.h"
#include "hook/real.h"
#include "os/memory.h"
#include "sched/carrier.h"
#include "sched/enter.h"
#include "sched/share.h"
#include "sched/switch.h"
#include "task/adopt.h"
#include "vthread/life.h"
#include "weft.h"

#define GUARD_PAGES 4 /* of a task's stack, which are part of its size: mem/stack.c */
#define SINK_STACK ((size_t)1 << 20) /* signal handlers run there */

static _Thread_local struct weft__thread own;

/* Virtual threads that have not ended, and main, which in a program of weft's own is
 * none and does not end: the last one ends the process. */
static _Atomic(uint64_t) alive = 1;

WEFT_NOINLINE struct weft__thread *weft__thread_self(void)
{
    weft__compiler_barrier();
    return own.block ? &own : NULL;
}

/* The upper half of FUTEX_TID_MASK. */
static WEFT_NOINLINE uint32_t light_tid(void)
{
    struct weft_task *self = weft__hook_task();
    return self ? 0x20000000u | (uint32_t)(weft_task_id(self) & 0x1fffffff) : 0;
}

WEFT_NOINLINE uint32_t weft__hook_tid(void)
{
    weft__compiler_barrier();
    return weft__likely(own.tid != 0) ? own.tid : light_tid();
}

/* The same thread-local in another block. */
struct weft__thread *weft__thread_at(char *tp)
{
    char *here = weft__context_thread_pointer();
    return (struct weft__thread *)(void *)(tp + ((char *)&own - here));
}

struct weft__thread *weft__thread_of(pthread_t id)
{
    struct weft__thread *thread = weft__thread_at((char *)id - weft__layout.self);
    return thread->block ? thread : NULL;
}

/* The kernel's numbers of threads are smaller: PID_MAX_LIMIT. */
#define FIRST_TID 4194304

/* The block of the process's first thread is libc's, so we describe it ourselves, and nobody gives
 * it back. `tp` is NULL in a program that runs the runtime itself. */
static struct weft__block first_block;

bool weft__thread_gone(pthread_t id)
{
    char *self = (char *)id;
    if (!first_block.tp)
        return false; /* all are libc's */
    uint32_t tid = *(uint32_t *)(void *)(self + weft__layout.tid);
    return !weft__thread_at(self - weft__layout.self)->block && tid > FIRST_TID &&
           weft__hook_task();
}

/* Blocks go through the worker's magazine; threads that have none are rare. */
static struct weft__block *take_block(void)
{
    struct weft_task *self = weft__self();
    struct weft__worker *worker = weft__enter_here(self);
    struct weft__magazine none = { 0 };
    if (!worker)
        return weft__block_take(&none);
    struct weft__block *block = weft__block_take(&worker->blocks);
    weft__leave(self);
    return block;
}

static void give_block(struct weft__block *block)
{
    struct weft_task *self = weft__self();
    struct weft__worker *worker = weft__enter_here(self);
    struct weft__magazine none = { 0 };
    weft__thread_at(block->tp)->block = NULL;
    if (!worker) {
        weft__block_give(&none, block);
        weft__blocks_flush(&none);
        return;
    }
    weft__block_give(&worker->blocks, block);
    weft__leave(self);
}

static void let_go(struct weft__thread *thread)
{
    /* acq_rel: what either owner did with the block comes before its next use */
    if (weft__add(&thread->owners, (uint32_t)-1, acq_rel) == 1)
        give_block(thread->block);
}

static WEFT_NOINLINE void enter_block(struct weft_task *task, char *tp)
{
    *weft__current_at(tp) = task;
    task->context.thread_pointer = tp;
    weft__change_block(tp, weft__carrier_of(task)->thread_pointer);
}

/* Back to the carrier's, before the end: whoever joins may want the block still,
 * so the task must not give it back. */
static WEFT_NOINLINE void leave_block(struct weft_task *task)
{
    task->context.thread_pointer = NULL;
    weft__change_block(NULL, weft__carrier_of(task)->thread_pointer);
}

/* Declared by <pthread.h> for programs that are compiled without -fexceptions. */
void __pthread_register_cancel(__pthread_unwind_buf_t *buffer);

/* libc's pthread_exit() unwinds the stack, calling clean-up handlers, and jumps
 * to the outermost buffer that was registered. */
static void call(struct weft__thread *self)
{
    __pthread_unwind_buf_t here;
    weft__vthread_begin();
    weft__signals_begin(self);
    if (__sigsetjmp_cancel(here.__cancel_jmp_buf, 0) == 0) {
        __pthread_register_cancel(&here);
        self->result = self->fn(self->arg);
        weft__signals_last(self);
    }
    struct weft_task *task = weft__self();
    if (task) /* in a forked child the thread is no task any more */
        weft__finish(task);
    weft__vthread_end();
    weft__signals_end(self);
    weft__store(&self->ended, true, release); /* pairs with the load in tryjoin */
    if (weft__add(&alive, (uint64_t)-1, acq_rel) == 1)
        exit(0);
}

struct visit {
    struct weft__thread *thread;
    struct weft__context home, there;
};

static void call_there(void *arg)
{
    struct visit *visit = arg;
    call(visit->thread);
    weft__context_switch(&visit->there, &visit->home);
}

/* The program has brought the stack. */
static void call_on_own_stack(struct weft__thread *thread)
{
    struct visit visit = { .thread = thread };
    uintptr_t top = (uintptr_t)(thread->stack_low + thread->stack_size);
    weft__context_prepare(&visit.there, (void *)(top & ~(uintptr_t)15), call_there, &visit);
    weft__context_switch(&visit.home, &visit.there);
}

static int run(void *arg)
{
    struct weft__thread *thread = arg;
    struct weft_task *task = weft__self();
    enter_block(task, thread->block->tp);
    if (thread->on_own_stack) {
        call_on_own_stack(thread);
    } else {
        thread->stack_low = task->stack->low + task->stack->size - thread->stack_size;
        call(thread);
    }
    leave_block(task);
    let_go(thread);
    return 0;
}

/* What a new thread takes from its attributes; the defaults are the process's. */
static int apply(struct weft__thread *thread, const pthread_attr_t *attr)
{
    pthread_attr_t defaults;
    if (!attr) {
        if (pthread_getattr_default_np(&defaults) != 0)
            return EAGAIN;
        attr = &defaults;
    }
    int detached;
    void *low;
    size_t size;
    pthread_attr_getdetachstate(attr, &detached);
    pthread_attr_getguardsize(attr, &thread->guard_size);
    pthread_attr_getstack(attr, &low, &size);
    bool brought = (uintptr_t)low + size != 0; /* libc subtracts the size */
    pthread_attr_getstacksize(attr, &size);    /* the default, where none was set */
    weft__store(&thread->detached, detached == PTHREAD_CREATE_DETACHED, relaxed);
    thread->on_own_stack = brought;
    thread->stack_low = brought ? low : NULL;
    thread->stack_size = size;
    if (attr != &defaults)
        return weft__rank_apply(thread, attr);
    pthread_attr_destroy(&defaults);
    return 0;
}

size_t weft__thread_stack(size_t asked)
{
    size_t page = weft__memory_page(), size = (asked + page - 1) / page * page;
    size += GUARD_PAGES * page;
    if (size < WEFT__STACK_MIN)
        return WEFT__STACK_MIN;
    return size > WEFT__STACK_MAX ? WEFT__STACK_MAX : size;
}

static void init_thread(struct weft__thread *thread, struct weft__block *block, void *(*fn)(void *),
                        void *arg)
{
    memset(thread, 0, sizeof *thread);
    thread->block = block;
    thread->tid = *weft__block_tid(block);
    thread->fn = fn;
    thread->arg = arg;
}

int weft__thread_create(pthread_t *ret_thread, const pthread_attr_t *attr, void *(*fn)(void *),
                        void *arg)
{
    struct weft__block *block = take_block();
    if (!block)
        return EAGAIN;
    struct weft__thread *thread = weft__thread_at(block->tp), *creator = weft__thread_self();
    init_thread(thread, block, fn, arg);
    if (creator) {
        memcpy(thread->name, creator->name, sizeof thread->name);
        thread->rank = creator->rank;
    }
    int rc = apply(thread, attr);
    bool detached = weft__load(&thread->detached, relaxed); /* nobody else knows it yet */
    weft__store(&thread->owners, detached ? 1 : 2, relaxed);
    size_t size = weft__thread_stack(thread->on_own_stack ? 0 : thread->stack_size);
    weft_attr attributes = { .name = thread->name, .stack_size = size };
    *ret_thread = (pthread_t)weft__block_self(block); /* before it can run */
    weft__signals_add(thread, creator ? weft__load(&creator->signals.mask, relaxed) : 0);
    uint64_t now = weft__add(&alive, 1, relaxed) + 1; /* falls to 0 only after we have ended */
    if (rc == 0 &&
        weft_spawn_at("thread", &attributes, run, thread, detached ? NULL : &thread->task) != 0)
        rc = EAGAIN;
    if (rc) {
        weft__add(&alive, (uint64_t)-1, relaxed);
        weft__signals_drop(thread);
        give_block(block);
    } else if (weft__unlikely(weft__observing)) {
        weft__observe_thread(now);
    }
    return rc;
}

int weft__thread_join(struct weft__thread *thread, int64_t deadline, void **ret_result)
{
    if (thread == weft__thread_self())
        return EDEADLK;
    if (weft__load(&thread->detached, relaxed)) /* a wrong program's race */
        return EINVAL;
    struct weft__hook_wait wait;
    weft_scope scope;
    int rc;
    do { /* handlers run in between */
        weft__cancel_point();
        weft__hook_begin(&wait);
        weft_scope_enter(&scope, deadline);
        rc = weft_join(thread->task, NULL);
        weft_scope_leave(&scope);
        weft__hook_end(&wait);
    } while (rc == -EINTR);
    if (rc)
        return -rc;
    if (ret_result)
        *ret_result = thread->result;
    let_go(thread);
    return 0;
}

int weft__thread_detach(struct weft__thread *thread)
{
    if (weft__exchange(&thread->detached, true, acq_rel))
        return EINVAL;
    weft_detach(thread->task);
    let_go(thread);
    return 0;
}

void weft__thread_forget(struct weft__thread *self)
{
    weft__store(&alive, 1, relaxed); /* it ends, the process ends */
    self->block = NULL;
    self->tid = 0;
}

void weft__thread_exit(struct weft__thread *self, void *result)
{
    self->result = result;
    weft__signals_last(self);
    weft__real_pthread_exit(result);
    __builtin_unreachable();
}

/* The process's first thread. */

struct sink {
    struct weft__context context;
    struct weft_task *main;
    struct weft__block *block;
};

/* The OS thread as the kernel knows it, in its new block. setuid() marks the block
 * that libc knows it by, the first: VT-7. */
static void settle(struct weft__block *block)
{
    uint32_t *tid = weft__block_tid(block);
    char *robust = weft__block_self(block) + weft__layout.robust;
    weft__block_set_home(block->tp, first_block.tp);
    weft__context_set_thread_pointer(block->tp);
    *tid = (uint32_t)syscall(SYS_set_tid_address, tid);
    syscall(SYS_set_robust_list, robust, 3 * sizeof(void *));
}

static WEFT_NOINLINE void sink_main(void *arg)
{
    struct sink *sink = arg;
    struct weft_task *main = sink->main;
    settle(sink->block);
    weft__sink_begin();
    /* From here on it may run, and `sink` is gone. */
    weft__store(&main->on_cpu, 0, release); /* pairs with the acquire in accept() */
    weft__ready_outside(main);
    weft__sink_main();
}

/* The kernel writes to an area in this block, on whichever CPU the first OS thread
 * is: that will not be where main runs. */
static void unregister_rseq(char *tp)
{
    if (__rseq_size)
        syscall(SYS_rseq, tp + __rseq_offset, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

static WEFT_NOINLINE int become_task(struct weft_task *task, char *tp)
{
    struct sink sink = { .main = task, .block = take_block() };
    char *stack = mmap(NULL, SINK_STACK, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!sink.block || stack == MAP_FAILED)
        return -ENOMEM;
    unregister_rseq(tp);
    weft__context_prepare(&sink.context, stack + SINK_STACK, sink_main, &sink);
    task->context.thread_pointer = tp;
    *weft__current_at(tp) = task;
    weft__store(&task->on_cpu, 1, relaxed); /* the sink publishes it */
    weft__context_switch(&task->context, &sink.context);
    weft__arrive(task);
    weft__leave(task);
    return 0;
}

int weft__thread_main(void *(*fn)(void *arg), void *arg)
{
    struct weft__thread *thread = &own;
    first_block.tp = weft__context_thread_pointer();
    init_thread(thread, &first_block, fn, arg);
    thread->on_own_stack = true;
    weft__store(&thread->owners, 3, relaxed); /* ours for ever */
    weft__store(&alive, 1, relaxed);
    prctl(PR_GET_NAME, thread->name);
    struct weft_task *task = weft__adopt(thread->name);
    if (!task)
        return -ENOMEM;
    thread->task = task;
    sigset_t mask;
    weft__real_pthread_sigmask(SIG_BLOCK, NULL, &mask);
    weft__signals_add(thread, weft__mask_of(&mask));
    int rc = become_task(task, first_block.tp);
    if (rc)
        return rc;
    call(thread);
    leave_block(task);
    weft__end(task);
}

/* A program that runs the runtime itself keeps its libraries' threads: its weft_run()
 * would wait for the end of those that last, the end of all others would end the
 * process, and there is no sink for signals. */
bool weft__thread_can_create(void)
{
    return weft__hook_task() && first_block.tp;
}

/* The interposed calls. */

WEFT__INTERPOSE int pthread_create(pthread_t *ret_thread, const pthread_attr_t *attr,
                                   void *(*fn)(void *), void *arg)
{
    if (!weft__thread_can_create())
        return weft__real_pthread_create(ret_thread, attr, fn, arg);
    return weft__thread_create(ret_thread, attr, fn, arg);
}

WEFT__INTERPOSE int pthread_join(pthread_t id, void **ret_result)
{
    WEFT__STAYS;
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__thread_gone(id) ? ESRCH : weft__real_pthread_join(id, ret_result);
    return weft__thread_join(thread, WEFT_NEVER, ret_result);
}
WEFT__INSIDE(pthread_join);

WEFT__INTERPOSE int pthread_tryjoin_np(pthread_t id, void **ret_result)
{
    WEFT__STAYS;
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__thread_gone(id) ? ESRCH : weft__real_pthread_tryjoin_np(id, ret_result);
    if (!weft__load(&thread->ended, acquire)) /* pairs with the store in call() */
        return EBUSY;
    return weft__thread_join(thread, WEFT_NEVER, ret_result);
}

WEFT__INTERPOSE int pthread_clockjoin_np(pthread_t id, void **ret_result, clockid_t clock,
                                         const struct timespec *until)
{
    WEFT__STAYS;
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__thread_gone(id)
                   ? ESRCH
                   : weft__real_pthread_clockjoin_np(id, ret_result, clock, until);
    int64_t deadline;
    int rc = weft__deadline(clock, until, &deadline);
    if (weft__load(&thread->ended, acquire)) /* as above */
        deadline = WEFT_NEVER;
    return rc ? rc : weft__thread_join(thread, deadline, ret_result);
}

WEFT__INTERPOSE int pthread_timedjoin_np(pthread_t id, void **ret_result,
                                         const struct timespec *until)
{
    return pthread_clockjoin_np(id, ret_result, CLOCK_REALTIME, until);
}

WEFT__INTERPOSE int pthread_detach(pthread_t id)
{
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__thread_gone(id) ? ESRCH : weft__real_pthread_detach(id);
    return weft__thread_detach(thread);
}
WEFT__INSIDE(pthread_detach);

WEFT__INTERPOSE void pthread_exit(void *result)
{
    struct weft__thread *self = weft__thread_self();
    struct weft_task *task = weft__hook_task();
    WEFT_CHECK(!task || weft__is_virtual(task)); /* a light task has no thread to end */
    if (self)
        weft__thread_exit(self, result);
    weft__real_pthread_exit(result);
    __builtin_unreachable();
}
WEFT__INSIDE(pthread_exit);
