#include "os/critical.h"

__attribute__((used)) _Thread_local uint32_t weft__critical_count; /* by name: critical.h */

WEFT_NOINLINE bool weft__critical_inside(void)
{
    weft__compiler_barrier(); /* the body is not a constant of its caller */
    return *(volatile uint32_t *)&weft__critical_count != 0;
}
