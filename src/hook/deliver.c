/* Making threads look, and running handlers. */
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/interrupted.h"
#include "base/assert.h"
#include "hook/fork.h"
#include "hook/lot.h"
#include "hook/real.h"
#include "hook/signals.h"
#include "hook/thread.h"
#include "os/barrier.h"
#include "os/critical.h"
#include "sched/worker.h"
#include "weft/time.h"

static uintptr_t code_begin, code_end; /* this object's */

/* Where a thread runs. */

bool weft__signals_in_library(const ucontext_t *context)
{
    uintptr_t at = weft__interrupted_pc(context);
    struct weft_task *self = weft__self();
    return (at >= code_begin && at < code_end) || weft__critical_inside() ||
           (self && weft__load(&self->seat->inside, relaxed) != 0);
}

struct weft__thread *weft__signals_handler_begin(void)
{
    struct weft__thread *self = weft__thread_self();
    if (self)
        self->signals.guard++;
    return self;
}

/* What is not blocked before the guard is lowered could still take the thread elsewhere, out
 * of the few instructions that are left. */
void weft__signals_handler_end(struct weft__thread *self, ucontext_t *context)
{
    sigset_t all;
    if (!self)
        return;
    sigfillset(&all);
    weft__real_pthread_sigmask(SIG_BLOCK, &all, NULL);
    if (--self->signals.guard == 0 && weft__signals_due(self))
        weft__sink_retry();                /* has come meanwhile, or may not run here */
    struct weft_task *task = weft__self(); /* NULL: in a child process */
    if (!task || context->uc_stack.ss_sp != weft__carrier_of(task)->signal_stack)
        syscall(SYS_sigaltstack, NULL, &context->uc_stack);
}

void weft__signals_interrupt(struct weft__thread *self, void *context)
{
    if (weft__signals_due(self) && self->signals.guard == 1 && /* the handler's own */
        !weft__signals_in_library(context))
        weft__signals_deliver(self, context);
}

#define MORE 1 /* in `nudged`: not one of our signals' bits */

/* True: one is on its way. */
static bool mark(struct weft__carrier *carrier, uint64_t bit)
{
    uint64_t before = weft__load(&carrier->nudged, relaxed);
    while (!weft__cas_weak(&carrier->nudged, &before, before | (before & bit ? MORE : bit), acq_rel,
                           relaxed))
        ;
    return before & bit;
}

/* Its number has come: more than one may have been wanted. */
static bool unmark(const siginfo_t *info)
{
    unsigned index = (unsigned)info->si_int;
    if (info->si_code != SI_QUEUE || index >= weft__rt.workers + WEFT__CARRIERS_MORE)
        return false;
    /* Before looking: pairs with mark()'s. */
    return atomic_fetch_and_explicit(&weft__rt.carrier[index].nudged,
                                     ~(WEFT__SIGNAL(info->si_signo) | MORE), memory_order_acq_rel) &
           MORE;
}

/* SIG-9. */
static void nudge(struct weft__carrier *carrier, int number)
{
    uint64_t bit = WEFT__SIGNAL(number);
    int tid = weft__load(&carrier->tid, relaxed);
    siginfo_t info = { .si_signo = number, .si_code = SI_QUEUE };
    info.si_pid = getpid();
    info.si_int = (int)(carrier - weft__rt.carrier);
    if (mark(carrier, bit))
        return;
    if (syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, number, &info) != 0) {
        /* The user has as many signals pending as there may be. */
        atomic_fetch_and_explicit(&carrier->nudged, ~bit, memory_order_relaxed);
        weft__sink_retry();
    }
}

static void on_nudge(int number, siginfo_t *info, void *context)
{
    struct weft__thread *self = weft__signals_handler_begin();
    int error = errno;
    bool more = unmark(info), due = self && weft__signals_due(self);
    (void)number;
    if (!weft__self())
        weft__signals_try_again(context);
    if (more || !due)
        weft__sink_retry(); /* somebody has looked already, or has left this carrier */
    if (due)
        weft__signals_interrupt(self, context);
    weft__signals_handler_end(self, context);
    errno = error;
}

