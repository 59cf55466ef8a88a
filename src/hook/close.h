/* close.h - what ends a descriptor's number by a direct system call. */
#ifndef WEFT_HOOK_CLOSE_H
#define WEFT_HOOK_CLOSE_H

#include <stdbool.h>

/* syscall(SYS_close, ...) and its like: as their namesakes. False: it is none of them. */
bool weft__close_by_number(long number, const long arguments[], long *ret_result);

#endif
