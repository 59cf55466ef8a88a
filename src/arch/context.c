#include "arch/context.h"

#if defined(__x86_64__)
#include <sys/auxv.h>

#define HWCAP2_FSGSBASE 2u

bool weft__context_write_by_call;

bool weft__context_choose_write(void)
{
    weft__context_write_by_call = !(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE);
    return !weft__context_write_by_call;
}
#else
bool weft__context_choose_write(void)
{
    return true;
}
#endif
