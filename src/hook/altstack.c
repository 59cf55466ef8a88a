/* Alternative stacks for signal handlers, one a virtual thread. The kernel knows the
 * carrier's, for faults: a handler that wants the thread's own goes there from wherever
 * the thread was interrupted, as it would natively, and may block there like anywhere. */
#include <errno.h>
#include <limits.h>

#include "arch/context.h"
#include "hook/real.h"
#include "hook/signals.h"
#include "hook/thread.h"

/* The kernel's; libc's MINSIGSTKSZ is what a handler may need. */
#if defined(__x86_64__)
#define SMALLEST 2048
#elif defined(__aarch64__)
#define SMALLEST 5120
#endif
#define AUTODISARM INT_MIN /* linux/signal.h's, which cannot be had beside libc's */

static WEFT_NOINLINE bool is_on(const stack_t *stack)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0), low = (uintptr_t)stack->ss_sp;
    return !(stack->ss_flags & SS_DISABLE) && here - low < stack->ss_size;
}

struct visit {
    void (*fn)(void *arg);
    void *arg;
    struct weft__context home, there;
};

static void call_there(void *arg)
{
    struct visit *visit = arg;
    visit->fn(visit->arg);
    weft__context_switch(&visit->there, &visit->home);
}

static void call(const stack_t *stack, int flags, void (*fn)(void *arg), void *arg)
{
    if (!(flags & SA_ONSTACK) || stack->ss_flags & SS_DISABLE || is_on(stack)) {
        fn(arg);
        return;
    }
    struct visit visit = { .fn = fn, .arg = arg };
    uintptr_t top = (uintptr_t)stack->ss_sp + stack->ss_size;
    weft__context_prepare(&visit.there, (void *)(top & ~(uintptr_t)15), call_there, &visit);
    visit.there.thread_pointer = weft__self()->context.thread_pointer;
    weft__context_switch(&visit.home, &visit.there);
}

/* With SS_AUTODISARM there is none while a handler runs, on whatever stack. */
void weft__altstack_call(struct weft__thread *self, int flags, void (*fn)(void *arg), void *arg)
{
    stack_t stack = self->signals.stack;
    bool disarm = stack.ss_flags & AUTODISARM;
    if (disarm)
        self->signals.stack = (stack_t){ .ss_flags = SS_DISABLE };
    call(&stack, flags, fn, arg);
    if (disarm)
        self->signals.stack = stack;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

static int change(struct weft__thread *self, const stack_t *stack)
{
    if (is_on(&self->signals.stack))
        return fail(EPERM);
    int mode = stack->ss_flags & ~AUTODISARM;
    if (mode != 0 && mode != SS_DISABLE && mode != SS_ONSTACK)
        return fail(EINVAL);
    if (stack->ss_flags & SS_DISABLE)
        self->signals.stack = (stack_t){ .ss_flags = SS_DISABLE };
    else if (stack->ss_size < SMALLEST)
        return fail(ENOMEM);
    else
        self->signals.stack = *stack;
    return 0;
}

WEFT__INTERPOSE int sigaltstack(const stack_t *stack, stack_t *ret_before)
{
    struct weft__thread *self = weft__thread_self();
    if (!self)
        return weft__real_sigaltstack(stack, ret_before);
    stack_t before = self->signals.stack;
    before.ss_flags &= SS_DISABLE | AUTODISARM;
    before.ss_flags |= is_on(&before) ? SS_ONSTACK : 0;
    if (stack && change(self, stack) < 0)
        return -1;
    if (ret_before)
        *ret_before = before;
    return 0;
}
