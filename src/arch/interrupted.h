/* interrupted.h - the registers of a thread that a signal has interrupted. */
#ifndef WEFT_ARCH_INTERRUPTED_H
#define WEFT_ARCH_INTERRUPTED_H

#include <stdint.h>
#include <ucontext.h>

/* Where it was. */
static inline uintptr_t weft__interrupted_pc(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)context->uc_mcontext.pc;
#endif
}

static inline uintptr_t weft__interrupted_sp(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    return (uintptr_t)context->uc_mcontext.sp;
#endif
}

/* The third argument, at a function's first instruction. */
static inline uintptr_t weft__interrupted_third(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RDX];
#elif defined(__aarch64__)
    return (uintptr_t)context->uc_mcontext.regs[2];
#endif
}

#endif
