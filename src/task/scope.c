/* Scopes are a stack of deadlines, linked through the waiter. Each knows the
 * nearest deadline of itself and all around it, and whose that is; cancellation
 * will stand beside the deadline and reach waits as the reason CANCELLED, which
 * they know already. */
#include "task/scope.h"

#include "base/assert.h"
#include "time/clock.h"
#include "weft/time.h"

struct scope {
    struct weft_scope *outer;
    int64_t deadline;         /* in force here */
    struct weft_scope *whose; /* the scope that brought it in */
    uint64_t expired;         /* a cancellation point has said so */
};

_Static_assert(sizeof(struct scope) == sizeof(weft_scope), "the public size");

static struct scope *inner(struct weft_scope *scope)
{
    return (struct scope *)(void *)scope;
}

void weft_scope_enter(weft_scope *scope, int64_t deadline)
{
    struct weft__waiter *waiter = weft__waiter_self();
    WEFT_CHECK(waiter != NULL);
    struct scope *s = inner(scope);
    *s = (struct scope){ .outer = waiter->scope, .deadline = deadline, .whose = scope };
    if (s->outer && inner(s->outer)->deadline <= deadline) {
        s->deadline = inner(s->outer)->deadline;
        s->whose = inner(s->outer)->whose;
    }
    waiter->scope = scope;
}

bool weft_scope_leave(weft_scope *scope)
{
    struct weft__waiter *waiter = weft__waiter_self();
    if (!waiter || waiter->scope != scope)
        weft__panic("weft_scope_leave: not the innermost scope");
    waiter->scope = inner(scope)->outer;
    return inner(scope)->expired != 0;
}

int64_t weft__scope_deadline(const struct weft__waiter *waiter)
{
    return waiter->scope ? inner(waiter->scope)->deadline : WEFT_NEVER;
}

int64_t weft_deadline(void)
{
    struct weft__waiter *waiter = weft__waiter_self();
    return waiter ? weft__scope_deadline(waiter) : WEFT_NEVER;
}

int weft__checkpoint_slow(struct weft__waiter *waiter)
{
    struct scope *scope = inner(waiter->scope);
    if (scope->deadline == WEFT_NEVER || weft__clock_now() < scope->deadline)
        return 0;
    return weft__scope_error(waiter, WEFT__DEADLINE);
}

int weft__scope_error(struct weft__waiter *waiter, enum weft__wait_state reason)
{
    if (reason == WEFT__CANCELLED)
        return -ECANCELED;
    if (reason == WEFT__INTERRUPTED)
        return -EINTR;
    if (waiter->scope)
        inner(inner(waiter->scope)->whose)->expired = 1;
    return -ETIMEDOUT;
}
