/* signals.h - signals of virtual threads.
 *
 * Carriers block every signal but those that their own instructions cause. The
 * process's first OS thread, the sink, takes what is sent to the process and says
 * which virtual thread is to handle it; what is sent to a virtual thread never sees
 * the kernel. Masks and the actions that the program has asked for are kept here.
 *
 * A signal is *due* in a thread when it is pending there and not blocked.
 *
 * SIG-1  A thread's mask is changed by the thread itself, under `lock`; its pending
 *        signals under the same lock. Program code never runs under it. What a
 *        handler on a carrier finds out, where the lock may be held, goes into
 *        `carried`, an atomic word.
 * SIG-2  The sink waits for every signal that some thread accepts, that is does not
 *        block, or awaits in sigwait(); perhaps for more. When it has taken one that
 *        nobody accepts it gives it back to the kernel, where sigpending() and
 *        signalfd see it, and waits no more for it. Who begins to accept a signal for
 *        which the sink does not wait says so and waits until the sink has taken
 *        what was pending (weft__sink_settle). Whoever needs to know what is
 *        pending settles, too.
 * SIG-3  No interruption is lost. Who makes a signal due in a thread passes the heavy
 *        barrier and then looks at what the thread does:
 *          it waits: its wait is fired with INTERRUPTED; the waiter says WAITING,
 *          passes the light barrier and looks for due signals before it parks;
 *          it has been signalled by a condition, and its mutex is held: it is recalled
 *          (LOT-4), and looks before it parks for the mutex. On its way there it is as
 *          one in a queue, and the sink tries again;
 *          it runs: its carrier gets a signal of ours, whose handler runs the due
 *          ones at once, SIG-4 permitting;
 *          it is in a queue: it looks when it comes out of the call it is in. If that
 *          is weft's own, which the program has called, the sink tries again.
 * SIG-4  Handlers run where the program's code runs, at the end of an interposed call,
 *        or in a wait of a call of weft's own, which then goes on (weft__wait_handled);
 *        never elsewhere inside the library: not while the thread's guard is up
 *        (weft__hook_begin to _end, which looks for due signals), not while it is
 *        in the scheduler, not while it executes this object's code. In the last two
 *        cases nobody might look soon, so the sink is asked to try again.
 * SIG-5  A thread is in the list of threads, and its task its own, from before it
 *        can be named until it has called weft__signals_end(); who holds the lock and
 *        has found it there may look at its task.
 * SIG-6  The kernel has one handler of ours for all signals that the program
 *        handles. In a thread that is not weft's, or after fork(), where there are no
 *        others, it calls the program's handler just as the kernel would have: the masks are
 *        the kernel's, which knows what the program has asked for, from before ours
 *        begins until it has returned, so nothing is unblocked in between; in a child
 *        the other flags, too. Before the fork what carriers themselves get (SIGPIPE, faults)
 *        is delivered without a mask: a carrier's must not change. Where several are
 *        delivered at once the handlers are interrupted at their first instruction by the
 *        next: what the first has interrupted counts for SIG-8.
 * SIG-7  No handler runs while its thread holds one of the library's locks or latches,
 *        wherever the interrupted address is: what a critical section calls in libc
 *        is not this object's code. They are counted (os/critical.h); while any is
 *        held the sink is asked to try again, as in SIG-4.
 * SIG-8  So in a thread that is not weft's, which the kernel signals itself: what comes
 *        while it is in this object's code or holds a lock is kept, and given back to the
 *        kernel, in its order, with what came with it, when a timer of the thread's own, or
 *        another signal, has found it elsewhere, or when the thread is about to change its
 *        mask or to end: as if it came only then. All is blocked meanwhile, and the kernel
 *        delivers what the thread does not block. If more than a few come by
 *        then, the handler runs where it is.
 * SIG-9  At most one of each of our signals is on its way to a carrier: they are not
 *        masked, and while a carrier has no CPU they would pile up, and their handlers
 *        then on its stack. Who finds one under way (`nudged`) marks that there are more,
 *        in the same step: its handler takes both marks away before it looks, and asks
 *        the sink to look for those that were meant for another thread.
 * SIG-10 A handler may return on another carrier than it began on. The kernel's return then
 *        makes the alternative stack of the context that carrier's; so the context gets
 *        the one that the carrier has, or two would share one, and one of them keep it
 *        when the other has ended. From then on all is blocked until the return, which
 *        unblocks it: carriers have all the same mask. Before, and unless it runs the
 *        program's handlers, it has the guard up: another signal of ours that finds it in
 *        libc cannot tell that it has interrupted the library (SIG-4).
 * SIG-11 What was sent to the process stays the process's (`shared`) in the queue of the thread
 *        that was chosen. When that ends, or blocks it while somebody else accepts or awaits
 *        it, the sink is given it and chooses anew, or gives it back to the kernel. What a
 *        thread blocks and nobody else accepts stays where it is, *stranded*, as in a
 *        handler that blocks its own signal: who begins to accept or await it
 *        brings it back in the same step of the lock, and settles. */
