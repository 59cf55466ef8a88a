/* attr.h - what weft_blocking_attr asks for. */
#ifndef WEFT_EXEC_ATTR_H
#define WEFT_EXEC_ATTR_H

#include <string.h>

#include "exec/jobs.h"

/* Fills in what `asked` (may be NULL) leaves open. False: it is in order. */
static inline bool weft__blocking_attr(const weft_blocking_attr *asked,
                                       weft_blocking_attr *ret_attr)
{
    static const uintptr_t zero[sizeof ret_attr->reserved / sizeof *ret_attr->reserved];
    *ret_attr = asked ? *asked : (weft_blocking_attr){ 0 };
    if (!ret_attr->kind)
        ret_attr->kind = &weft__general_kind;
    return ret_attr->flags & ~WEFT_BLOCKING_ABANDON ||
           memcmp(ret_attr->reserved, zero, sizeof zero) != 0;
}

#endif
