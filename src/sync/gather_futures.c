/* Waiting for several futures at once: one after the other where all are waited for, by
 * select where the first of them is. */
#include <errno.h>
#include <stdlib.h>

#include "sync/future.h"
#include "task/scope.h"
#include "weft/gather.h"
#include "weft/select.h"

#define AT_ONCE 8 /* cases on the stack */

struct tally {
    size_t there, done;
    size_t first;  /* that is done; the number of futures: none */
    size_t failed; /* the first that has an error, likewise */
    bool own;      /* one is not done that is the caller's result */
};

static struct tally count_all(weft_future *const *futures, size_t count)
{
    const weft_future *own = weft__future_own();
    struct tally tally = { .first = count, .failed = count };
    for (size_t i = count; i-- > 0;) {
        if (!futures[i])
            continue;
        tally.there++;
        if (!weft__future_done(futures[i])) {
            tally.own |= futures[i] == own;
            continue;
        }
        tally.done++;
        tally.first = i;
        if (futures[i]->error)
            tally.failed = i;
    }
    return tally;
}

/* What every call here begins with. */
static int begin(weft_future *const *futures, size_t count, struct tally *ret_tally)
{
    struct weft__waiter *waiter = weft__waiter_self();
    if (!waiter)
        return -ENOMEM;
    *ret_tally = count_all(futures, count);
    return ret_tally->own ? -EDEADLK : weft__checkpoint(waiter);
}

static int wait_for_all(weft_future *const *futures, size_t count, struct tally *tally)
{
    for (size_t i = 0; i < count; i++) {
        while (futures[i] && !weft__future_done(futures[i])) {
            int rc = weft_future_wait(futures[i], NULL);
            if (rc && !weft__future_done(futures[i]))
                return rc; /* the scope's */
        }
    }
    tally->done = tally->there;
    return 0;
}

/* Waits until one of those is done that were not when they were counted. */
static int wait_for_one(weft_future *const *futures, size_t count, const struct tally *tally,
                        weft_case *cases)
{
    size_t waits = 0;
    for (size_t i = 0; i < count; i++) {
        if (futures[i] && !weft__future_done(futures[i]))
            cases[waits++] = weft_case_future(futures[i]);
    }
    if (waits < tally->there - tally->done)
        return 0; /* it is by now */
    int rc = weft_select(cases, waits);
    return rc < 0 ? rc : 0;
}

static bool is_over(const struct tally *tally, size_t count, enum weft_until until)
{
    bool found = (until == WEFT_UNTIL_FIRST ? tally->first : tally->failed) < count;
    return found || tally->done == tally->there;
}

static int wait_with(weft_future *const *futures, size_t count, enum weft_until until,
                     struct tally *tally, weft_case *cases)
{
    int rc = 0;
    while (rc == 0 && !is_over(tally, count, until)) {
        rc = wait_for_one(futures, count, tally, cases);
        *tally = count_all(futures, count);
    }
    return rc;
}

/* `tally` is that of before, and becomes that of after the wait. */
static int wait_until(weft_future *const *futures, size_t count, enum weft_until until,
                      struct tally *tally)
{
    weft_case here[AT_ONCE], *cases = here;
    if (until == WEFT_UNTIL_ALL)
        return wait_for_all(futures, count, tally);
    if (is_over(tally, count, until))
        return 0;
    if (count > AT_ONCE && !(cases = calloc(count, sizeof *cases)))
        return -ENOMEM;
    int rc = wait_with(futures, count, until, tally, cases);
    if (cases != here)
        free(cases);
    return rc;
}

ssize_t weft_wait_futures(weft_future *const *futures, size_t count, enum weft_until until)
{
    struct tally tally;
    if ((unsigned)until > WEFT_UNTIL_ERROR)
        return -EINVAL;
    int rc = begin(futures, count, &tally);
    if (rc == 0)
        rc = wait_until(futures, count, until, &tally);
    return rc ? rc : (ssize_t)tally.done;
}

int weft_gather_futures(weft_future *const *futures, size_t count, intptr_t *ret_values,
                        size_t *ret_failed)
{
    struct tally tally = { .failed = count };
    int rc = begin(futures, count, &tally);
    if (rc == 0)
        rc = wait_until(futures, count, WEFT_UNTIL_ERROR, &tally);
    size_t failed = rc ? count : tally.failed;
    if (failed < count)
        rc = futures[failed]->error;
    for (size_t i = 0; rc == 0 && ret_values && i < count; i++)
        ret_values[i] = futures[i] ? futures[i]->value : 0;
    if (ret_failed)
        *ret_failed = failed;
    return rc;
}

int weft_next_future(weft_future **futures, size_t count, size_t *ret_index,
                     weft_future **ret_future)
{
    struct tally tally;
    int rc = begin(futures, count, &tally);
    if (rc == 0)
        rc = wait_until(futures, count, WEFT_UNTIL_FIRST, &tally);
    if (rc)
        return rc;
    if (tally.first == count)
        return -ENOENT;
    if (ret_index)
        *ret_index = tally.first;
    *ret_future = futures[tally.first];
    futures[tally.first] = NULL;
    return 0;
}
