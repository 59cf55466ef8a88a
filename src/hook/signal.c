/* What the program wants done with signals. The kernel has a handler of ours for
 * those that the program handles, and for those that the kernel sends to the thread
 * that has caused them, whose mask is not the carrier's (SIGPIPE). */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "arch/interrupted.h"
#include "hook/fork.h"
#include "hook/interposed.h"
#include "hook/signals.h"
#include "hook/thread.h"
#include "io/signals.h"

#define COUNT 65

static struct sigaction actions[COUNT];
static uint64_t interrupting; /* siginterrupt() */
static struct weft__lock lock;

/* Sent by the kernel to the thread that does something, not to the process. */
#define CAUSED (WEFT__SIGNAL(SIGPIPE) | WEFT__SIGNAL(SIGXFSZ))
#define FAULTS \
    (WEFT__SIGNAL(SIGSEGV) | WEFT__SIGNAL(SIGBUS) | WEFT__SIGNAL(SIGFPE) | WEFT__SIGNAL(SIGILL) | \
     WEFT__SIGNAL(SIGTRAP) | WEFT__SIGNAL(SIGSYS))
#define IGNORED_BY_DEFAULT \
    (WEFT__SIGNAL(SIGCHLD) | WEFT__SIGNAL(SIGCONT) | WEFT__SIGNAL(SIGURG) | WEFT__SIGNAL(SIGWINCH))

static bool is_program_s(int number)
{
    return number > 0 && number < COUNT && number != SIGKILL && number != SIGSTOP &&
           !(WEFT__SIGNAL(number) & WEFT__UNMASKABLE);
}

struct sigaction weft__signal_action(int number)
{
    weft__lock_acquire(&lock);
    struct sigaction action = actions[number];
    weft__lock_release(&lock);
    return action;
}

struct sigaction weft__signal_use_action(int number)
{
    weft__lock_acquire(&lock);
    struct sigaction action = actions[number];
    if (action.sa_flags & (int)SA_RESETHAND)
        actions[number].sa_handler = SIG_DFL;
    weft__lock_release(&lock);
    return action;
}

bool weft__signal_wanted(int number)
{
    struct sigaction action = weft__signal_action(number);
    if (action.sa_handler == SIG_DFL)
        return !(WEFT__SIGNAL(number) & IGNORED_BY_DEFAULT);
    return action.sa_handler != SIG_IGN;
}

/* The kernel's part. */

static bool is_fault(int number, const siginfo_t *info)
{
    return WEFT__SIGNAL(number) & FAULTS && info->si_code > 0;
}

/* Whether a carrier's task may handle it on the carrier, be suspended in that and go on on
 * another, which would keep this one's mask. */
static bool on_carriers(int number)
{
    return !weft__hook_forked && WEFT__SIGNAL(number) & (CAUSED | FAULTS | WEFT__SIGNAL(SIGABRT));
}

static void block_for(int number, const struct sigaction *action)
{
    sigset_t blocked;
    weft__mask_to(weft__mask_of(&action->sa_mask), &blocked);
    if (!(action->sa_flags & SA_NODEFER))
        sigaddset(&blocked, number);
    weft__real_pthread_sigmask(SIG_BLOCK, &blocked, NULL);
}

/* Nothing is unblocked here: the return to the kernel does that, when this frame is gone. */
static void handle_natively(int number, siginfo_t *info, void *context)
{
    struct sigaction action = weft__signal_use_action(number);
    if (action.sa_handler == SIG_DFL) {
        weft__signal_default(number);
        return;
    }
    if (on_carriers(number)) /* see install() */
        block_for(number, &action);
    if (action.sa_flags & SA_SIGINFO)
        action.sa_sigaction(number, info, context);
    else if (action.sa_handler != SIG_IGN)
        action.sa_handler(number);
}

