/* The outermost frame of a task: rsp points at main and its argument. A jump, not a
 * call: main does not return, and a call would leave an entry on the processor's
 * stack of return addresses, so that every return after the next switch would be
 * predicted wrong. The address below serves unwinders. */
        .text
        .globl  weft__context_enter
        .hidden weft__context_enter
        .type   weft__context_enter, @function
        .p2align 4
weft__context_enter:
        .cfi_startproc
        .cfi_undefined rip
        .cfi_undefined rbp
        movq    0(%rsp), %rax
        movq    8(%rsp), %rdi
        xorl    %ebp, %ebp
        leaq    1f(%rip), %rdx
        pushq   %rdx
        jmpq    *%rax
1:      ud2
        .cfi_endproc
        .size   weft__context_enter, . - weft__context_enter
        .section .note.GNU-stack, "", @progbits
