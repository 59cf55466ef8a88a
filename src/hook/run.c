/* A virtual thread from its creation to its end. */
#include "hook/run.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "hook/fork.h"
#include "hook/observe.h"
#include "hook/real.h"
#include "os/memory.h"
#include "sched/carrier.h"
#include "sched/switch.h"
#include "vthread/life.h"
#include "weft.h"

#define NAP 2000000 /* ns */

_Atomic(uint64_t) weft__threads_alive = 1;

static WEFT_NOINLINE void enter_block(struct weft_task *task, char *tp)
{
    *weft__current_at(tp) = task;
    task->context.thread_pointer = tp;
    weft__change_block(tp, weft__carrier_of(task)->thread_pointer);
}

/* Back to the carrier's, before the end: whoever joins may want the block still,
 * so the task must not give it back. */
WEFT_NOINLINE void weft__thread_leave_block(struct weft_task *task)
{
    task->context.thread_pointer = NULL;
    weft__change_block(NULL, weft__carrier_of(task)->thread_pointer);
}

/* Declared by <pthread.h> for programs that are compiled without -fexceptions. */
void __pthread_register_cancel(__pthread_unwind_buf_t *buffer);

/* In a forked child libc counts the thread that forked for good, and would not end the
 * process with the last of those that it has made: so this one stays until it is alone. */
static WEFT_COLD void outlive_others(void)
{
    struct timespec nap = { 0, NAP };
    struct stat tasks;
    while (stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink > 3) /* 2 and each thread */
        weft__real_nanosleep(&nap, NULL);
}

/* libc's pthread_exit() unwinds the stack, calling clean-up handlers, and jumps
 * to the outermost buffer that was registered. */
void weft__thread_call(struct weft__thread *self)
{
    __pthread_unwind_buf_t here;
    weft__vthread_begin();
    weft__signals_begin(self);
    if (__sigsetjmp_cancel(here.__cancel_jmp_buf, 0) == 0) {
        __pthread_register_cancel(&here);
        self->result = self->fn(self->arg);
        weft__signals_last(self);
    } else if (!self->exits) {
        self->result = PTHREAD_CANCELED;
    }
    struct weft_task *task = weft__self();
    if (task) /* in a forked child the thread is no task any more */
        weft__finish(task);
    weft__vthread_end();
    weft__signals_end(self);
    weft__store(&self->ended, true, release); /* pairs with the load in tryjoin */
    if (weft__unlikely(weft__hook_forked))
        outlive_others();
    if (weft__add(&weft__threads_alive, (uint64_t)-1, acq_rel) == 1)
        exit(0);
}

struct visit {
    struct weft__thread *thread;
    struct weft__context home, there;
};

static void call_there(void *arg)
{
    struct visit *visit = arg;
    weft__thread_call(visit->thread);
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
        weft__thread_call(thread);
    }
    weft__thread_leave_block(task);
    weft__thread_let_go(thread);
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

static uint64_t first_mask(const struct weft__thread *creator, const pthread_attr_t *attr)
{
    sigset_t set;
    if (attr && pthread_attr_getsigmask_np(attr, &set) == 0)
        return weft__mask_of(&set);
    return creator ? weft__load(&creator->signals.mask, relaxed) : 0;
}

size_t weft__thread_stack(size_t asked)
{
    size_t size = weft__memory_pages(asked) + weft__stack_guard_size();
    if (size < WEFT__STACK_MIN)
        return WEFT__STACK_MIN;
    return size > WEFT__STACK_MAX ? WEFT__STACK_MAX : size;
}

void weft__thread_init(struct weft__thread *thread, struct weft__block *block, void *(*fn)(void *),
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
    struct weft__block *block = weft__thread_take_block();
    if (!block)
        return EAGAIN;
    struct weft__thread *thread = weft__thread_at(block->tp), *creator = weft__thread_self();
    weft__thread_init(thread, block, fn, arg);
    if (creator) {
        memcpy(thread->name, creator->name, sizeof thread->name);
        thread->rank = creator->rank;
        thread->rank.by_attributes = false;
    }
    int rc = apply(thread, attr);
    bool detached = weft__load(&thread->detached, relaxed); /* nobody else knows it yet */
    weft__store(&thread->owners, detached ? 1 : 2, relaxed);
    size_t size = weft__thread_stack(thread->on_own_stack ? 0 : thread->stack_size);
    weft_attr attributes = { .name = thread->name, .stack_size = size };
    *ret_thread = (pthread_t)weft__block_self(block); /* before it can run */
    weft__signals_add(thread, first_mask(creator, attr));
    /* falls to 0 only after we have ended */
    uint64_t now = weft__add(&weft__threads_alive, 1, relaxed) + 1;
    if (rc == 0 &&
        weft_spawn_at("thread", &attributes, run, thread, detached ? NULL : &thread->task) != 0)
        rc = EAGAIN;
    if (rc) {
        weft__add(&weft__threads_alive, (uint64_t)-1, relaxed);
        weft__signals_drop(thread);
        weft__thread_give_block(block);
    } else if (weft__unlikely(weft__observing)) {
        weft__observe_thread(now);
    }
    return rc;
}

void weft__thread_forget(struct weft__thread *self)
{
    weft__store(&weft__threads_alive, 1, relaxed); /* it ends, the process ends */
    self->block = NULL;
    self->tid = 0;
}

void weft__thread_exit(struct weft__thread *self, void *result)
{
    weft__signals_last(self);
    self->result = result;
    self->exits = true;
    weft__real_pthread_exit(result);
    __builtin_unreachable();
}
