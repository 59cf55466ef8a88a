#include "hook/real.h"

#include <dlfcn.h>

#include "base/assert.h"

#define DEFINE(name) __typeof__(name) *weft__real_##name;
WEFT__CALLS(DEFINE)

/* The linker sends calls of `name` from elsewhere in this object to __wrap_name:
 * whatever the arguments are, they go on as they came. */
#if defined(__x86_64__)
#define JUMP(name) "jmp *weft__real_" #name "(%rip)\n"
#elif defined(__aarch64__)
#define JUMP(name) \
    "adrp x16, weft__real_" #name "\n" \
    "ldr x16, [x16, :lo12:weft__real_" #name "]\n" \
    "br x16\n"
#endif
#define PASS(name) \
    __asm__(".pushsection .text\n" \
            ".globl __wrap_" #name "\n" \
            ".hidden __wrap_" #name "\n" \
            ".type __wrap_" #name ", @function\n" \
            "__wrap_" #name ":\n" JUMP(name) ".popsection\n");
WEFT__CALLS(PASS)

__attribute__((constructor(101))) static void find_all(void)
{
#define FIND(name) \
    weft__real_##name = (__typeof__(weft__real_##name))dlsym(RTLD_NEXT, #name); \
    WEFT_CHECK(weft__real_##name);
    WEFT__CALLS(FIND)
}
