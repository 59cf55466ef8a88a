/* tcb.h - the words at the thread pointer that compilers and the ABI know. */
#ifndef WEFT_VTHREAD_TCB_H
#define WEFT_VTHREAD_TCB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"

/* While a thread binds a symbol libc's mark of it says so, and may be waited for: a futex. */
enum weft__tcb_scope { WEFT__SCOPE_UNUSED, WEFT__SCOPE_USED, WEFT__SCOPE_AWAITED };

#if defined(__x86_64__)

struct weft__tcb {
    void *tcb;
    void *dtv;
    void *self;
    int multiple_threads;
    _Atomic(uint32_t) scope;
    uintptr_t sysinfo;
    uintptr_t stack_guard;   /* %fs:0x28, the compilers' */
    uintptr_t pointer_guard; /* %fs:0x30, setjmp()'s */
};

/* `model` is a valid one of the same process, whose guards all share. */
static inline void weft__tcb_fill(void *tp, void *self, const void *model)
{
    struct weft__tcb *tcb = tp;
    const struct weft__tcb *from = model;
    tcb->tcb = tp;
    tcb->self = self;
    tcb->multiple_threads = 1;
    tcb->sysinfo = from->sysinfo;
    tcb->stack_guard = from->stack_guard;
    tcb->pointer_guard = from->pointer_guard;
}

static inline bool weft__tcb_valid(const void *tp, const void *self, const void *model)
{
    const struct weft__tcb *tcb = tp, *other = model;
    return tcb->tcb == tp && tcb->self == self && self == tp && tcb->scope == WEFT__SCOPE_UNUSED &&
           (tcb->multiple_threads == 0 || tcb->multiple_threads == 1) &&
           tcb->stack_guard == other->stack_guard && tcb->pointer_guard == other->pointer_guard;
}

static inline _Atomic(uint32_t) *weft__tcb_scope(void *self)
{
    return &((struct weft__tcb *)self)->scope;
}

#else

/* Both guards are global. The first word of struct pthread says that the process
 * has several threads. */
static inline void weft__tcb_fill(void *tp, void *self, const void *model)
{
    (void)tp, (void)model;
    *(int *)self = 1;
}

static inline bool weft__tcb_valid(const void *tp, const void *self, const void *model)
{
    (void)model;
    const int *words = self;
    return self < tp && (words[0] == 0 || words[0] == 1) && words[1] == WEFT__SCOPE_UNUSED;
}

static inline _Atomic(uint32_t) *weft__tcb_scope(void *self)
{
    return (_Atomic(uint32_t) *)self + 1;
}

#endif

#endif