#ifndef WEFT_HOOK_SIGNALS_H
#define WEFT_HOOK_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <ucontext.h>

#include "base/list.h"
#include "hook/rank.h"
#include "os/lock.h"

struct weft_task;
struct weft__thread;
struct weft__waiter;

struct weft__signals {
    _Atomic(uint64_t) mask; /* SIG-1 */
    _Atomic(uint64_t) pending;
    _Atomic(uint64_t) carried;
    struct weft__list queue; /* what came with `pending` */
    struct weft__list link;  /* among all threads */
    struct weft_task *task;  /* under the lock; NULL: has not started */
    uint64_t awaited;        /* sigwait(): what for, under the lock, */
    siginfo_t *awaited_info; /* where to, */
    struct weft__waiter *waiter;
    uint64_t ticket; /* and who */
    uint32_t guard;  /* SIG-4; the thread's own, and what follows */
    uint32_t handled;
    bool interrupted; /* a handler without SA_RESTART has run in this call */
    bool suspended;   /* in sigsuspend() and the like: the mask after it is */
    uint64_t before;
    stack_t stack;
};

/* A signal's bit in masks. Ours are hidden from programs: 63 interrupts system
 * calls that restart, 64 those that shall not; they are the sink's, too. */
#define WEFT__SIGNAL(number) ((uint64_t)1 << ((number)-1))
#define WEFT__NUDGE_RESTART 63
#define WEFT__NUDGE 64
#define WEFT__CANCEL WEFT__SIGNAL(64) /* in `carried`: pthread_cancel() */

/* What no mask of the program's has: KILL, STOP, libc's own and ours. */
#define WEFT__UNMASKABLE \
    (WEFT__SIGNAL(SIGKILL) | WEFT__SIGNAL(SIGSTOP) | WEFT__SIGNAL(32) | WEFT__SIGNAL(33) | \
     WEFT__SIGNAL(63) | WEFT__SIGNAL(64))

/* The kernel's sets are one word long, libc's longer. */
static inline uint64_t weft__mask_of(const sigset_t *set)
{
    return set->__val[0] & ~WEFT__UNMASKABLE;
}

static inline void weft__mask_to(uint64_t mask, sigset_t *ret_set)
{
    *ret_set = (sigset_t){ { mask } };
}

/* Below, `self` is the calling virtual thread. */

extern struct weft__lock weft__signals_lock;

/* roster.c: the threads. */

/* A thread comes, with its first mask, and goes. */
void weft__signals_add(struct weft__thread *thread, uint64_t mask);
void weft__signals_begin(struct weft__thread *self);
void weft__signals_last(struct weft__thread *self); /* handles what came while it ran */
void weft__signals_end(struct weft__thread *self);
void weft__signals_drop(struct weft__thread *thread); /* has never run */