static bool restarts(struct weft__thread *thread)
{
    uint64_t due =
        weft__load(&thread->signals.pending, relaxed) & ~weft__load(&thread->signals.mask, relaxed);
    return due && weft__signal_action(__builtin_ctzll(due) + 1).sa_flags & SA_RESTART;
}

/* Not running: it looks when it comes out of the interposed call it is in. Nobody looks
 * where the program itself has called weft (SIG-3). */
static void interrupt_carrier(struct weft__thread *thread)
{
    struct weft_task *task = thread->signals.task;
    if (!weft__load(&task->on_cpu, relaxed)) {
        weft__sink_retry();
        return;
    }
    /* Another task's by then: on_nudge(). */
    nudge(weft__carrier_of(task), restarts(thread) ? WEFT__NUDGE_RESTART : WEFT__NUDGE);
}

void weft__signals_nudge(struct weft__thread *thread)
{
    if (!thread->signals.task || thread == weft__thread_self())
        return; /* will look */
    struct weft__waiter *waiter = &thread->signals.task->waiter;
    weft__barrier_heavy(); /* SIG-3 */
    uint64_t word = weft__load(&waiter->word, acquire);
    if ((word & WEFT__WAIT_STATE) == WEFT__WAITING &&
        weft__wait_fire(waiter, word >> WEFT__WAIT_SHIFT, WEFT__INTERRUPTED))
        weft__sink_retry(); /* it may have given the wait up, and not look */
    else if ((word & WEFT__WAIT_STATE) != WEFT__EVENT || !weft__lot_recall(waiter))
        interrupt_carrier(thread);
}

/* Before a task parks: SIG-3. */
static bool look_before_parking(void)
{
    struct weft__thread *self = weft__thread_self();
    return self && weft__signals_due(self);
}

/* Running handlers. */

struct handling {
    const struct sigaction *action;
    int number;
    siginfo_t *info;
    ucontext_t *context;
};

static void call_handler(void *arg)
{
    const struct handling *it = arg;
    if (it->action->sa_flags & SA_SIGINFO)
        it->action->sa_sigaction(it->number, it->info, it->context);
    else
        it->action->sa_handler(it->number);
}

/* The mask that the handler finds in its context is the thread's and not the
 * carrier's, and what it leaves there comes into force. The kernel's own context has
 * room for one word of it. */
static void call_masked(struct weft__thread *self, const struct sigaction *action, int number,
                        siginfo_t *info, ucontext_t *context)
{
    uint64_t before = weft__load(&self->signals.mask, relaxed);
    uint64_t during = before | weft__mask_of(&action->sa_mask);
    if (!(action->sa_flags & SA_NODEFER))
        during |= WEFT__SIGNAL(number);
    unsigned long carriers = context->uc_sigmask.__val[0];
    struct weft__signals *signals = &self->signals;
    bool suspended = signals->suspended;
    uint64_t later = suspended ? signals->before : before;
    signals->suspended = false;
    weft__signals_set_mask(self, during);
    context->uc_sigmask.__val[0] = later;
    struct handling handling = { action, number, info, context };
    weft__altstack_call(self, action->sa_flags, call_handler, &handling);
    later = weft__mask_of(&context->uc_sigmask);
    weft__signals_set_mask(self, suspended && !weft__hook_forked ? before : later);
    if (!weft__hook_forked) /* else the handler has forked, and this is a plain process */
        context->uc_sigmask.__val[0] = carriers;
    signals->suspended = suspended;
    signals->before = later;
}

void weft__signals_call(struct weft__thread *self, int number, siginfo_t *info, void *context)
{
    struct sigaction action = weft__signal_use_action(number);
    ucontext_t made;
    if (action.sa_handler == SIG_IGN)
        return;
    if (action.sa_handler == SIG_DFL) {
        weft__signal_default(number);
        return;
    }
    if (!context)
        getcontext(&made);
    int error = errno;
    bool interrupted = self->signals.interrupted;
    self->signals.handled++;
    call_masked(self, &action, number, info, context ? context : &made);
    self->signals.interrupted = interrupted || !(action.sa_flags & SA_RESTART);
    errno = error;
}

