/* weft/parallel.h - loops that compute, on all workers.
 *
 *     static int shade(int64_t first, int64_t last, void *image)
 *     {
 *         for (int64_t row = first; row < last; row++)
 *             ...
 *         return 0;
 *     }
 *
 *     rc = weft_parallel_for(0, image->rows, NULL, shade, image);
 *
 * The range is cut into pieces, each of which one call gets. The caller works on them
 * itself, and workers that have nothing else to do help; where all are busy it costs
 * little more than a loop. Between pieces other tasks have their turn, so that a long
 * loop keeps nobody waiting. Loops may be inside of others.
 *
 * Helpers are tasks like the caller: with as much stack, its task-locals, virtual threads
 * where it is one, and pinned, each to the thread on which it begins, where it is pinned.
 * They are not in its strand: calls of one loop run at the same time.
 *
 * A loop is a group (weft/group.h): it returns when all its calls have, an error of one
 * stops the others, and all are in the scopes of the caller, whose cancellation or
 * deadline ends the loop at the next piece. What is on the caller's stack may be used. */
#ifndef WEFT_PARALLEL_H
#define WEFT_PARALLEL_H

#include <weft/common.h>

WEFT__BEGIN

/* How to run a loop. All zero means: the defaults. */
typedef struct weft_parallel_attr {
    /* How many indices a call gets; the last one may get fewer. 0: as many as take some
     * tens of microseconds, which is found out on the way; a reduction, whose result may
     * depend on it, gives 256 pieces, or more of 65,536. */
    uint64_t grain;
    /* At most so many calls at the same time. 0: the number of workers. */
    unsigned limit;
    /* Called now and then with the number of indices that are done, and of all: by one
     * task at a time, by whichever is at hand, and with growing numbers. The last call, when
     * the loop is over, says `done` == `total` if nothing has stopped it. NULL: none. */
    void (*progress)(uint64_t done, uint64_t total, void *arg);
    void *progress_arg;
    /* Bytes of stack, as in weft_attr, for the tasks that the loop spawns. 0: as much as the
     * calling task has; on a plain thread, however much that has, the runtime's. One for whose
     * stack there is no memory ends the loop: -ENOMEM. */
    size_t stack_size;
    uintptr_t reserved[3]; /* must be zero */
} weft_parallel_attr;

/* Calls fn(first, last, arg) for ranges that together are `begin` to `end` (without it), each
 * index once, in no certain order. An empty range is none. fn() returns 0, or a negative
 * errno value, which stops the loop: no other call begins. `attr` may be NULL.
 *
 * A task works itself; a plain thread waits, and tasks work, which are light ones. weft_exit() in a
 * call ends the task that makes it, which may be the caller; else the loop, not all of which is
 * done then, returns the result if that is negative, and -ECANCELED if not.
 *
 * Suspends (blocks a plain thread); a cancellation point. When it is cut short some of the
 * calls have been made, and have ended.
 * Returns 0, what fn() has returned, -ETIMEDOUT or -ECANCELED (the surrounding scope),
 * -EPERM (no runtime is running), -EINVAL (attributes) or -ENOMEM. */
WEFT_API int weft_parallel_for(int64_t begin, int64_t end, const weft_parallel_attr *attr,
                               int (*fn)(int64_t first, int64_t last, void *arg), void *arg)
    WEFT__NONNULL(4);

/* How to reduce a range to one value: an accumulator of `size` bytes, which is copied as
 * bytes and aligned to a cache line. */
typedef struct weft_reduction {
    size_t size;
    /* What a new accumulator holds: with it, nothing changes. */
    const void *identity;
    /* Adds the indices from `first` to `last` (without it) to the accumulator, which holds
     * those before them or none. Returns as the function of a loop. */
    int (*fn)(int64_t first, int64_t last, void *accumulator, void *arg);
    /* Adds `right` to `left`, which holds the indices just before. Does not suspend. */
    void (*combine)(void *left, const void *right, void *arg);
} weft_reduction;

/* Reduces `begin` to `end` (without it) to `ret_result`, which has room for an accumulator
 * and is written only on success: an empty range gives the identity. What is combined with
 * what follows from the range and the grain alone, and is in order; so the operation need
 * not be commutative, and sums of floating-point numbers are the same each time, on any
 * number of workers. Otherwise as weft_parallel_for().
 *
 * Suspends (blocks a plain thread); a cancellation point.
 * Returns as weft_parallel_for(). */
WEFT_API int weft_parallel_reduce(int64_t begin, int64_t end, const weft_parallel_attr *attr,
                                  const weft_reduction *how, void *arg, void *ret_result)
    WEFT__NONNULL(4, 6);

/* For long computations, in loops of this kind and elsewhere: when to let others have a turn,
 * and whether to go on. On the stack of who computes.
 *
 *     weft_budget budget = WEFT_BUDGET_INIT;
 *     for (...) {
 *         ...
 *         if ((rc = weft_budget_spend(&budget)) < 0)
 *             return rc;
 *     }
 */
typedef struct weft_budget {
    uint32_t weft__left, weft__period;
    int64_t weft__since;
} weft_budget;

#define WEFT_BUDGET_INIT \
    { \
        0, 0, 0 \
    }

/* What weft_budget_spend() does when it has to look: at the clock, at what is in force, and,
 * some tens of microseconds after the last time, for others that can run.
 *
 * May be called by tasks and plain threads. Suspends; a cancellation point.
 * Returns 0, -ETIMEDOUT or -ECANCELED (the surrounding scope), or -ENOMEM (a thread's
 * first, and memory is out). */
WEFT_API int weft_budget_renew(weft_budget *budget) WEFT__NONNULL(1);

/* Counts a step: a decrement and a compare, and weft_budget_renew() after as many steps as
 * take some microseconds, 256 at most. Returns as that. */
static inline int weft_budget_spend(weft_budget *budget)
{
    if (budget->weft__left > 1) {
        budget->weft__left--;
        return 0;
    }
    return weft_budget_renew(budget);
}

WEFT__END

#endif
