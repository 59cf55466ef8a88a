/* Semaphores, in libc's own protocol: one 64-bit word, the value below and the
 * number of waiters above; who posts and sees waiters wakes one that sleeps for the
 * value's half. Shared ones are libc's. */
#include <errno.h>
#include <limits.h>
#include <semaphore.h>

#include "hook/deadline.h"
#include "hook/limit.h"
#include "hook/lot.h"
#include "hook/park.h"
#include "hook/real.h"
#include "weft/time.h"

/* libc's struct new_sem where atomics of 64 bits are to be had. */
struct semaphore {
    _Atomic(uint64_t) data;
    int shared;
    int unused;
};

_Static_assert(sizeof(struct semaphore) <= sizeof(sem_t), "libc's own size");

#define WAITER ((uint64_t)1 << 32)

static struct semaphore *inner(sem_t *sem)
{
    return (struct semaphore *)(void *)sem;
}

/* Little endian: the value is the first half. */
static _Atomic(uint32_t) *value_of(struct semaphore *sem)
{
    return (_Atomic(uint32_t) *)(void *)&sem->data;
}

/* `less`: what goes away with a unit of the value. */
static bool take(struct semaphore *sem, uint64_t less)
{
    uint64_t data = weft__load(&sem->data, relaxed);
    while ((uint32_t)data > 0) {
        /* acquire: pairs with the release in sem_post() */
        if (weft__cas_weak(&sem->data, &data, data - 1 - less, acquire, relaxed))
            return true;
    }
    return false;
}

static int wait_slow(struct semaphore *sem, int64_t deadline)
{
    struct weft__hook_wait wait;
    int rc = 0;
    uint32_t handled = weft__signals_handled();
    bool taken;
    weft__hook_begin(&wait);
    weft__add(&sem->data, WAITER, seq_cst); /* before the look: LOT-2 */
    while (!(taken = take(sem, WAITER)) && rc == 0) {
        rc = weft__lot_wait_in_scope(value_of(sem), 0, deadline, "semaphore");
        if (rc == EAGAIN)
            rc = 0;
        else if (weft__cancel_due() || !weft__signals_restart_until(handled, deadline))
            rc = EINTR;
    }
    if (!taken)
        weft__add(&sem->data, -WAITER, relaxed);
    weft__hook_end(&wait);
    if (!taken)
        weft__cancel_point();
    return taken ? 0 : rc;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

static bool ours(sem_t *sem)
{
    return weft__hook_task() && !inner(sem)->shared;
}

WEFT__INTERPOSE int sem_wait(sem_t *sem)
{
    WEFT__STAYS;
    if (!ours(sem)) {
        weft__lot_outside_enter(sem);
        int rc = weft__real_sem_wait(sem);
        weft__lot_outside_leave(sem);
        return rc;
    }
    weft__cancel_point();
    if (take(inner(sem), 0))
        return 0;
    int rc = wait_slow(inner(sem), WEFT_NEVER);
    return rc ? fail(rc) : 0;
}

WEFT__INTERPOSE int sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *until)
{
    WEFT__STAYS;
    if (!ours(sem)) {
        weft__lot_outside_enter(sem);
        int rc = weft__real_sem_clockwait(sem, clock, until);
        weft__lot_outside_leave(sem);
        return rc;
    }
    int64_t deadline;
    int rc = weft__deadline(clock, until, &deadline);
    if (rc)
        return fail(rc);
    weft__cancel_point();
    if (!take(inner(sem), 0))
        rc = wait_slow(inner(sem), deadline);
    return rc ? fail(rc) : 0;
}

WEFT__INTERPOSE int sem_timedwait(sem_t *sem, const struct timespec *until)
{
    return sem_clockwait(sem, CLOCK_REALTIME, until);
}

/* Any thread: the same as libc does, but for who is woken. */
WEFT__INTERPOSE int sem_post(sem_t *sem)
{
    struct semaphore *s = inner(sem);
    if (s->shared)
        return weft__real_sem_post(sem);
    uint64_t data = weft__load(&s->data, relaxed);
    do {
        if ((uint32_t)data == SEM_VALUE_MAX)
            return fail(EOVERFLOW);
    } while (!weft__cas_weak(&s->data, &data, data + 1, seq_cst, relaxed)); /* LOT-2 */
    if (data >> 32)
        weft__lot_wake(value_of(s), 1, WEFT__LOT_ANY);
    return 0;
}
