#include "sched/hooks.h"

#include <stddef.h>

static struct weft__hook *hooks;

_Atomic(weft__change_fn *) weft__on_change;

void weft__hooks_add(struct weft__hook *hook)
{
    hook->next = hooks;
    hooks = hook;
}

void weft__hooks_run(enum weft__hook_event event)
{
    for (struct weft__hook *hook = hooks; hook; hook = hook->next)
        hook->fn(event);
}
