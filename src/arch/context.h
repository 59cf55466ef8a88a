/* context.h - the context switch.
 *
 * A context is a place to go on: stack pointer, frame pointer, address. The
 * switch is inline assembly that saves just these and declares every other
 * register clobbered, so the compiler spills what is live at this very place
 * and nothing else; it leaves by an indirect jump, which the branch predictor
 * learns per call site. Measured on the project's machines: 2.3 ns one way,
 * against 13.7 ns for pushing all callee-saved registers and returning.
 *
 * What is not part of a context: the floating-point control words (MXCSR, x87
 * control, FPCR) belong to the thread; shadow stacks are not supported, and the
 * library is built without the marker that would let the loader enable them.
 *
 * `thread_pointer` is the task's own thread-local block, or NULL for a task
 * that uses its carrier's: whoever switches compares it and, when it differs,
 * writes it with weft__context_set_thread_pointer() before the jump. */
#ifndef WEFT_ARCH_CONTEXT_H
#define WEFT_ARCH_CONTEXT_H

#include <stdbool.h>

#include "base/compiler.h"

struct weft__context {
    void *pc; /* NULL: not started */
    void *sp;
    void *fp;
    void *thread_pointer; /* NULL: the carrier's */
};

/* Makes `context` start at weft__context_enter on the stack that ends at `top`
 * (16-byte aligned): it calls `main(arg)`, which must not return. */
static inline void weft__context_prepare(struct weft__context *context, void *top,
                                         void (*main)(void *arg), void *arg);

/* Saves here, goes on at `to`. Returns when somebody switches to `from`,
 * perhaps on another thread: the caller must not use a thread-local's address
 * that it took before. */
WEFT_INLINE void weft__context_switch(struct weft__context *from, struct weft__context *to);

/* Goes on at `to` and forgets here. */
WEFT_INLINE WEFT_NORETURN void weft__context_jump(struct weft__context *to);

/* The thread pointer register. */
WEFT_INLINE void *weft__context_thread_pointer(void);
WEFT_INLINE void weft__context_set_thread_pointer(void *tp);

/* Whether this machine lets programs write the register; else the kernel does it
 * (x86_64 before Linux 5.9). To be called before the first write. */
bool weft__context_choose_write(void);

/* In context_*.S: takes main and arg from the top of the stack. The outermost
 * frame; unwinders stop there. */
extern void weft__context_enter(void);

#if defined(__x86_64__)
#include "arch/context_x86_64.h"
#elif defined(__aarch64__)
#include "arch/context_aarch64.h"
#endif

static inline void weft__context_prepare(struct weft__context *context, void *top,
                                         void (*main)(void *arg), void *arg)
{
    void **frame = (void **)top - 2;
    frame[0] = (void *)main;
    frame[1] = arg;
    context->pc = (void *)weft__context_enter;
    context->sp = frame;
    context->fp = NULL;
}

#endif
