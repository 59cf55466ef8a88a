/* The outermost frame of a task: rsp points at main and its argument. */
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
        callq   *%rax
        ud2
        .cfi_endproc
        .size   weft__context_enter, . - weft__context_enter
        .section .note.GNU-stack, "", @progbits