/* Under the lock. */
struct weft__thread *weft__signals_thread(uint32_t tid);

/* Discards one signal everywhere, as when it is ignored from now on. */
void weft__signals_discard(int number);

/* Makes every thread look that has been missed (SIG-4). Under the lock. */
void weft__signals_nudge_due(void);

/* pending.c: what is pending in a thread. */

bool weft__signals_due(struct weft__thread *thread);

/* The first due signal, with what came with it; 0: none. Under the lock. */
int weft__signals_take(struct weft__thread *thread, uint64_t from, siginfo_t *ret_info);

/* direct.c: who takes what was sent. */

/* Sends to a thread that is in the list. Under the lock. 0 or EAGAIN. */
int weft__signals_send(struct weft__thread *thread, const siginfo_t *info);

/* Finds a thread for what was sent to the process. */
enum weft__taker { WEFT__TAKEN, WEFT__NOBODY, WEFT__BY_DEFAULT };
enum weft__taker weft__signals_direct(const siginfo_t *info);

/* SIG-11. Under the lock: a thread blocks these from now on, or accepts or awaits these; true:
 * the sink has something to take. And what that is, without the lock; false: nothing. */
bool weft__signals_pass_on(struct weft__thread *thread, uint64_t blocked);
bool weft__signals_bring_back(uint64_t accepted);
bool weft__signals_released(siginfo_t *ret_info);

/* Leaves to the kernel those of these signals that nobody accepts. */
void weft__signals_leave(uint64_t numbers);

/* timer.c: the virtual thread that a timer's signal is for, under the lock, NULL: it has
 * ended; false: it is the process's. And the signals that timers have. */
bool weft__timer_thread(const siginfo_t *info, struct weft__thread **ret_thread);
uint64_t weft__timer_signals(void);
void weft__timer_forget(void);

/* signal.c: actions. */

/* What the program wants done. */
struct sigaction weft__signal_action(int number);

/* The same, for one handler that is to run: SA_RESETHAND. */
struct sigaction weft__signal_use_action(int number);

/* False: it is ignored, or is so by default. */
bool weft__signal_wanted(int number);

/* Does to the process what the kernel does by default. Returns when that is nothing,
 * or when it goes on. */
void weft__signal_default(int number);

/* What the thread did, where one of the kernel's handlers has interrupted another at its
 * first instruction. */
const ucontext_t *weft__signal_interrupted(const ucontext_t *context);

/* Before one that the kernel has delivered is given back to it: SA_RESETHAND. */
void weft__signal_renew(int number);

/* The kernel's handlers for what needs one from the start. */
void weft__signal_set_up(void);
void weft__signal_forget(void);

/* deliver.c: making threads look, and running handlers. */

/* Makes the thread look. Under the lock. */
void weft__signals_nudge(struct weft__thread *thread);

/* Runs what is due. */
void weft__signals_deliver(struct weft__thread *self, void *context);

/* Runs one handler, as the kernel would. */
void weft__signals_call(struct weft__thread *self, int number, siginfo_t *info, void *context);

/* After a call or a wait in one was interrupted, and its handlers have run: whether
 * it is to be taken up again: SA_RESTART, or nothing has run since `handled` nor is
 * about to. */
bool weft__signals_restart(uint32_t handled);

/* The same for a wait with a deadline: where it is not WEFT_NEVER the kernel restarts no
 * wait of which a handler has run. */
bool weft__signals_restart_until(uint32_t handled, int64_t deadline);

/* Around what holds a lock and calls libc, where a handler would find neither our code
 * nor the scheduler (SIG-4). Pairs nest; the last one's end runs what has become due. */
void weft__signals_hold(void);
void weft__signals_unhold(void);

/* After a call that may have caused a SIGPIPE: runs its handler now. */
void weft__signals_pipe(void);

/* For calls that never restart: what `handled` was; whether something has run. */
uint32_t weft__signals_handled(void);

