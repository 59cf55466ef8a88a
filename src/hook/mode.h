/* mode.h - how the program wants a descriptor to wait: O_NONBLOCK, SO_RCVTIMEO and
 * SO_SNDTIMEO.
 *
 * The kernel is asked only when there is nothing to do but to wait. For sockets
 * an answer without a timeout is remembered until any descriptor's mode is changed
 * by an interposed call: of which descriptors share a description nothing
 * is known. Pipes and devices, which other processes often share, are asked about
 * each time. */
#ifndef WEFT_HOOK_MODE_H
#define WEFT_HOOK_MODE_H

#include "io/fd.h"

/* False: the description is non-blocking. *ret_deadline: until when a wait that
 * begins now may last. */
bool weft__mode_waits(struct weft__fd *entry, int fd, enum weft__side side, int64_t *ret_deadline);

/* After a mode was changed. */
void weft__mode_changed(void);

#endif
