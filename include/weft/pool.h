/* weft/pool.h - pools: connections, or other resources that are dear to make, for all
 * workers.
 *
 * A pool makes resources when they are asked for, up to a number, lends each to one
 * borrower at a time, and keeps those that have come back for the next ones:
 *
 *     weft_pool_attr attr = { .max = 20, .make = dial, .destroy = hang_up, .check = ping,
 *                             .check_after = WEFT_S(30) };
 *     rc = weft_pool_create(&attr, &pool);
 *     ...
 *     if ((rc = weft_pool_get(pool, &connection)) == 0) {     in any task or thread
 *         rc = ask(connection, question);
 *         if (rc == -EIO)
 *             weft_pool_drop(pool, connection);               it is broken
 *         else
 *             weft_pool_put(pool, connection);
 *     }
 *
 * It is one pool, whoever asks and wherever they run, and so nobody waits while another
 * worker has some to spare. Those who wait get theirs in the order in which they came; of
 * those that nobody has, the one that came back last is lent first.
 *
 * There is no thread behind it. What has outlived its time is found when it would be lent,
 * or the next time that something is asked for, or by weft_pool_trim(), which a task may
 * call now and then. */
#ifndef WEFT_POOL_H
#define WEFT_POOL_H

#include <weft/common.h>

WEFT__BEGIN

/* A pool. */
typedef struct weft_pool weft_pool;

/* The most that a pool may hold. */
#define WEFT_POOL_MAX (1u << 20)

/* What kind of pool; copied. The functions are called with `arg` by who calls the pool, in
 * its task or thread and with no lock held; they may suspend, and they return. */
typedef struct weft_pool_attr {
    /* At most so many resources at a time, those that are being made or destroyed
     * included: 1 to WEFT_POOL_MAX. */
    unsigned max;
    /* weft_pool_trim() makes what is missing to so many. */
    unsigned min;
    /* Makes a resource, which is any value. In the scopes of the caller, which cut it short;
     * what is made in spite of that is kept for the next. 0 or a negative errno value. */
    int (*make)(void *arg, void **ret_resource);
    /* Destroys one, in a shield (weft/scope.h). NULL: there is nothing to do. */
    void (*destroy)(void *arg, void *resource);
    /* Whether one is still good: 0, or a negative errno value; then it is destroyed, also
     * where that is because the caller was cancelled. NULL: they are. */
    int (*check)(void *arg, void *resource);
    void *arg;
    /* Nanoseconds. One that nobody has had for `idle_lifetime`, or that was made
     * `max_lifetime` ago, is not lent any more; 0: no limit. One that nobody has had for
     * `check_after` is checked before it is lent; 0: each is, each time. */
    int64_t idle_lifetime;
    int64_t max_lifetime;
    int64_t check_after;
    uintptr_t reserved[4]; /* must be zero */
} weft_pool_attr;

/* Creates a pool, with nothing in it. *ret_pool is the caller's. Any caller; never
 * suspends.
 * Returns 0, -EINVAL (numbers out of range, or nothing to make them with) or -ENOMEM. */
WEFT_API int weft_pool_create(const weft_pool_attr *attr, weft_pool **ret_pool) WEFT__NONNULL(1, 2);

/* Closes the pool if it is not closed, and destroys it. All has come back, and nobody is
 * inside a call; else it says so and aborts. NULL is ignored. Any task or plain thread;
 * suspends only where a callback does. */
WEFT_API void weft_pool_destroy(weft_pool *pool);

/* Borrows a resource: one that nobody has, else a new one, else, once there are `max`, the
 * next that comes back.
 *
 * Suspends (blocks a plain thread) until there is one, and where make(), check() and
 * destroy() do; a cancellation point.
 * Returns 0, -EPIPE (closed, before or meanwhile), what make() has returned, -ETIMEDOUT or
 * -ECANCELED (the surrounding scope; nothing was borrowed), or -ENOMEM (a plain thread's
 * first wait, and memory is out). make()'s error is for this caller alone; the next who
 * waits tries again. */
WEFT_API int weft_pool_get(weft_pool *pool, void **ret_resource) WEFT__NONNULL(1, 2);

/* Gives a resource back, to the one who has waited longest if there is one. When the pool is
 * closed it is destroyed. Any task or plain thread; suspends only where a callback does,
 * and that only when the pool is closed.
 * Returns 0, or -EINVAL (nobody has borrowed it). */
WEFT_API int weft_pool_put(weft_pool *pool, void *resource) WEFT__NONNULL(1);

/* Gives one back that is broken: it is destroyed, and then there is room for another, which
 * the one who has waited longest makes. Any task or plain thread; suspends only where a
 * callback does.
 * Returns 0, or -EINVAL (nobody has borrowed it). */
WEFT_API int weft_pool_drop(weft_pool *pool, void *resource) WEFT__NONNULL(1);

/* Destroys those that nobody has and that are past their time, and then makes what is
 * missing to `min`. Any task or plain thread; suspends only where a callback does.
 * Returns 0, or what make() has returned. */
WEFT_API int weft_pool_trim(weft_pool *pool) WEFT__NONNULL(1);

/* Closes it: who waits gets -EPIPE, and so does who asks from now on; those that nobody has
 * are destroyed, and the others when they come back. Any task or plain thread; suspends
 * only where a callback does.
 * Returns 0, or -EALREADY. */
WEFT_API int weft_pool_close(weft_pool *pool) WEFT__NONNULL(1);

/* What can be said of a pool at a moment. */
typedef struct weft_pool_info {
    unsigned max;
    unsigned in_use;  /* lent, or being made, checked or destroyed */
    unsigned idle;    /* nobody has them */
    unsigned waiters; /* who wait for one */
    uint64_t made, destroyed;
    uint64_t failed_makes, failed_checks;
    uint64_t waits;       /* that have ended with a resource, or with room for one; they took */
    int64_t total_wait;   /* so many nanoseconds together, */
    int64_t longest_wait; /* and one of them so many */
} weft_pool_info;

/* Looks at it. Any task or plain thread; never suspends. */
WEFT_API void weft_pool_look(weft_pool *pool, weft_pool_info *ret_info) WEFT__NONNULL(1, 2);

WEFT__END

#endif