/* Around a handler of the kernel's, first and last but for errno: SIG-10. NULL: in no
 * virtual thread. */
struct weft__thread *weft__signals_handler_begin(void);
void weft__signals_handler_end(struct weft__thread *self, ucontext_t *context);

/* In between: it has found the thread's code interrupted at `context`: runs what is due if
 * it may (SIG-4). */
void weft__signals_interrupt(struct weft__thread *self, void *context);

/* Whether a handler found the thread in the library: SIG-4, SIG-7. */
bool weft__signals_in_library(const ucontext_t *context);

/* Before anybody is signalled: in programs that are only linked with the hook, too. */
void weft__signals_prepare(void);

/* postpone.c: in threads that are not weft's. */

/* In a handler of the kernel's, which returns then: SIG-8. False: it may run here, or can
 * not be kept. */
bool weft__signals_postpone(siginfo_t *info, const ucontext_t *context);

/* In a handler of the kernel's, which returns then: gives back what was kept, if it may, or
 * is to be called again. */
void weft__signals_try_again(const ucontext_t *context);

/* In a call of the program's: has handled what was kept, before the thread changes its mask,
 * becomes another program or ends. */
void weft__signals_settle_kept(void);

/* The same, for a call with a set of signals: as the kernel is to have it, without ours. */
const sigset_t *weft__signals_for_kernel(const sigset_t *set, sigset_t *room);

/* In a child of fork(), which inherits no timer. */
void weft__signals_never_mind(void);

/* Before the first carrier starts; on each that does. */
void weft__signals_set_up(void);
void weft__signals_carrier(void);

/* altstack.c: calls fn(arg), on the thread's alternative stack if `flags`, an action's,
 * say so and it has one and is not there already. */
void weft__altstack_call(struct weft__thread *self, int flags, void (*fn)(void *arg), void *arg);

/* mask.c: changes the mask; nothing is delivered yet. */
void weft__signals_set_mask(struct weft__thread *self, uint64_t mask);

/* Around ppoll(), pselect(), epoll_wait() and epoll_pwait(): the mask in force, NULL:
 * unchanged. Handlers run at the end, under that mask if the wait was `interrupted`;
 * what came without that is left for later, as the kernel leaves it. */
void weft__signals_mask_begin(const sigset_t *mask);
void weft__signals_mask_end(const sigset_t *mask, bool interrupted);

/* Around a call whose child or new program inherits the kernel's mask, and what rank.h
 * has: the carrier takes the thread's. */
struct weft__lent {
    sigset_t mask;
    struct weft__rank rank;
};
void weft__signals_lend(struct weft__lent *ret_carrier);
void weft__signals_return(const struct weft__lent *carrier);

/* sink.c: the OS thread becomes it; before any virtual thread runs. */
void weft__sink_begin(void);
WEFT_NORETURN void weft__sink_main(void);
void weft__sink_settle(void);
void weft__sink_retry(void);

/* For what the sink waits; under the lock. Returns whether to settle. */
bool weft__sink_wants(uint64_t mask);
void weft__sink_gives_up(int number);
bool weft__sink_sees(int number);
bool weft__sink_exists(void);

/* From any handler: the sink takes it instead. */
void weft__sink_forward(int number, const siginfo_t *info);

void weft__sink_forget(void);

/* kill.c: tgkill() and pidfd_send_signal() */
int weft__signals_tgkill(pid_t pid, pid_t tid, int number);
int weft__signals_pidfd(int fd, int number, void *info, unsigned flags);

/* cancel.c: a cancellation point; nothing while the guard is up. */
void weft__cancel_point(void);

/* Whether one would end the thread. */
bool weft__cancel_due(void);

/* A thread finds a request for its end; ends if it is to end at once. */
void weft__cancel_note(struct weft__thread *self);

/* wait.c: a child of the process has changed its state. */
void weft__children_changed(void);

/* fork.c: in a child, everything is libc's. */
void weft__signals_forget(void);

#endif
