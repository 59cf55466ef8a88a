/* cputime.h - CPU-time clocks of virtual threads.
 *
 * The kernel's count is of carriers. Reading it at each switch costs a system call, so
 * it is done only from when the program first reads a thread's clock: from then on all
 * threads' clocks run, from 0.
 *
 * CPU-1  A carrier's `mark` is its clock when it last switched; what it has used since is
 *        that of whoever runs on it. Both are written by the carrier alone. */
#ifndef WEFT_HOOK_CPUTIME_H
#define WEFT_HOOK_CPUTIME_H

#include <stdint.h>

#include "base/atomic.h"

struct weft__cputime {
    _Atomic(int64_t) used;
    int64_t mark; /* CPU-1: in the carrier's own block; 0: none yet */
};

#endif
