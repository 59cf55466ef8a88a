/* context_x86_64.h - see context.h. System V ABI. */
#ifndef WEFT_ARCH_CONTEXT_X86_64_H
#define WEFT_ARCH_CONTEXT_X86_64_H

#ifdef __AVX512F__
#define WEFT__AVX512_CLOBBERS \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", \
        "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", \
        "k7"
#else
#define WEFT__AVX512_CLOBBERS
#endif

WEFT_INLINE void weft__context_switch(struct weft__context *from, struct weft__context *to)
{
    /* rbp cannot be named as a clobber while it is the frame pointer. */
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
                     "movq %%rax, 0(%%rdi)\n\t"
                     "movq %%rsp, 8(%%rdi)\n\t"
                     "movq %%rbp, 16(%%rdi)\n\t"
                     "movq 8(%%rsi), %%rsp\n\t"
                     "movq 16(%%rsi), %%rbp\n\t"
                     "jmpq *0(%%rsi)\n"
                     "1:"
                     : "+D"(from), "+S"(to)
                     :
                     : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
                       "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                       "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
                       "xmm15" WEFT__AVX512_CLOBBERS, "memory", "cc");
}

WEFT_INLINE WEFT_NORETURN void weft__context_jump(struct weft__context *to)
{
    /* rdi: any register but rbp, which is on its way */
    __asm__ volatile("movq 8(%%rdi), %%rsp\n\t"
                     "movq 16(%%rdi), %%rbp\n\t"
                     "jmpq *0(%%rdi)"
                     :
                     : "D"(to)
                     : "memory");
    __builtin_unreachable();
}

WEFT_INLINE void *weft__context_thread_pointer(void)
{
    void *tp; /* the ABI keeps the block's own address in its first word */
    __asm__ volatile("movq %%fs:0, %0" : "=r"(tp));
    return tp;
}

#define WEFT__SYS_ARCH_PRCTL 158
#define WEFT__ARCH_SET_FS 0x1002

extern bool weft__context_write_by_call;

WEFT_INLINE void weft__context_set_thread_pointer(void *tp)
{
    if (weft__likely(!weft__context_write_by_call)) {
        __asm__ volatile("wrfsbase %0" : : "r"(tp) : "memory");
        return;
    }
    long rax = WEFT__SYS_ARCH_PRCTL; /* not by libc, which would look for errno there */
    __asm__ volatile("syscall"
                     : "+a"(rax)
                     : "D"(WEFT__ARCH_SET_FS), "S"(tp)
                     : "rcx", "r11", "memory");
}

#endif
