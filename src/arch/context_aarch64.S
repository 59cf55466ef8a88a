/* The outermost frame of a task: sp points at main and its argument. */
        .text
        .globl  weft__context_enter
        .hidden weft__context_enter
        .type   weft__context_enter, %function
        .p2align 4
weft__context_enter:
        .cfi_startproc
        .cfi_undefined x30
        .cfi_undefined x29
        ldp     x1, x0, [sp]
        mov     x29, xzr
        mov     x30, xzr
        blr     x1
        brk     #1
        .cfi_endproc
        .size   weft__context_enter, . - weft__context_enter
        .section .note.GNU-stack, "", %progbits
