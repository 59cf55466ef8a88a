/* self.h - the running task.
 *
 * It is in a thread-local of the carrier's, or of the virtual thread's block. A task may be
 * on another thread after each suspension, so the compiler must not keep the address of it:
 * the instructions name the thread pointer's register themselves. */
#ifndef WEFT_SCHED_SELF_H
#define WEFT_SCHED_SELF_H

#include "base/compiler.h"

struct weft_task;

/* What weft__self() returns. initial-exec: read in signal handlers, where the loader must
 * not be needed. To be named only by functions that are not inlined and do not suspend. */
extern _Thread_local struct weft_task *weft__current
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* The running task, the carrier's idle context while that runs, or NULL on a plain thread. */
#ifdef WEFT_MODEL

struct weft_task *weft__self(void);

#else

WEFT_INLINE struct weft_task *weft__self(void)
{
    struct weft_task *self;
#if defined(__x86_64__)
    __asm__ volatile("movq weft__current@gottpoff(%%rip), %0\n\t"
                     "movq %%fs:(%0), %0"
                     : "=r"(self)
                     :
                     : "memory");
#elif defined(__aarch64__)
    struct weft_task *at;
    __asm__ volatile("adrp %1, :gottprel:weft__current\n\t"
                     "ldr %1, [%1, :gottprel_lo12:weft__current]\n\t"
                     "mrs %0, tpidr_el0\n\t"
                     "ldr %0, [%0, %1]"
                     : "=&r"(self), "=&r"(at)
                     :
                     : "memory");
#endif
    return self;
}

#endif

#endif
