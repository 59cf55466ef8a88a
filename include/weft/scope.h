/* weft/scope.h - scopes: deadlines and cancellation around any code.
 *
 * weft's functions take no timeouts. A scope puts one deadline around all that
 * is called inside it, and can be cancelled from anywhere:
 *
 *     weft_scope scope;
 *     WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_S(5)))
 *         n = weft_read(fd, buf, sizeof buf);
 *     if (weft_scope_timed_out(&scope))
 *         ... it took too long ...
 *
 * Once the deadline has passed, every cancellation point inside the scope
 * returns -ETIMEDOUT, and once it has been cancelled -ECANCELED, again and again,
 * until the scope is left. A call that returns one of these did not happen: no
 * byte was read, no connection taken. A call that was completed at the same
 * moment returns what it did, and the next one the error.
 *
 * Scopes nest. What holds for one holds for all code inside it, inner scopes and
 * the children of inner groups (weft/group.h) included; the innermost that has
 * something to say is heard first. A shield keeps out what comes from outside: for
 * cleaning up, with a deadline of its own.
 *
 * Scopes are left in order, and before the function of the task that has entered them
 * returns. A task that leaves another than the innermost, enters one that is the innermost
 * already, or returns inside one aborts the program, with a line that says which.
 *
 * Whoever cancels a scope or moves its deadline from another task or thread makes
 * sure that it is not left before the call begins; leaving waits for calls that
 * have begun. */
#ifndef WEFT_SCOPE_H
#define WEFT_SCOPE_H

#include <weft/common.h>
#include <weft/time.h>

WEFT__BEGIN

/* A scope. Lives on the stack of the task or thread that enters it. What it says
 * of itself may be asked after it has been left, too. */
typedef struct weft_scope {
    uint64_t weft__private[8];
} weft_scope;

/* Enters a scope that ends at the point in time `deadline` (weft_after(), or
 * weft_now() plus a duration; WEFT_NEVER: no deadline). An enclosing scope's
 * earlier deadline stays in force.
 *
 * Any task or plain thread; never suspends. A plain thread's first call of weft that waits
 * or enters takes memory and a pthread key: where there is none this one aborts. After a
 * weft_checkpoint() that did not return -ENOMEM it does not. */
WEFT_API void weft_scope_enter(weft_scope *scope, int64_t deadline) WEFT__NONNULL(1);

/* As weft_scope_enter(), but inside neither the deadlines nor the cancellation of
 * enclosing scopes, nor that of the task, are in force. They are again once it has
 * been left. */
WEFT_API void weft_scope_enter_shielded(weft_scope *scope, int64_t deadline) WEFT__NONNULL(1);

/* Leaves the innermost scope, which must be `scope`, else it says so and aborts. Returns
 * as weft_scope_timed_out(). The task or thread that entered; never suspends, but for
 * the moment that somebody needs who is inside weft_scope_cancel(). */
WEFT_API bool weft_scope_leave(weft_scope *scope) WEFT__NONNULL(1);

/* Cancels all that is inside the scope: every cancellation point there returns
 * -ECANCELED from now on, and what waits at one is woken. Cancelling twice does no
 * more than once. Any task or plain thread; never suspends. */
WEFT_API void weft_scope_cancel(weft_scope *scope) WEFT__NONNULL(1);

/* The same for signal handlers: who runs sees it at once, and a thread of the
 * runtime wakes who waits. A handler that interrupts weft_scope_leave(), or runs in
 * that thread afterwards, does no harm while the scope's memory is there: nothing is
 * left to cancel. Never suspends. Returns 0 or -EPERM (no runtime is running). */
WEFT_API int weft_scope_cancel_from_signal(weft_scope *scope) WEFT__NONNULL(1);

/* Moves the scope's own deadline, also for those who wait inside already. One that
 * has passed stays in force until it is moved. Any task or plain thread, while the
 * scope is entered; never suspends. */
WEFT_API void weft_scope_set_deadline(weft_scope *scope, int64_t deadline) WEFT__NONNULL(1);

/* The scope's own deadline. Any caller; never suspends. */
WEFT_API int64_t weft_scope_deadline(const weft_scope *scope) WEFT__NONNULL(1);

/* Whether the scope itself was cancelled. Any caller; never suspends. */
WEFT_API bool weft_scope_cancelled(const weft_scope *scope) WEFT__NONNULL(1);

/* Whether a cancellation point inside it returned -ETIMEDOUT because of this
 * scope's own deadline, or had its wait cut short by it at the very moment at which
 * what it waited for happened. Any caller; never suspends. */
WEFT_API bool weft_scope_timed_out(const weft_scope *scope) WEFT__NONNULL(1);

/* The deadline in force: the nearest of all scopes entered up to the next shield,
 * or WEFT_NEVER. Any task or plain thread; never suspends. */
WEFT_API int64_t weft_deadline(void);

/* A cancellation point and nothing else: for loops that compute. Any task or plain
 * thread; never suspends.
 * Returns 0, -ECANCELED, -ETIMEDOUT or -ENOMEM (a thread's first, and memory is
 * out, or there is no pthread key left). */
WEFT_API int weft_checkpoint(void);

/* Put a scope around the statement or block that follows:
 *
 *     WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_MS(100))) {
 *         ...
 *     }
 *
 * It is left however the block is: at its end, by break, continue, return or goto, and
 * in C++ by an exception. `scope` is a weft_scope that outlives the block. break and
 * continue end the block. WEFT_WITH_SHIELD() shields it; WEFT_WITH_SCOPE() has no
 * deadline: for cancelling. Need gcc or clang. */
#define WEFT_WITH_DEADLINE(scope, deadline) WEFT__WITH(scope, deadline, weft_scope_enter, __LINE__)
#define WEFT_WITH_SHIELD(scope, deadline) \
    WEFT__WITH(scope, deadline, weft_scope_enter_shielded, __LINE__)
#define WEFT_WITH_SCOPE(scope) WEFT__WITH(scope, WEFT_NEVER, weft_scope_enter, __LINE__)

static inline weft_scope *weft__with_enter(weft_scope *scope, int64_t deadline,
                                           void (*enter)(weft_scope *, int64_t))
{
    enter(scope, deadline);
    return scope;
}

static inline void weft__with_leave(weft_scope **scope)
{
    weft_scope_leave(*scope);
}

/* The name is new on each line, so that nested ones do not hide each other. */
#define WEFT__NAME_(line) weft__with_##line
#define WEFT__NAME(line) WEFT__NAME_(line)
#define WEFT__NAME_2_(line) weft__once_##line
#define WEFT__NAME_2(line) WEFT__NAME_2_(line)

/* A loop that runs once. */
#define WEFT__WITH(scope, deadline, enter, line) \
    WEFT__ONCE(weft_scope, weft__with_enter(scope, deadline, enter), weft__with_leave, \
               WEFT__NAME(line), WEFT__NAME_2(line))
#define WEFT__ONCE(type, entered, leave, with, once) \
    for (type * with __attribute__((__cleanup__(leave))) = entered, *once = with; once; \
         once = WEFT__NULL)

#ifdef __cplusplus
#define WEFT__NULL nullptr
#else
#define WEFT__NULL NULL
#endif

WEFT__END

#endif
