/* signals.h - where interposed calls meet signals. */
#ifndef WEFT_HOOK_SIGNALS_H
#define WEFT_HOOK_SIGNALS_H

#include <signal.h>

/* The calling thread's last call has earned it a SIGPIPE, which is pending on the
 * carrier, where it is blocked: delivers it. */
void weft__signals_pipe(void);

/* Around the wait of ppoll(), pselect() and epoll_pwait(): the mask in force.
 * NULL: unchanged. */
void weft__signals_mask_begin(const sigset_t *mask, sigset_t *ret_before);
void weft__signals_mask_end(const sigset_t *mask, const sigset_t *before);

#endif
