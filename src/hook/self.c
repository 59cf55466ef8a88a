/* Who is who: the caller's virtual thread, that of a block or of a pthread_t; and who
 * has the block. */
#include "hook/run.h"
#include "sched/enter.h"
#include "sched/worker.h"

static _Thread_local struct weft__thread own;

struct weft__block weft__first_block;

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

bool weft__thread_gone(pthread_t id)
{
    char *self = (char *)id;
    if (!weft__first_block.tp)
        return false; /* all are libc's */
    uint32_t tid = *(uint32_t *)(void *)(self + weft__layout.tid);
    return !weft__thread_at(self - weft__layout.self)->block && tid > FIRST_TID &&
           weft__hook_task();
}

/* A program that runs the runtime itself keeps its libraries' threads: its weft_run()
 * would wait for the end of those that last, the end of all others would end the
 * process, and there is no sink for signals. */
bool weft__thread_can_create(void)
{
    return weft__hook_task() && weft__first_block.tp;
}

/* Blocks go through the worker's magazine; threads that have none are rare. */
struct weft__block *weft__thread_take_block(void)
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

void weft__thread_give_block(struct weft__block *block)
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

void weft__thread_let_go(struct weft__thread *thread)
{
    /* acq_rel: what either owner did with the block comes before its next use */
    if (weft__add(&thread->owners, (uint32_t)-1, acq_rel) == 1)
        weft__thread_give_block(thread->block);
}
