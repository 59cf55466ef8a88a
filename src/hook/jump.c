/* sigsetjmp() and siglongjmp(): what libc saves is the carrier's mask; the thread's
 * is put beside it, in the part of the set that no kernel writes to. */
#include <setjmp.h>
#include <stdint.h>

#include "hook/interposed.h"
#include "hook/signals.h"
#include "hook/thread.h"

#define OWN 1  /* words of the saved set: the thread's mask, */
#define SEAL 2 /* and a sign that it is one */
#define MAGIC UINT64_C(0x7765667473696773)

static uint64_t seal_of(const struct __jmp_buf_tag *env)
{
    return MAGIC ^ (uintptr_t)env;
}

/* Called by the interposer below. */
void weft__jump_note(struct __jmp_buf_tag *env, int saves_mask) WEFT_HIDDEN;
void weft__jump_note(struct __jmp_buf_tag *env, int saves_mask)
{
    struct weft__thread *self = weft__thread_self();
    env->__saved_mask.__val[SEAL] = 0;
    if (!self || !saves_mask)
        return;
    env->__saved_mask.__val[OWN] = weft__load(&self->signals.mask, relaxed);
    env->__saved_mask.__val[SEAL] = seal_of(env);
}

/* A function that returns twice cannot be called from another: it is jumped to. */
#if defined(__x86_64__)
__asm__(".pushsection .text\n"
        ".globl __sigsetjmp\n"
        ".type __sigsetjmp, @function\n"
        "__sigsetjmp:\n"
        ".cfi_startproc\n"
        "push %rdi\n"
        ".cfi_adjust_cfa_offset 8\n"
        "push %rsi\n"
        ".cfi_adjust_cfa_offset 8\n"
        "sub $8, %rsp\n"
        ".cfi_adjust_cfa_offset 8\n"
        "call weft__jump_note\n"
        "add $8, %rsp\n"
        ".cfi_adjust_cfa_offset -8\n"
        "pop %rsi\n"
        ".cfi_adjust_cfa_offset -8\n"
        "pop %rdi\n"
        ".cfi_adjust_cfa_offset -8\n"
        "jmp *weft__real___sigsetjmp(%rip)\n"
        ".cfi_endproc\n"
        ".size __sigsetjmp, .-__sigsetjmp\n"
        ".popsection\n");
#elif defined(__aarch64__)
__asm__(".pushsection .text\n"
        ".globl __sigsetjmp\n"
        ".type __sigsetjmp, %function\n"
        "__sigsetjmp:\n"
        "stp x29, x30, [sp, #-32]!\n"
        "stp x0, x1, [sp, #16]\n"
        "bl weft__jump_note\n"
        "ldp x0, x1, [sp, #16]\n"
        "ldp x29, x30, [sp], #32\n"
        "adrp x16, weft__real___sigsetjmp\n"
        "ldr x16, [x16, :lo12:weft__real___sigsetjmp]\n"
        "br x16\n"
        ".size __sigsetjmp, .-__sigsetjmp\n"
        ".popsection\n");
#endif

/* Where the jump leads nothing of the library's is under way. What libc restores is
 * the mask of the thread that it finds itself on: carriers have all the same, and a
 * child process has the program's. */
static void prepare(struct __jmp_buf_tag *env)
{
    struct weft__thread *self = weft__thread_self();
    bool ours = env->__mask_was_saved && env->__saved_mask.__val[SEAL] == seal_of(env);
    if (self) {
        self->signals.guard = 0;
        self->signals.suspended = false;
    }
    if (!ours)
        return;
    uint64_t mask = env->__saved_mask.__val[OWN];
    if (!self) {
        env->__saved_mask.__val[0] = mask;
        return;
    }
    sigset_t carriers;
    weft__real_pthread_sigmask(SIG_BLOCK, NULL, &carriers);
    env->__saved_mask.__val[0] = carriers.__val[0];
    weft__signals_set_mask(self, mask);
    if (weft__signals_due(self))
        weft__signals_deliver(self, NULL);
}

WEFT__INTERPOSE void siglongjmp(sigjmp_buf env, int value)
{
    prepare(env);
    weft__real_siglongjmp(env, value);
    __builtin_unreachable();
}

WEFT__INTERPOSE void longjmp(jmp_buf env, int value)
{
    prepare(env);
    weft__real_longjmp(env, value);
    __builtin_unreachable();
}

WEFT__INTERPOSE void _longjmp(jmp_buf env, int value)
{
    prepare(env);
    weft__real__longjmp(env, value);
    __builtin_unreachable();
}

WEFT__INTERPOSE void __longjmp_chk(jmp_buf env, int value)
{
    prepare(env);
    weft__real___longjmp_chk(env, value);
    __builtin_unreachable();
}
