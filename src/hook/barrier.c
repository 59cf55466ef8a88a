/* Barriers, for tasks and other threads alike: in the storage of libc's, under a
 * protocol of our own, since both must meet in one.
 *
 *     arrived   how many have come in this round
 *     round     counts the rounds; who waits waits for it to change
 *     leaving   how many have not yet left: pthread_barrier_destroy() waits for 0 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "hook/fork.h"
#include "hook/lot.h"
#include "hook/park.h"
#include "hook/real.h"
#include "weft/time.h"

struct barrier {
    struct weft__lock lock;
    _Atomic(uint32_t) round;
    uint32_t count;
    int shared;
    uint32_t arrived;
    _Atomic(uint32_t) leaving;
    _Atomic(uint32_t) forks; /* FORK-1 */
};

_Static_assert(sizeof(struct barrier) <= sizeof(pthread_barrier_t), "libc's own size");

static struct barrier *inner(pthread_barrier_t *barrier)
{
    return (struct barrier *)(void *)barrier;
}

/* libc's struct pthread_barrier keeps the sharing at the same place: `shared`. */
WEFT__INTERPOSE int pthread_barrier_init(pthread_barrier_t *barrier,
                                         const pthread_barrierattr_t *attr, unsigned count)
{
    int rc = weft__real_pthread_barrier_init(barrier, attr, count);
    struct barrier *b = inner(barrier);
    int shared = PTHREAD_PROCESS_PRIVATE;
    if (attr)
        pthread_barrierattr_getpshared(attr, &shared);
    if (rc == 0 && shared == PTHREAD_PROCESS_PRIVATE) {
        memset(b, 0, sizeof *b);
        b->count = count;
    }
    return rc;
}

/* Waits until the word is not `value` any more. */
static void await_change(_Atomic(uint32_t) *word, uint32_t value)
{
    struct weft__hook_wait wait;
    weft__hook_begin(&wait);
    while (weft__load(word, acquire) == value)
        weft__lot_wait(word, value, WEFT__LOT_ANY, WEFT_NEVER, "barrier");
    weft__hook_end(&wait);
}

static void leave(struct barrier *b)
{
    /* acq_rel: destroying comes after all that was done with it */
    if (weft__add(&b->leaving, (uint32_t)-1, acq_rel) == 1)
        weft__lot_wake(&b->leaving, INT_MAX, WEFT__LOT_ANY);
}

WEFT__INTERPOSE int pthread_barrier_wait(pthread_barrier_t *barrier)
{
    WEFT__STAYS;
    struct barrier *b = inner(barrier);
    if (b->shared)
        return weft__real_pthread_barrier_wait(barrier);
    weft__fork_acquire(&b->lock, &b->forks);
    uint32_t round = weft__load(&b->round, relaxed); /* under the lock */
    weft__add(&b->leaving, 1, relaxed);
    bool last = b->arrived + 1 == b->count;
    b->arrived = last ? 0 : b->arrived + 1; /* FORK-2 */
    if (last)
        weft__store(&b->round, round + 1, seq_cst); /* LOT-2; pairs with await_change() */
    weft__lock_release(&b->lock);
    if (last)
        weft__lot_wake(&b->round, INT_MAX, WEFT__LOT_ANY);
    else
        await_change(&b->round, round);
    leave(b);
    return last ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}

WEFT__INTERPOSE int pthread_barrier_destroy(pthread_barrier_t *barrier)
{
    WEFT__STAYS;
    struct barrier *b = inner(barrier);
    uint32_t leaving;
    if (b->shared)
        return weft__real_pthread_barrier_destroy(barrier);
    while ((leaving = weft__load(&b->leaving, acquire)) != 0)
        await_change(&b->leaving, leaving);
    return 0;
}
