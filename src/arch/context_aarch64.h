/* context_aarch64.h - see context.h. AAPCS64. */
#ifndef WEFT_ARCH_CONTEXT_AARCH64_H
#define WEFT_ARCH_CONTEXT_AARCH64_H

WEFT_INLINE void weft__context_switch(struct weft__context *from, struct weft__context *to)
{
    register struct weft__context *x0 __asm__("x0") = from;
    register struct weft__context *x1 __asm__("x1") = to;
    /* x29 cannot be named as a clobber while it is the frame pointer. */
    __asm__ volatile("adr x2, 1f\n\t"
                     "mov x3, sp\n\t"
                     "stp x2, x3, [x0]\n\t"
                     "str x29, [x0, #16]\n\t"
                     "ldp x2, x3, [x1]\n\t"
                     "ldr x29, [x1, #16]\n\t"
                     "mov sp, x3\n\t"
                     "br x2\n"
                     "1:"
                     : "+r"(x0), "+r"(x1)
                     :
                     : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
                       "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24",
                       "x25", "x26", "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6",
                       "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17",
                       "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28",
                       "v29", "v30", "v31", "memory", "cc");
}

WEFT_INLINE WEFT_NORETURN void weft__context_jump(struct weft__context *to)
{
    register struct weft__context *x1 __asm__("x1") = to;
    __asm__ volatile("ldp x2, x3, [x1]\n\t"
                     "ldr x29, [x1, #16]\n\t"
                     "mov sp, x3\n\t"
                     "br x2"
                     :
                     : "r"(x1)
                     : "x2", "x3", "memory");
    __builtin_unreachable();
}

WEFT_INLINE void *weft__context_thread_pointer(void)
{
    void *tp;
    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(tp));
    return tp;
}

WEFT_INLINE void weft__context_set_thread_pointer(void *tp)
{
    __asm__ volatile("msr tpidr_el0, %0" : : "r"(tp) : "memory");
}

#endif
