/* scopes.h - after world.h: scopes that are a deadline or nothing, for models of what
 * waits. A waiter with a scope has a deadline that comes at any moment or not at all;
 * a plain thread's is tried by itself. */
#ifndef WEFT_TEST_MODEL_SCOPES_H
#define WEFT_TEST_MODEL_SCOPES_H

#include <errno.h>

#include "task/scope.h"

static char world_scope;

static inline void world_be_patient(void)
{
    weft__waiter_self()->scope = (void *)&world_scope;
}

int weft__checkpoint_slow(struct weft__waiter *waiter)
{
    (void)waiter;
    return 0;
}

struct weft__ended weft__scope_park(struct weft__waiter *waiter, int64_t until)
{
    int64_t deadline = waiter->scope ? 1 : until;
    return (struct weft__ended){ weft__wait_park(waiter, deadline), deadline };
}

int weft__scope_error(struct weft__waiter *waiter, struct weft__ended ended)
{
    (void)waiter;
    model_assert(ended.reason == WEFT__DEADLINE, "WAIT-1");
    return -ETIMEDOUT;
}

void weft_scope_enter_shielded(weft_scope *scope, int64_t deadline)
{
    (void)scope, (void)deadline;
    model_fail("no shields here");
}

bool weft_scope_leave(weft_scope *scope)
{
    (void)scope;
    return false;
}

int weft_yield(void)
{
    return 0;
}

void weft__pass(struct weft_task *self)
{
    (void)self;
}

#endif