static int take(struct weft__thread *self, siginfo_t *ret_info)
{
    weft__lock_acquire(&weft__signals_lock);
    uint64_t open = ~weft__load(&self->signals.mask, relaxed);
    int number = weft__signals_take(self, open, ret_info);
    weft__lock_release(&weft__signals_lock);
    return number;
}

/* Handlers may leave by a jump: then the guard is down, as where they jump to. */
void weft__signals_deliver(struct weft__thread *self, void *context)
{
    siginfo_t info;
    int number;
    uint32_t guard = self->signals.guard;
    WEFT_ASSERT(!weft__critical_inside(), "SIG-7");
    self->signals.guard = 0;
    if (weft__load(&self->signals.carried, relaxed) & WEFT__CANCEL)
        weft__cancel_note(self);
    while ((number = take(self, &info)) != 0)
        weft__signals_call(self, number, &info, context);
    self->signals.guard = guard;
}

bool weft__signals_restart(uint32_t handled)
{
    struct weft__thread *self = weft__thread_self();
    if (self && self->signals.handled == handled)
        return !weft__signals_due(self);
    return !self || !self->signals.interrupted;
}

bool weft__signals_restart_until(uint32_t handled, int64_t deadline)
{
    return weft__signals_restart(handled) &&
           (deadline == WEFT_NEVER || handled == weft__signals_handled());
}

void weft__signals_hold(void)
{
    struct weft__thread *self = weft__thread_self();
    if (self)
        self->signals.guard++;
}

void weft__signals_unhold(void)
{
    struct weft__thread *self = weft__thread_self();
    if (self && --self->signals.guard == 0 && weft__signals_due(self))
        weft__signals_deliver(self, NULL);
}

void weft__signals_pipe(void)
{
    struct weft__thread *self = weft__thread_self();
    if (self && !self->signals.guard && weft__signals_due(self))
        weft__signals_deliver(self, NULL);
}

uint32_t weft__signals_handled(void)
{
    struct weft__thread *self = weft__thread_self();
    return self ? self->signals.handled : 0;
}

/* In a wait, whether or not its guard is up. */
static void deliver_in_wait(void)
{
    struct weft__thread *self = weft__thread_self();
    if (self)
        weft__signals_deliver(self, NULL);
}

/* In a wait of weft's: false if that is part of an interposed call. */
static bool handle_in_wait(void)
{
    struct weft__thread *self = weft__thread_self();
    if (self && self->signals.guard)
        return false;
    if (self)
        weft__signals_deliver(self, NULL);
    return true;
}

/* Setting up. */

static int find_code(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t begin = info->dlpi_addr + segment->p_vaddr, here = (uintptr_t)find_code;
        if (segment->p_type != PT_LOAD || here < begin || here - begin >= segment->p_memsz)
            continue;
        code_begin = begin;
        code_end = begin + segment->p_memsz;
        return 1;
    }
    return 0;
}

void weft__signals_prepare(void)
{
    struct sigaction action = { .sa_sigaction = on_nudge, .sa_flags = SA_SIGINFO | SA_NODEFER };
    dl_iterate_phdr(find_code, NULL);
    weft__real_sigaction(WEFT__NUDGE, &action, NULL);
    action.sa_flags |= SA_RESTART;
    weft__real_sigaction(WEFT__NUDGE_RESTART, &action, NULL);
}

void weft__signals_set_up(void)
{
    weft__signal_set_up();
    weft__wait_interrupted = look_before_parking;
    weft__wait_handled = handle_in_wait;
    weft__lot_interrupted = deliver_in_wait;
}

/* A carrier blocks all but what its task causes (sched/runtime.c), and nudges. */
void weft__signals_carrier(void)
{
    sigset_t ours;
    weft__mask_to(WEFT__SIGNAL(WEFT__NUDGE) | WEFT__SIGNAL(WEFT__NUDGE_RESTART) |
                      WEFT__SIGNAL(SIGPIPE) | WEFT__SIGNAL(SIGXFSZ),
                  &ours);
    weft__real_pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
}
