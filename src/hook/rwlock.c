/* Read-write locks, for tasks and other threads alike: in the storage of libc's,
 * under a protocol of our own, since both must meet in one. Shared ones are libc's.
 *
 *     state    WRITER, or how many read
 *     turn     changes whenever somebody who waits should look again
 *     writers  how many writers wait: readers that come let them go first if the
 *              lock's kind says so
 *
 * All three are written under the lock; the first is read without it by nobody. In a
 * forked child the lock is nobody's (FORK-1), and what was held by a thread that the child
 * has not remains so, as libc's does. */
#include <errno.h>
#include <limits.h>

#include "hook/deadline.h"
#include "hook/fork.h"
#include "hook/lot.h"
#include "hook/park.h"
#include "hook/real.h"
#include "weft/time.h"

#define WRITER UINT32_MAX

/* Where libc keeps `shared`, `kind` and `owner` they are where it has them. */
struct rwlock {
    uint32_t state;
    struct weft__lock lock;
    _Atomic(uint32_t) turn;
    uint32_t writers;
    uint32_t waiting;
    _Atomic(uint32_t) forks;
};

static struct rwlock *inner(pthread_rwlock_t *rwlock)
{
    return (struct rwlock *)(void *)rwlock;
}

_Static_assert(sizeof(struct rwlock) <= offsetof(pthread_rwlock_t, __data.__cur_writer),
               "libc's fields that we keep come after");

static void enter(struct rwlock *rw)
{
    weft__fork_acquire(&rw->lock, &rw->forks);
}

static bool is_shared(const pthread_rwlock_t *rwlock)
{
    return rwlock->__data.__shared != 0;
}

static bool prefers_writers(const pthread_rwlock_t *rwlock)
{
    return rwlock->__data.__flags == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP;
}

/* A plain thread asks the kernel once; a forked child, whose number is another, always. */
static uint32_t own_tid(void)
{
    static _Thread_local uint32_t plain;
    uint32_t tid = weft__hook_tid();
    if (tid)
        return tid;
    if (!plain || weft__hook_forked)
        plain = (uint32_t)gettid();
    return plain;
}

static bool is_writer(const pthread_rwlock_t *rwlock)
{
    uint32_t writer = (uint32_t)rwlock->__data.__cur_writer;
    return writer && writer == own_tid();
}

/* Under the lock. 0, EBUSY, or an error. */
static int try_read(pthread_rwlock_t *rwlock)
{
    struct rwlock *rw = inner(rwlock);
    if (rw->state == WRITER || (rw->writers && prefers_writers(rwlock)))
        return EBUSY;
    if (rw->state == WRITER - 1)
        return EAGAIN;
    rw->state++;
    return 0;
}

static int try_write(pthread_rwlock_t *rwlock)
{
    struct rwlock *rw = inner(rwlock);
    if (rw->state != 0)
        return EBUSY;
    rw->state = WRITER;
    rwlock->__data.__cur_writer = (int)own_tid();
    return 0;
}

static int try_now(pthread_rwlock_t *rwlock, int (*try)(pthread_rwlock_t *))
{
    enter(inner(rwlock));
    int rc = try(rwlock);
    weft__lock_release(&inner(rwlock)->lock);
    return rc;
}

/* Wakes everybody to look again; the lock is held, and released. */
static void pass_turn(struct rwlock *rw)
{
    bool some = rw->waiting != 0;
    weft__store(&rw->turn, weft__load(&rw->turn, relaxed) + 1, seq_cst); /* LOT-2 */
    weft__lock_release(&rw->lock);
    if (some)
        weft__lot_wake(&rw->turn, INT_MAX, WEFT__LOT_ANY);
}

static int wait_for(pthread_rwlock_t *rwlock, int (*try)(pthread_rwlock_t *), int64_t deadline)
{
    struct rwlock *rw = inner(rwlock);
    struct weft__hook_wait wait;
    bool writes = try == try_write;
    int rc, waited = 0;
    weft__hook_begin(&wait);
    enter(rw);
    while ((rc = try(rwlock)) == EBUSY && waited != ETIMEDOUT) {
        uint32_t turn = weft__load(&rw->turn, relaxed); /* under the lock */
        rw->waiting++;
        rw->writers += writes;
        weft__lock_release(&rw->lock);
        waited = weft__lot_wait(&rw->turn, turn, WEFT__LOT_ANY, deadline, "rwlock");
        enter(rw);
        rw->waiting--;
        rw->writers -= writes;
    }
    if (rc == EBUSY && writes) { /* readers may have waited for this writer only */
        rc = ETIMEDOUT;
        pass_turn(rw);
    } else {
        weft__lock_release(&rw->lock);
        rc = rc == EBUSY ? ETIMEDOUT : rc;
    }
    weft__hook_end(&wait);
    return rc;
}

