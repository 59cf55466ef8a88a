/* weft/scope.h - scopes: deadlines around any code.
 *
 * weft's functions take no timeouts. A scope puts one deadline around all that
 * is called inside it:
 *
 *     weft_scope scope;
 *     weft_scope_enter(&scope, weft_now() + WEFT_S(5));
 *     n = weft_read(fd, buf, sizeof buf);
 *     if (weft_scope_leave(&scope))
 *         ... it took too long ...
 *
 * Once the deadline has passed, every cancellation point inside the scope
 * returns -ETIMEDOUT, again and again, until the scope is left. A call that
 * returns -ETIMEDOUT did not happen: no byte was read, no connection taken. */
#ifndef WEFT_SCOPE_H
#define WEFT_SCOPE_H

#include <weft/common.h>

WEFT__BEGIN

/* A scope. Lives on the stack of the task or thread that enters it. */
typedef struct weft_scope {
    uint64_t weft__private[4];
} weft_scope;

/* Enters a scope that ends at the point in time `deadline` (weft_now() plus a
 * duration; WEFT_NEVER: no deadline). An enclosing scope's earlier deadline
 * stays in force. Any task or plain thread; never suspends. */
WEFT_API void weft_scope_enter(weft_scope *scope, int64_t deadline) WEFT__NONNULL(1);

/* Leaves the innermost scope, which must be `scope`. Returns true when a
 * cancellation point inside it returned -ETIMEDOUT because of this scope's own
 * deadline. The task or thread that entered; never suspends. */
WEFT_API bool weft_scope_leave(weft_scope *scope) WEFT__NONNULL(1);

/* The deadline in force: the nearest of all scopes entered, or WEFT_NEVER.
 * Any task or plain thread; never suspends. */
WEFT_API int64_t weft_deadline(void);

WEFT__END

#endif