static void on_fault(struct weft__thread *self, int number, siginfo_t *info, void *context)
{
    uint32_t guard = self->signals.guard;
    bool blocked = weft__load(&self->signals.mask, relaxed) & WEFT__SIGNAL(number);
    self->signals.guard = 0; /* where it happened is where it is handled */
    if (blocked || weft__signal_action(number).sa_handler == SIG_IGN)
        weft__signal_default(number);
    else
        weft__signals_call(self, number, info, context);
    self->signals.guard = guard;
}

static void on_native(int number, siginfo_t *info, void *context)
{
    if (is_fault(number, info) || !weft__signals_postpone(info, context))
        handle_natively(number, info, context);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    struct weft__thread *self = weft__signals_handler_begin();
    int error = errno;
    if (self && is_fault(number, info)) {
        on_fault(self, number, info, context);
    } else if (!weft__self() || is_fault(number, info)) {
        on_native(number, info, context);
    } else if (!self || !(WEFT__SIGNAL(number) & (CAUSED | FAULTS | WEFT__SIGNAL(SIGABRT)))) {
        weft__sink_forward(number, info);
    } else {
        atomic_fetch_or_explicit(&self->signals.carried, WEFT__SIGNAL(number),
                                 memory_order_relaxed);
        weft__signals_interrupt(self, context);
    }
    weft__signals_handler_end(self, context);
    errno = error;
}

/* A handler of the kernel's has begun, and so has the next one before its first instruction:
 * the third argument says what the first has interrupted. */
const ucontext_t *weft__signal_interrupted(const ucontext_t *context)
{
    while (weft__interrupted_pc(context) == (uintptr_t)on_signal)
        context = (const ucontext_t *)weft__interrupted_third(context);
    return context;
}

/* Never on the carrier's own stack, but for faults, which may be those of a stack that has
 * run out. The masks are the kernel's but for what carriers handle (SIG-6). */
static int kernels_flags(int number, int flags)
{
    int kept = SA_RESTART | SA_NOCLDWAIT | (WEFT__SIGNAL(number) & FAULTS ? SA_ONSTACK : 0);
    if (weft__hook_forked)
        return SA_SIGINFO | flags;
    if (on_carriers(number))
        return SA_SIGINFO | SA_NODEFER | (flags & kept);
    return SA_SIGINFO | (flags & (kept | SA_NODEFER));
}

static void install(int number, const struct sigaction *action)
{
    struct sigaction kernel = { .sa_sigaction = on_signal };
    bool caused = WEFT__SIGNAL(number) & CAUSED && !weft__hook_forked;
    if (action->sa_handler == SIG_IGN || (action->sa_handler == SIG_DFL && !caused)) {
        kernel.sa_handler = action->sa_handler;
        kernel.sa_flags = action->sa_flags & SA_NOCLDWAIT;
    } else {
        kernel.sa_flags = kernels_flags(number, action->sa_flags);
        if (!on_carriers(number))
            weft__mask_to(weft__mask_of(&action->sa_mask), &kernel.sa_mask);
    }
    weft__real_sigaction(number, &kernel, NULL);
}

void weft__signal_renew(int number)
{
    if (!weft__hook_forked)
        return;
    struct sigaction action = weft__signal_action(number);
    if (action.sa_flags & (int)SA_RESETHAND)
        install(number, &action);
}

void weft__signal_default(int number)
{
    struct sigaction action = { .sa_handler = SIG_DFL }, before;
    sigset_t one, mask;
    if (WEFT__SIGNAL(number) & IGNORED_BY_DEFAULT)
        return;
    sigemptyset(&one);
    sigaddset(&one, number);
    weft__real_sigaction(number, &action, &before);
    weft__real_pthread_sigmask(SIG_BLOCK, &one, &mask);
    syscall(SYS_tgkill, getpid(), (int)syscall(SYS_gettid), number);
    weft__real_pthread_sigmask(SIG_UNBLOCK, &one, NULL);
    weft__real_pthread_sigmask(SIG_SETMASK, &mask, NULL); /* it has stopped, and goes on */
    weft__real_sigaction(number, &before, NULL);
}

