/* hooks.h - what higher folders want done when the runtime starts and stops.
 *
 * The scheduler is below sockets and reports, and does not know them: they
 * register here, from a constructor. */
#ifndef WEFT_SCHED_HOOKS_H
#define WEFT_SCHED_HOOKS_H

enum weft__hook_event {
    WEFT__HOOK_STARTED,   /* the threads run, nothing has been spawned */
    WEFT__HOOK_CANCELLED, /* weft_cancel_all(), for the first time; by its caller */
    WEFT__HOOK_STOPPED,   /* the threads have ended, memory is still there */
};

typedef void weft__change_fn(void *carriers);

struct weft__hook {
    void (*fn)(enum weft__hook_event event);
    struct weft__hook *next;
};

/* `hook` is static storage. */
void weft__hooks_add(struct weft__hook *hook);
void weft__hooks_run(enum weft__hook_event event);

/* Called before the CPU goes from or to a virtual thread, with the carrier's own thread
 * pointer; inside the scheduler, on what is left. NULL: nobody cares. Set once. */
extern _Atomic(weft__change_fn *) weft__on_change;

#endif
