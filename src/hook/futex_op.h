/* futex_op.h - what FUTEX_WAKE_OP does to its second word. */
#ifndef WEFT_HOOK_FUTEX_OP_H
#define WEFT_HOOK_FUTEX_OP_H

#include <stdbool.h>
#include <stdint.h>

/* Changes the word as `code`, FUTEX_OP()'s, says, in one step; stores whether the comparison
 * holds for what it was. 0 or ENOSYS: no such code, and nothing is done. */
int weft__futex_op(_Atomic(uint32_t) *word, uint32_t code, bool *ret_holds);

#endif
