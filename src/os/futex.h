/* futex.h - sleeping and waking on a 32-bit word. */
#ifndef WEFT_OS_FUTEX_H
#define WEFT_OS_FUTEX_H

#include <stdint.h>

#include "base/atomic.h"

/* Sleeps while *word == value, until woken or until the monotonic clock reaches
 * `deadline` (nanoseconds; INT64_MAX: never). May return for no reason.
 * Returns false only when the deadline has come. */
bool weft__futex_wait(_Atomic(uint32_t) *word, uint32_t value, int64_t deadline);

/* Wakes up to `count` sleepers. The word need not exist any more. */
void weft__futex_wake(_Atomic(uint32_t) *word, int count);

#endif
