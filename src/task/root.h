/* root.h - the group of all tasks. */
#ifndef WEFT_TASK_ROOT_H
#define WEFT_TASK_ROOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "weft/scope.h"

/* A plain thread that stands in it, on that thread's stack: in a scope that is cancelled with
 * the group, and as a guest that brings work (GUEST-3), so that the runtime waits for it.
 * Scopes that it has entered since are left before. False: no runtime takes it. */
struct weft__root_guest {
    struct weft__list link;
    weft_scope scope;
};
bool weft__root_enter(struct weft__root_guest *guest);
void weft__root_leave(struct weft__root_guest *guest);

/* After weft_cancel_all(), for the monitor: looks for tasks that were missed, and for such
 * as do not end. Returns when to look again, in real time. */
int64_t weft__root_look(void);

/* Set by src/observe: says which tasks there are after the time of grace. */
extern void (*weft__on_overdue)(void);

#endif
