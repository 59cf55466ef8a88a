#include "os/critical.h"

_Thread_local uint32_t weft__critical_count;

WEFT_NOINLINE bool weft__critical_inside(void)
{
    weft__compiler_barrier(); /* the body is not a constant of its caller */
    return weft__critical_count != 0;
}