static int lock(pthread_rwlock_t *rwlock, int (*try)(pthread_rwlock_t *), clockid_t clock,
                const struct timespec *until)
{
    if (!weft__deadline_valid(clock, until)) /* as in libc, also if it need not wait */
        return EINVAL;
    if (is_writer(rwlock))
        return EDEADLK;
    int64_t deadline;
    int rc = try_now(rwlock, try);
    if (rc != EBUSY)
        return rc;
    weft__deadline(clock, until, &deadline);
    return wait_for(rwlock, try, deadline);
}

WEFT__INTERPOSE int pthread_rwlock_rdlock(pthread_rwlock_t *rwlock)
{
    WEFT__STAYS;
    return is_shared(rwlock) ? weft__real_pthread_rwlock_rdlock(rwlock)
                             : lock(rwlock, try_read, CLOCK_REALTIME, NULL);
}

WEFT__INTERPOSE int pthread_rwlock_wrlock(pthread_rwlock_t *rwlock)
{
    WEFT__STAYS;
    return is_shared(rwlock) ? weft__real_pthread_rwlock_wrlock(rwlock)
                             : lock(rwlock, try_write, CLOCK_REALTIME, NULL);
}

WEFT__INTERPOSE int pthread_rwlock_tryrdlock(pthread_rwlock_t *rwlock)
{
    return is_shared(rwlock) ? weft__real_pthread_rwlock_tryrdlock(rwlock)
                             : try_now(rwlock, try_read);
}

WEFT__INTERPOSE int pthread_rwlock_trywrlock(pthread_rwlock_t *rwlock)
{
    return is_shared(rwlock) ? weft__real_pthread_rwlock_trywrlock(rwlock)
                             : try_now(rwlock, try_write);
}

WEFT__INTERPOSE int pthread_rwlock_timedrdlock(pthread_rwlock_t *rwlock,
                                               const struct timespec *until)
{
    WEFT__STAYS;
    return is_shared(rwlock) ? weft__real_pthread_rwlock_timedrdlock(rwlock, until)
                             : lock(rwlock, try_read, CLOCK_REALTIME, until);
}

WEFT__INTERPOSE int pthread_rwlock_timedwrlock(pthread_rwlock_t *rwlock,
                                               const struct timespec *until)
{
    WEFT__STAYS;
    return is_shared(rwlock) ? weft__real_pthread_rwlock_timedwrlock(rwlock, until)
                             : lock(rwlock, try_write, CLOCK_REALTIME, until);
}

WEFT__INTERPOSE int pthread_rwlock_clockrdlock(pthread_rwlock_t *rwlock, clockid_t clock,
                                               const struct timespec *until)
{
    WEFT__STAYS;
    return is_shared(rwlock) ? weft__real_pthread_rwlock_clockrdlock(rwlock, clock, until)
                             : lock(rwlock, try_read, clock, until);
}

WEFT__INTERPOSE int pthread_rwlock_clockwrlock(pthread_rwlock_t *rwlock, clockid_t clock,
                                               const struct timespec *until)
{
    WEFT__STAYS;
    return is_shared(rwlock) ? weft__real_pthread_rwlock_clockwrlock(rwlock, clock, until)
                             : lock(rwlock, try_write, clock, until);
}

WEFT__INTERPOSE int pthread_rwlock_unlock(pthread_rwlock_t *rwlock)
{
    struct rwlock *rw = inner(rwlock);
    if (is_shared(rwlock))
        return weft__real_pthread_rwlock_unlock(rwlock);
    enter(rw);
    bool was_writer = rw->state == WRITER;
    if (was_writer)
        rwlock->__data.__cur_writer = 0;
    rw->state = was_writer ? 0 : rw->state - 1; /* FORK-2 */
    if (rw->state == 0)
        pass_turn(rw);
    else
        weft__lock_release(&rw->lock);
    return 0;
}
