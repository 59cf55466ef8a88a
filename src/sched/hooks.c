#include "sched/hooks.h"

#include <stddef.h>

static struct weft__hook *hooks;

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
