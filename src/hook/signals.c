#include "hook/signals.h"

#include <errno.h>
#include <pthread.h>

/* The handler runs here and now, as natively. */
void weft__signals_pipe(void)
{
    int error = errno;
    sigset_t pipe, before;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_UNBLOCK, &pipe, &before);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
}

/* No signal but those it causes itself reaches a virtual thread so far, whatever
 * its mask. */
void weft__signals_mask_begin(const sigset_t *mask, sigset_t *ret_before)
{
    (void)mask;
    (void)ret_before;
}

void weft__signals_mask_end(const sigset_t *mask, const sigset_t *before)
{
    (void)mask;
    (void)before;
}
