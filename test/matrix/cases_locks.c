/* What one has and others wait for: mutexes, read-write locks, permits and tokens, and
 * what somebody does once. The event is that it is given up. */
#include "matrix.h"

#include <errno.h>
#include <pthread.h>
#include <weft.h>

/* Mutexes. */

static weft_mutex mutex = WEFT_MUTEX_INIT;
static weft_cond cond = WEFT_COND_INIT;

static void hold_mutex(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_mutex_trylock(&mutex), 0);
}

static void unlock_mutex(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
}

static long call_lock(struct stage *stage)
{
    (void)stage;
    return weft_mutex_lock(&mutex);
}

static void settle_mutex(struct stage *stage, long rc)
{
    weft_mutex_info info;
    weft_mutex_look(&mutex, &info);
    EXPECT(stage, info.locked == (rc == 0), "it returned %ld, and the mutex is %s", rc,
           info.locked ? "locked" : "free");
    EXPECT(stage, info.waiters == 0, "%u wait", info.waiters);
    if (info.locked)
        unlock_mutex(stage);
}

const struct operation case_weft_mutex_lock = { .name = "weft_mutex_lock",
                                                .arm = hold_mutex,
                                                .call = call_lock,
                                                .event = unlock_mutex,
                                                .settle = settle_mutex,
                                                .keen = true };

/* A condition, which the caller takes, and a mutex, which it has again. */

static void arm_condition(struct stage *stage)
{
    atomic_store(&stage->done, false);
}

static void signal_condition(struct stage *stage)
{
    weft_scope shield; /* the caller's own may be cancelled */
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    ck_assert_int_eq(weft_mutex_lock(&mutex), 0);
    weft_scope_leave(&shield);
    atomic_store(&stage->done, true);
    ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
    weft_cond_signal(&cond);
}

static long call_cond_wait(struct stage *stage)
{
    int rc = weft_mutex_lock(&mutex);
    if (rc)
        return rc;
    while (rc == 0 && !atomic_load(&stage->done))
        rc = weft_cond_wait(&cond, &mutex);
    if (rc == 0)
        atomic_store(&stage->done, false);
    EXPECT(stage, weft_mutex_trylock(&mutex) == -EBUSY, "it has returned without the mutex");
    ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
    return rc;
}

static void settle_condition(struct stage *stage, long rc)
{
    bool left = atomic_load(&stage->done);
    EXPECT(stage, left == (rc < 0), "it returned %ld, and the condition is %s", rc,
           left ? "true" : "false");
    settle_mutex(stage, -1);
}

const struct operation case_weft_cond_wait = { .name = "weft_cond_wait",
                                               .arm = arm_condition,
                                               .call = call_cond_wait,
                                               .event = signal_condition,
                                               .settle = settle_condition,
                                               .keen = true };

/* Read-write locks. */

static weft_rwlock rwlock = WEFT_RWLOCK_INIT;

static void hold_for_writing(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_rwlock_trywrlock(&rwlock), 0);
}

static void hold_for_reading(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_rwlock_tryrdlock(&rwlock), 0);
}

static void unlock_rwlock(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_rwlock_unlock(&rwlock), 0);
}

static long call_rdlock(struct stage *stage)
{
    (void)stage;
    return weft_rwlock_rdlock(&rwlock);
}

static long call_wrlock(struct stage *stage)
{
    (void)stage;
    return weft_rwlock_wrlock(&rwlock);
}

static void settle_rwlock(struct stage *stage, long rc)
{
    int found = weft_rwlock_trywrlock(&rwlock);
    EXPECT(stage, found == (rc < 0 ? 0 : -EBUSY), "it returned %ld, and the next one gets %d", rc,
           found);
    unlock_rwlock(stage);
}

const struct operation case_weft_rwlock_rdlock = { .name = "weft_rwlock_rdlock",
                                                   .arm = hold_for_writing,
                                                   .call = call_rdlock,
                                                   .event = unlock_rwlock,
                                                   .settle = settle_rwlock,
                                                   .once = true,
                                                   .keen = true };

