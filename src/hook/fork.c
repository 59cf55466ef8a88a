/* fork(): the child is a process without weft.
 *
 * Of all OS threads it has the carrier of the task that forked. That goes on on the
 * task's stack, with the task's block, as a plain thread: nothing is interposed in it
 * any more, threads that it makes are the kernel's, and signals reach it as they reach
 * any process. A program that it executes starts anew, under weft.
 *
 * libc's own fork() does the work: it runs the program's handlers, which
 * pthread_atfork() has registered, and readies its locks for the child. We are the
 * first to have registered one, so ours is the first to run in the child. */
#include "hook/fork.h"

#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hook/interposed.h"
#include "hook/lot.h"
#include "hook/signals.h"
#include "hook/thread.h"
#include "os/latch.h"
#include "sched/carrier.h"

bool weft__hook_forked;

/* The kernel must not write to the carrier's block: libc takes that for free. */
static void unregister_rseq(char *carrier)
{
    if (__rseq_size && carrier)
        syscall(SYS_rseq, carrier + __rseq_offset, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

/* What was a task goes on as a plain thread, with the carrier's mask for now. */
static void leave_carrier(struct weft_task *task)
{
    char *tp = weft__context_thread_pointer();
    unregister_rseq(weft__carrier_of(task)->thread_pointer);
    if (weft__is_virtual(task))
        weft__block_set_home(tp, NULL);
    *weft__current_at(tp) = NULL;
}

/* The parent's descriptors are no part of the program. */
static void close_pollers(void)
{
    for (unsigned i = 0; i < weft__rt.workers; i++) {
        weft__ring_abandon(&weft__rt.worker[i].ring);
        weft__poller_finish(&weft__rt.worker[i].poller);
    }
    weft__rt.workers = 0;
}

static void take_along(struct weft__thread *self)
{
    weft__rank_keep(self);
    weft__list_init(&self->signals.queue); /* what was pending is the parent's, */
    weft__store(&self->signals.pending, 0, relaxed);
    uint64_t carried = weft__load(&self->signals.carried, relaxed);
    weft__store(&self->signals.carried, carried & WEFT__CANCEL, relaxed); /* but for this */
    weft__real_sigaltstack(&self->signals.stack, NULL);
    weft__thread_forget(self);
}

static void in_child(void)
{
    struct weft_task *task = weft__hook_task();
    struct weft__thread *self = weft__thread_self();
    sigset_t mask = weft__rt.host_mask; /* a light task's: in the carrier's all is blocked */
    weft__fork_count();
    weft__lot_forget(); /* plain threads, and those of a child, wait there for locks, too */
    weft__signals_never_mind();
    if (!weft__load(&weft__rt.running, relaxed))
        return;
    if (task)
        leave_carrier(task);
    weft__hook_forked = true;
    close_pollers();
    weft__store(&weft__rt.running, false, relaxed);
    weft__store(&weft__rt.open, false, relaxed);
    weft__latch_forget();
    weft__signal_forget();
    weft__signals_forget();
    weft__sink_forget();
    weft__timer_forget();
    if (self) {
        weft__mask_to(weft__load(&self->signals.mask, relaxed), &mask);
        take_along(self);
    }
    if (self || task) /* not before: what comes at once finds all as it is to be */
        weft__real_pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

__attribute__((constructor(102))) static void register_handler(void)
{
    pthread_atfork(NULL, NULL, in_child);
}

/* Neither may run in the memory of its parent, which has tasks on other carriers. */
static pid_t fork_without_handlers(void)
{
    pid_t pid = weft__real__Fork();
    if (pid == 0)
        in_child();
    return pid;
}

WEFT__INTERPOSE pid_t _Fork(void)
{
    return fork_without_handlers();
}

WEFT__INTERPOSE pid_t vfork(void)
{
    return fork_without_handlers();
}

WEFT__INTERPOSE pid_t __vfork(void)
{
    return fork_without_handlers();
}
