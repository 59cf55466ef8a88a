/* scopes.h - after world.h: what may be in force for who waits, for models of what waits.
 *
 * A scope is a deadline, which comes at any moment or not at all: a plain thread's is
 * tried by itself, a task's is brought by a thread that calls world_fire_timer(). A waiter
 * that world_cancel() has come to is cancelled, but in shields. */
#ifndef WEFT_TEST_MODEL_SCOPES_H
#define WEFT_TEST_MODEL_SCOPES_H

#include <errno.h>

#include "task/scope.h"

static char world_scope;

static inline void world_be_patient(void)
{
    weft__waiter_self()->scope = (void *)&world_scope;
}

/* A canceller who comes for nothing: too late, or from outside of a shield (CANCEL-3). */
static inline void world_stir(struct weft__waiter *waiter)
{
    uint64_t word = world_find_wait(waiter);
    if (word)
        weft__wait_fire(waiter, word >> WEFT__WAIT_SHIFT, WEFT__CANCELLED);
}

static inline void world_cancel(struct weft__waiter *waiter)
{
    weft__store(&waiter->family, WEFT__FAMILY_CANCELLED, relaxed);
    world_stir(waiter);
}

static inline bool world_is_timed(const struct weft__waiter *waiter)
{
    return waiter->scope == (void *)&world_scope;
}

int weft__checkpoint_slow(struct weft__waiter *waiter)
{
    if (waiter->scope && !world_is_timed(waiter))
        return 0; /* a shield */
    return weft__load(&waiter->family, relaxed) & WEFT__FAMILY_CANCELLED ? -ECANCELED : 0;
}

struct weft__ended weft__scope_park(struct weft__waiter *waiter, int64_t until)
{
    int64_t deadline = world_is_timed(waiter) ? 1 : until;
    if (weft__checkpoint_slow(waiter)) {
        uint64_t ticket = weft__load(&waiter->word, relaxed) >> WEFT__WAIT_SHIFT;
        if (weft__wait_abandon(waiter, ticket))
            return (struct weft__ended){ WEFT__CANCELLED, deadline };
    }
    enum weft__wait_state reason = weft__wait_park(waiter, deadline);
    if (reason == WEFT__DEADLINE)
        world_now = deadline;
    return (struct weft__ended){ reason, deadline };
}

int weft__scope_error(struct weft__waiter *waiter, struct weft__ended ended)
{
    model_assert(ended.reason == WEFT__DEADLINE || ended.reason == WEFT__CANCELLED, "WAIT-1");
    if (!world_is_timed(waiter) || ended.reason != WEFT__DEADLINE)
        return weft__checkpoint_slow(waiter);
    world_expired = true;
    return -ETIMEDOUT;
}

void weft_scope_enter_shielded(weft_scope *scope, int64_t deadline)
{
    (void)deadline;
    weft__scope_of(scope)->outer = weft__waiter_self()->scope;
    weft__waiter_self()->scope = scope;
}

bool weft_scope_leave(weft_scope *scope)
{
    model_assert(weft__waiter_self()->scope == scope, "only shields are entered");
    weft__waiter_self()->scope = weft__scope_of(scope)->outer;
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
