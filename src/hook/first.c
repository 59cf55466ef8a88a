/* The process's first thread: main() goes on as a virtual thread, on its own stack and
 * block, and the OS thread as the sink, on another stack and block. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hook/real.h"
#include "hook/run.h"
#include "sched/carrier.h"
#include "sched/enter.h"
#include "sched/switch.h"
#include "task/adopt.h"

#define SINK_STACK ((size_t)1 << 20) /* signal handlers run there */

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
    weft__block_unlist(block); /* libc's list has the thread by its first block */
    weft__block_set_home(block->tp, weft__first_block.tp);
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
    struct sink sink = { .main = task, .block = weft__thread_take_block() };
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
    weft__first_block.tp = weft__context_thread_pointer();
    struct weft__thread *thread = weft__thread_at(weft__first_block.tp);
    weft__thread_init(thread, &weft__first_block, fn, arg);
    thread->on_own_stack = true;
    weft__store(&thread->owners, 3, relaxed); /* ours for ever */
    weft__store(&weft__threads_alive, 1, relaxed);
    prctl(PR_GET_NAME, thread->name);
    struct weft_task *task = weft__adopt(thread->name);
    if (!task)
        return -ENOMEM;
    thread->task = task;
    sigset_t mask;
    weft__real_pthread_sigmask(SIG_BLOCK, NULL, &mask);
    weft__signals_add(thread, weft__mask_of(&mask));
    int rc = become_task(task, weft__first_block.tp);
    if (rc)
        return rc;
    weft__thread_call(thread);
    weft__thread_leave_block(task);
    weft__end(task);
}