const struct operation case_weft_rwlock_wrlock = { .name = "weft_rwlock_wrlock",
                                                   .arm = hold_for_reading,
                                                   .call = call_wrlock,
                                                   .event = unlock_rwlock,
                                                   .settle = settle_rwlock,
                                                   .keen = true };

/* Permits. */

static weft_sem sem = WEFT_SEM_INIT(0);

static long call_sem_wait(struct stage *stage)
{
    (void)stage;
    return weft_sem_wait(&sem);
}

static void post(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_sem_post(&sem), 0);
}

static void settle_permit(struct stage *stage, long rc)
{
    unsigned left = weft_sem_value(&sem);
    EXPECT(stage, left == (rc < 0), "it returned %ld, and %u permits are left", rc, left);
    if (left)
        ck_assert_int_eq(weft_sem_trywait(&sem), 0);
}

const struct operation case_weft_sem_wait = {
    .name = "weft_sem_wait", .call = call_sem_wait, .event = post, .settle = settle_permit
};

/* Tokens. */

static weft_limiter *limiter;
static char somebody; /* by its address */

static void open_limiter(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_limiter_create(1, &limiter), 0);
}

static void close_limiter(struct stage *stage)
{
    (void)stage;
    weft_limiter_destroy(limiter);
}

static void lend(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_limiter_try_borrow(limiter, &somebody), 0);
}

static void give_back(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_limiter_give_back(limiter, &somebody), 0);
}

static long call_borrow(struct stage *stage)
{
    return weft_limiter_borrow(limiter, stage);
}

static void settle_token(struct stage *stage, long rc)
{
    int found = weft_limiter_give_back(limiter, stage);
    EXPECT(stage, found == (rc < 0 ? -EPERM : 0), "it returned %ld, and giving back %d", rc, found);
    weft_limiter_info info;
    weft_limiter_look(limiter, &info);
    EXPECT(stage, info.borrowed == 0 && info.waiters == 0, "%u are lent, %u wait", info.borrowed,
           info.waiters);
}

const struct operation case_weft_limiter_borrow = { .name = "weft_limiter_borrow",
                                                    .open = open_limiter,
                                                    .arm = lend,
                                                    .call = call_borrow,
                                                    .event = give_back,
                                                    .settle = settle_token,
                                                    .close = close_limiter };

/* What a thread is doing for once. */

static weft_once once;
static sem_t inside, enough;
static pthread_t doer;

static int do_it(void *arg)
{
    struct stage *stage = arg;
    sem_post(&inside);
    while (sem_wait(&enough) != 0)
        ;
    atomic_fetch_add(&stage->count, 1);
    return 0;
}

static void *run_doer(void *stage)
{
    ck_assert_int_eq(weft_call_once(&once, do_it, stage), 0);
    return NULL;
}

static void open_once(struct stage *stage)
{
    (void)stage;
    sem_init(&inside, 0, 0);
    sem_init(&enough, 0, 0);
}

static void begin_it(struct stage *stage)
{
    once = (weft_once)WEFT_ONCE_INIT;
    atomic_store(&stage->count, 0);
    ck_assert_int_eq(pthread_create(&doer, NULL, run_doer, stage), 0);
    while (sem_wait(&inside) != 0)
        ;
}

static void end_it(struct stage *stage)
{
    (void)stage;
    sem_post(&enough);
}

static long call_once(struct stage *stage)
{
    int rc = weft_call_once(&once, do_it, stage);
    int count = atomic_load(&stage->count);
    EXPECT(stage, rc < 0 || count == 1, "it was done %d times", count);
    return rc;
}

static void settle_once(struct stage *stage, long rc)
{
    pthread_join(doer, NULL);
    int count = atomic_load(&stage->count);
    EXPECT(stage, count == 1, "it returned %ld, and it was done %d times", rc, count);
}

const struct operation case_weft_call_once = { .name = "weft_call_once",
                                               .open = open_once,
                                               .arm = begin_it,
                                               .call = call_once,
                                               .event = end_it,
                                               .settle = settle_once,
                                               .once = true,
                                               .keen = true };
