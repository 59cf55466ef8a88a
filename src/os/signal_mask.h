/* signal_mask.h - the library's own threads take no signals. */
#ifndef WEFT_OS_SIGNAL_MASK_H
#define WEFT_OS_SIGNAL_MASK_H

#include <signal.h>

/* Blocks all signals in the calling thread, for the threads that it makes meanwhile, but
 * for those that they cause themselves: handlers run on the host's threads, and nothing
 * interrupts a task. The caller puts back what was before. */
void weft__signals_block(sigset_t *ret_before);

#endif
