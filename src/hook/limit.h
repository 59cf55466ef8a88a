/* limit.h - waits in the lot that scopes cut short: of calls that can fail.
 *
 * A lock has no way to, and goes on (weft__lot_park()). A condition variable, a semaphore
 * and a look-up of a name end; a waiter that was taken or claimed has what it waited for,
 * and nobody's wake is lost with who gave up (LOT-3). */
#ifndef WEFT_HOOK_LIMIT_H
#define WEFT_HOOK_LIMIT_H

#include "hook/lot.h"

/* As weft__lot_park(): 0 where that is true; ETIMEDOUT where it is false, or when the time
 * of a scope is up; ECANCELED. */
int weft__lot_park_in_scope(struct weft__bucket *bucket, struct weft__lot_node *node,
                            int64_t deadline);

/* As weft__lot_wait(); and ECANCELED. */
int weft__lot_wait_in_scope(_Atomic(uint32_t) *word, uint32_t value, int64_t deadline,
                            const char *what);

#endif