/* What the process has inherited. */
__attribute__((constructor(102))) static void look(void)
{
    for (int number = 1; number < COUNT; number++) {
        if (is_program_s(number))
            weft__real_sigaction(number, NULL, &actions[number]);
    }
    weft__signals_prepare();
}

void weft__signal_set_up(void)
{
    install(SIGPIPE, &actions[SIGPIPE]);
    install(SIGXFSZ, &actions[SIGXFSZ]);
}

static bool has_handler(int number)
{
    return actions[number].sa_handler != SIG_DFL && actions[number].sa_handler != SIG_IGN;
}

void weft__signal_forget(void)
{
    lock = (struct weft__lock){ 0 };
    for (int number = 1; number < COUNT; number++) {
        if (is_program_s(number) && (has_handler(number) || WEFT__SIGNAL(number) & CAUSED ||
                                     actions[number].sa_flags & (int)SA_RESETHAND))
            install(number, &actions[number]); /* the kernel had another: see install() */
    }
}

/* The interposed calls. */

static int fail(int error)
{
    errno = error;
    return -1;
}

WEFT__INTERPOSE int sigaction(int number, const struct sigaction *action,
                              struct sigaction *ret_before)
{
    if (!is_program_s(number)) {
        bool ours = number == WEFT__NUDGE || number == WEFT__NUDGE_RESTART;
        return ours ? fail(EINVAL) : weft__real_sigaction(number, action, ret_before);
    }
    struct sigaction copy;
    if (action)
        copy = *action; /* may be where the old one goes */
    if (action && !weft__signal_wanted(number))
        weft__sink_settle(); /* what has come so far is ignored */
    weft__lock_acquire(&lock);
    if (ret_before)
        *ret_before = actions[number];
    if (action)
        actions[number] = copy;
    weft__lock_release(&lock);
    if (!action)
        return 0;
    install(number, &copy);
    if (!weft__signal_wanted(number))
        weft__signals_discard(number);
    return 0;
}
WEFT__INSIDE(sigaction);

__attribute__((constructor(102))) static void stand_between(void)
{
    weft__signals_action = sigaction;
}

static sighandler_t set_handler(int number, sighandler_t handler, int flags, bool blocked)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags }, before;
    sigemptyset(&action.sa_mask);
    if (handler == SIG_ERR || !is_program_s(number)) {
        errno = EINVAL;
        return SIG_ERR;
    }
    if (blocked)
        sigaddset(&action.sa_mask, number);
    sigaction(number, &action, &before);
    return before.sa_handler;
}

WEFT__INTERPOSE sighandler_t signal(int number, sighandler_t handler)
{
    bool restart = !is_program_s(number) || !(interrupting & WEFT__SIGNAL(number));
    return set_handler(number, handler, restart ? SA_RESTART : 0, true);
}
WEFT__INSIDE(signal);

WEFT__INTERPOSE sighandler_t sysv_signal(int number, sighandler_t handler)
{
    return set_handler(number, handler, (int)SA_RESETHAND | SA_NODEFER, false);
}

WEFT__INTERPOSE sighandler_t __sysv_signal(int number, sighandler_t handler)
{
    return set_handler(number, handler, (int)SA_RESETHAND | SA_NODEFER, false);
}

WEFT__INTERPOSE int siginterrupt(int number, int interrupt)
{
    struct sigaction action;
    if (!is_program_s(number))
        return fail(EINVAL);
    weft__lock_acquire(&lock);
    interrupting =
        interrupt ? interrupting | WEFT__SIGNAL(number) : interrupting & ~WEFT__SIGNAL(number);
    weft__lock_release(&lock);
    sigaction(number, NULL, &action);
    action.sa_flags = interrupt ? action.sa_flags & ~SA_RESTART : action.sa_flags | SA_RESTART;
    return sigaction(number, &action, NULL);
}

/* The last two are ours. */
WEFT__INTERPOSE int __libc_current_sigrtmax(void)
{
    return WEFT__NUDGE_RESTART - 1;
}
