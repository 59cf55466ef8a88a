/* libweft-meter.so: see meter.h. */
#include "hook/meter.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "families.h"

#define HIDDEN __attribute__((visibility("hidden")))

/* Initial-exec: in a virtual thread's block, where its static thread-locals are. */
HIDDEN _Thread_local const struct weft__meter_call *weft__meter_last;

/* What the arguments are nobody knows here: their registers stay, and the stack. */
#if defined(__x86_64__)
#define COUNT(call) \
    "lea " call "(%rip), %r11\n" \
    "lock incq (%r11)\n" \
    "mov weft__meter_last@gottpoff(%rip), %r10\n" \
    "mov %r11, %fs:(%r10)\n" \
    "jmp *8(%r11)\n"
#elif defined(__aarch64__)
#define COUNT(call) \
    "adrp x16, " call "\n" \
    "add x16, x16, :lo12:" call "\n" \
    "1: ldxr x17, [x16]\n" \
    "add x17, x17, #1\n" \
    "stxr w15, x17, [x16]\n" \
    "cbnz w15, 1b\n" \
    "mrs x17, tpidr_el0\n" \
    "adrp x15, :gottprel:weft__meter_last\n" \
    "ldr x15, [x15, :gottprel_lo12:weft__meter_last]\n" \
    "str x16, [x17, x15]\n" \
    "ldr x17, [x16, #8]\n" \
    "br x17\n"
#endif

#define DEFINE(family, name) \
    HIDDEN struct weft__meter_call weft__meter_of_##name = { 0, NULL, #name, #family }; \
    __asm__(".pushsection .text\n" \
            ".globl " #name "\n" \
            ".type " #name ", @function\n" #name ":\n" \
            ".cfi_startproc\n" COUNT("weft__meter_of_" #name) ".cfi_endproc\n" \
                                                              ".size " #name ", . - " #name "\n" \
                                                              ".popsection\n");
WEFT__FAMILIES(DEFINE)

#define PLACE(family, name) &weft__meter_of_##name,
static struct weft__meter_call *const calls[] = { WEFT__FAMILIES(PLACE) };

static const struct weft__meter_call *last(void)
{
    return weft__meter_last;
}

const struct weft__meter *weft__meter(void)
{
    static const struct weft__meter meter = { calls, sizeof calls / sizeof *calls, last };
    for (size_t i = 0; i < meter.count; i++)
        calls[i]->next = dlsym(RTLD_NEXT, calls[i]->name);
    return &meter;
}

/* exit() passes by atexit()'s functions, these do not. */

static void (*at_exit)(void);

void weft__meter_at_exit(void (*report)(void))
{
    at_exit = report;
}

__attribute__((visibility("default"))) void _exit(int status)
{
    if (at_exit)
        at_exit();
    for (;;)
        syscall(SYS_exit_group, status);
}

__attribute__((visibility("default"))) void _Exit(int status)
{
    _exit(status);
}
