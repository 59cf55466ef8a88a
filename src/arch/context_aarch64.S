/* The outermost frame of a task: sp points at main and its argument. A jump, not a
 * call, as in context_x86_64.S; the address below serves unwinders. */
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
        adr     x30, 1f
        br      x1
1:      brk     #1
        .cfi_endproc
        .size   weft__context_enter, . - weft__context_enter
        .section .note.GNU-stack, "", %progbits
