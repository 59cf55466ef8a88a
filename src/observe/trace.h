/* trace.h - where a thread is that does not say so itself: the calls it is in. */
#ifndef WEFT_OBSERVE_TRACE_H
#define WEFT_OBSERVE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "observe/text.h"

#define WEFT__FRAMES 32

struct weft__trace {
    const void *frames[WEFT__FRAMES]; /* where each goes on, the innermost first */
    unsigned depth;
    bool exact; /* unwound; else there may be some that do not belong */
};

/* Of a thread that sleeps at `pc`, and whose stack is from `sp` to `top`: every word that
 * looks like a return address. Nobody is disturbed. The thread may go on meanwhile, and the
 * stack may vanish: then it is of no use, and does no harm. One caller at a time. */
void weft__trace_scan(struct weft__trace *trace, uintptr_t pc, uintptr_t sp, uintptr_t top);

/* Of a thread that runs: interrupts it, if that is allowed. Depth 0: it is not, or somebody
 * else handles the signal by now, or the thread has not answered. One caller at a time. */
void weft__trace_interrupt(struct weft__trace *trace, int tid);

/* Loads what the handler needs; before it is first allowed. May take long. Any thread. */
void weft__trace_warm_up(void);

/* Whether it is. Returns 0, or -EBUSY (somebody handles the signal). One caller at a time. */
int weft__trace_allow(bool allowed);

/* "function+0x12 (/lib/libsome.so+0x3456)" */
void weft__line_code(struct weft__line *line, const void *address);

#endif
