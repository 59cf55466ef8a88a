/* When the program dies: say in which task.
 *
 * A handler for the deadly signals, on a stack of the carrier's own, since the
 * task's may be what has run out. It prints a line and lets the disposition that
 * was there before do the rest (a core dump, a sanitizer's report). */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch/interrupted.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "observe/report.h"
#include "observe/text.h"
#include "sched/carrier.h"
#include "sched/hooks.h"
#include "sched/idle.h"
#include "weft/observe.h"

#define SIGNAL_STACK 65536

/* How far below its stack the frame of a function may reach that has skipped the guard. What is
 * further away is another stack. */
#define FRAME_MOST ((size_t)8 << 20)
/* What a function writes below its stack pointer: the call of another one, a red zone. */
#define BELOW_SP 256

static const int deadly[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
static const char *const names[] = { "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT" };
#define DEADLY (sizeof deadly / sizeof *deadly)

static struct sigaction before[DEADLY];
static _Atomic(pid_t) died[DEADLY]; /* the thread that came to on_deadly() last */
static _Atomic(bool) panics;        /* weft__panic() has said all, and raises SIGABRT */

/* Whether the fault is an overflow: in the guard, or of a frame that reaches past it, whose
 * part below the stack may be mapped, or not. */
static bool overflows(const struct weft__stack *stack, uintptr_t sp, uintptr_t address)
{
    uintptr_t low = (uintptr_t)stack->low;
    if (weft__stack_in_guard(stack, (void *)address) || weft__stack_in_guard(stack, (void *)sp))
        return true;
    return sp < low && low - sp < FRAME_MOST && address < low && address >= sp - BELOW_SP;
}

static void report_overflow(struct weft_task *task)
{
    struct weft__line line = { 0 };
    weft__line_string(&line, " overflowed its stack of ");
    weft__line_number(&line, task->stack_size >> 10);
    weft__line_string(&line, " KiB");
    line.text[line.length] = 0;
    weft__report_task(STDERR_FILENO, "", task, line.text);
}

static size_t index_of(int number)
{
    size_t i = 0;
    while (i < DEADLY && deadly[i] != number)
        i++;
    return i;
}

static void report_death(size_t index, struct weft_task *task, const void *address)
{
    struct weft__line line = { 0 };
    weft__line_string(&line, "died of ");
    weft__line_string(&line, names[index]);
    if (address) {
        weft__line_string(&line, " at ");
        weft__line_hex(&line, (uintptr_t)address);
    }
    weft__line_string(&line, " in ");
    line.text[line.length] = 0;
    weft__report_task(STDERR_FILENO, line.text, task, "");
}

static void report(size_t index, struct weft_task *task, const siginfo_t *info,
                   const ucontext_t *context)
{
    int number = deadly[index];
    bool faults = (number == SIGSEGV || number == SIGBUS) && info->si_code > 0;
    if (number == SIGABRT && weft__load(&panics, relaxed))
        return;
    if (faults && task->stack &&
        overflows(task->stack, weft__interrupted_sp(context), (uintptr_t)info->si_addr))
        report_overflow(task);
    else
        report_death(index, task, faults ? info->si_addr : NULL);
}

/* What was before may be a handler that came between two starts, and calls this one when it has
 * done its part. Then the thread is here again, and each would send it to the other for ever. It
 * may also call this one for a signal that is none of ours. */
static void on_deadly(int number, siginfo_t *info, void *context)
{
    static const struct sigaction by_default = { .sa_handler = SIG_DFL };
    struct weft_task *task = weft_self();
    size_t i = index_of(number);
    pid_t self = gettid();
    if (i == DEADLY)
        return;
    bool again = before[i].sa_handler != SIG_DFL &&
                 weft__exchange(&died[i], self, relaxed) == self; /* of its own thread only */
    /* The fault repeats, or abort() raises again: then it is theirs. */
    sigaction(number, again ? &by_default : &before[i], NULL);
    if (task && !again)
        report(i, task, info, context);
    if (info->si_code <= 0) /* sent by kill() or abort(): does not repeat by itself */
        raise(number);
}

static void install(void)
{
    struct sigaction action = { .sa_sigaction = on_deadly,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < DEADLY; i++) {
        weft__store(&died[i], 0, relaxed);
        sigaction(deadly[i], &action, &before[i]);
    }
}

static void on_runtime(enum weft__hook_event event)
{
    if (weft__rt.config.flags & WEFT_NO_CRASH_REPORT)
        return;
    if (event == WEFT__HOOK_STARTED) {
        install();
        return;
    }
    if (event != WEFT__HOOK_STOPPED)
        return;
    for (size_t i = 0; i < DEADLY; i++) {
        struct sigaction now;
        sigaction(deadly[i], NULL, &now);
        if (now.sa_sigaction == on_deadly) /* nobody has come after us */
            sigaction(deadly[i], &before[i], NULL);
    }
}

static void on_carrier_thread(void *arg, int starting)
{
    struct weft__carrier *carrier = arg;
    stack_t stack = { .ss_size = SIGNAL_STACK };
    if (starting) {
        stack.ss_sp =
            mmap(NULL, SIGNAL_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (stack.ss_sp == MAP_FAILED)
            return; /* an overflow will go unexplained */
        carrier->signal_stack = stack.ss_sp;
        sigaltstack(&stack, NULL);
    } else if (carrier->signal_stack) {
        stack.ss_flags = SS_DISABLE;
        sigaltstack(&stack, NULL);
        munmap(carrier->signal_stack, SIGNAL_STACK);
        carrier->signal_stack = NULL; /* the next thread may find no memory */
    }
}

static void panic_context(void)
{
    struct weft_task *task = weft_self();
    weft__store(&panics, true, relaxed); /* read by this thread's handler */
    if (task)
        weft__report_task(STDERR_FILENO, "in ", task, "");
}

static void on_deadlock(void)
{
    static const char message[] =
        "weft: deadlock: every task waits, and nothing is left that could wake one\n";
    ssize_t n = write(STDERR_FILENO, message, sizeof message - 1);
    (void)n;
    weft_dump(STDERR_FILENO);
    abort();
}

/* Defined here although sched/idle.h declares it: who links statically gets this
 * file, and its constructor, because the scheduler refers to it. */
void (*weft__on_deadlock)(void) = on_deadlock;

__attribute__((constructor)) static void set_hooks(void)
{
    static struct weft__hook hook = { .fn = on_runtime };
    weft__panic_context = panic_context;
    weft__on_carrier_thread = on_carrier_thread;
    weft__hooks_add(&hook);
}
