#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "sync.h"
#include "tasks.h"

static weft_mutex mutex = WEFT_MUTEX_INIT;
static weft_cond cond = WEFT_COND_INIT;
static atomic_int passed;
static int stage; /* under the mutex */

static int lock_and_pass(void *unused)
{
    (void)unused;
    ck_assert_int_eq(weft_mutex_lock(&mutex), 0);
    atomic_fetch_add(&passed, 1);
    ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
    return 0;
}

static void await_waiters(weft_mutex *m, unsigned count)
{
    weft_mutex_info info;
    do {
        weft_yield();
        weft_mutex_look(m, &info);
    } while (info.waiters != count);
}

static int others_wait(void *unused)
{
    struct crowd crowd;
    (void)unused;
    atomic_store(&passed, 0);
    ck_assert_int_eq(weft_mutex_lock(&mutex), 0);
    ck_assert_int_eq(weft_mutex_trylock(&mutex), -EBUSY);
    crowd_start(&crowd, lock_and_pass, NULL);
    await_waiters(&mutex, CROWD);
    ck_assert_int_eq(atomic_load(&passed), 0);
    ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
    crowd_join(&crowd);
    ck_assert_int_eq(atomic_load(&passed), CROWD);
    ck_assert_int_eq(weft_mutex_trylock(&mutex), 0);
    ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(weft_mutex_unlock(&mutex), -EPERM);
    return 0;
}

TEST(a_held_mutex_makes_others_wait)
{
    run_mixed(others_wait);
}

static int checked(void *unused)
{
    weft_mutex m = WEFT_MUTEX_INIT_CHECKED;
    (void)unused;
    ck_assert_int_eq(weft_mutex_unlock(&m), -EPERM);
    ck_assert_int_eq(weft_mutex_lock(&m), 0);
    ck_assert_int_eq(weft_mutex_lock(&m), -EDEADLK);
    ck_assert_int_eq(weft_mutex_trylock(&m), -EBUSY);
    ck_assert_int_eq(weft_mutex_unlock(&m), 0);
    ck_assert_int_eq(weft_mutex_unlock(&m), -EPERM);
    ck_assert_int_eq(weft_mutex_init(&m, 3), -EINVAL);
    return 0;
}

TEST(a_checked_mutex_knows_its_holder)
{
    run_mixed(checked);
}

static void *lock_and_end(void *m)
{
    ck_assert_int_eq(weft_mutex_lock(m), 0);
    return NULL;
}

static void *come_after(void *m)
{
    weft_mutex_info info;
    ck_assert_int_eq(weft_mutex_unlock(m), -EPERM);
    ck_assert_int_eq(weft_mutex_trylock(m), -EBUSY);
    weft_mutex_look(m, &info);
    ck_assert_uint_eq(info.holder, 0);
    return NULL;
}

TEST(a_thread_is_not_taken_for_one_that_has_ended)
{
    weft_mutex kinds[] = { WEFT_MUTEX_INIT_CHECKED, WEFT_MUTEX_INIT };
    ck_assert_int_eq(weft_mutex_init(&kinds[1], WEFT_MUTEX_RECURSIVE), 0);
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, lock_and_end, &kinds[i]);
        pthread_join(thread, NULL);
        pthread_create(&thread, NULL, come_after, &kinds[i]);
        pthread_join(thread, NULL);
    }
}

static int not_the_holder(void *m)
{
    ck_assert_int_eq(weft_mutex_unlock(m), -EPERM);
    ck_assert_int_eq(weft_mutex_trylock(m), -EBUSY);
    return 0;
}

static int recursive(void *unused)
{
    weft_mutex m;
    weft_mutex_info info;
    struct crowd crowd;
    (void)unused;
    ck_assert_int_eq(weft_mutex_init(&m, WEFT_MUTEX_RECURSIVE), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(i == 1 ? weft_mutex_trylock(&m) : weft_mutex_lock(&m), 0);
    weft_mutex_look(&m, &info);
    ck_assert_uint_eq(info.holder, weft_task_id(NULL));
    crowd_start(&crowd, not_the_holder, &m);
    crowd_join(&crowd);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(weft_mutex_unlock(&m), 0);
    ck_assert_int_eq(weft_mutex_unlock(&m), -EPERM);
    return 0;
}

TEST(a_recursive_mutex_counts)
{
    run_mixed(recursive);
}

static int lock_until(void *deadline)
{
    weft_scope scope;
    int64_t when = *(int64_t *)deadline;
    weft_scope_enter(&scope, when);
    ck_assert_int_eq(weft_mutex_lock(&mutex), -ETIMEDOUT);
    ck_assert(weft_scope_leave(&scope));
    ck_assert_int_ge(weft_now(), when);
    return 0;
}

static int give_up(void *unused)
{
    struct crowd crowd;
    int64_t deadline = weft_now() + WEFT_MS(5);
    (void)unused;
    ck_assert_int_eq(weft_mutex_lock(&mutex), 0);
    crowd_start(&crowd, lock_until, &deadline);
    crowd_join(&crowd);
    ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
    return lock_and_pass(NULL); /* who has given up holds nothing */
}

TEST(who_gives_up_has_not_locked)
{
    run_mixed(give_up);
}

/* Cancelled before or while it waits; a free one is locked. */
static int lock_cancelled(void *arg)
{
    weft_scope *scope = arg;
    weft_scope_enter(scope, WEFT_NEVER);
    int rc = weft_mutex_lock(&mutex);
    weft_scope_leave(scope);
    return rc;
}

static int cancel_waiter(void *unused)
{
    weft_scope scope, own;
    weft_task *task;
    (void)unused;
    weft_scope_enter(&own, WEFT_NEVER);
    weft_scope_cancel(&own);
    ck_assert_int_eq(weft_mutex_lock(&mutex), 0);
    weft_scope_leave(&own);
    SPAWN(lock_cancelled, &scope, &task);
    await_waiters(&mutex, 1);
    weft_scope_cancel(&scope);
    JOIN(task, -ECANCELED);
    ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
    return 0;
}

TEST(a_waiter_may_be_cancelled)
{
    ck_assert_int_eq(weft_run(NULL, cancel_waiter, NULL), 0);
}

/* The holder locks again at once, always: a waiter is served all the same. */
static int wait_for_luck(void *unused)
{
    lock_and_pass(unused);
    return 0;
}

static int lock_for_ever(void *unused)
{
    struct crowd crowd;
    (void)unused;
    atomic_store(&passed, 0);
    ck_assert_int_eq(weft_mutex_lock(&mutex), 0);
    crowd_start(&crowd, wait_for_luck, NULL);
    while (atomic_load(&passed) < CROWD) {
        weft_yield(); /* while it is locked */
        ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
        ck_assert_int_eq(weft_mutex_lock(&mutex), 0);
    }
    ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
    crowd_join(&crowd);
    return 0;
}

TEST(nobody_waits_for_ever_behind_one_who_barges)
{
    run_mixed(lock_for_ever);
}

/* Condition variables. */

static int wait_for_stage(void *arg)
{
    int wanted = (int)(intptr_t)arg;
    ck_assert_int_eq(weft_mutex_lock(&mutex), 0);
    atomic_fetch_add(&passed, 1); /* has come */
    while (stage < wanted)
        ck_assert_int_eq(weft_cond_wait(&cond, &mutex), 0);
    stage++;
    ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
    return 0;
}

static void await_passed(int count)
{
    while (atomic_load(&passed) != count)
        weft_yield();
    ck_assert_int_eq(weft_mutex_lock(&mutex), 0); /* now they wait */
}

static int signal_one_by_one(void *unused)
{
    struct crowd crowd;
    (void)unused;
    stage = 0;
    atomic_store(&passed, 0);
    weft_cond_signal(&cond); /* nobody waits: it is not kept */
    crowd_start(&crowd, wait_for_stage, (void *)1);
    await_passed(CROWD);
    stage = 1;
    for (int i = 1; i <= CROWD; i++) {
        weft_cond_signal(&cond);
        while (stage < i + 1) {
            ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
            weft_yield();
            ck_assert_int_eq(weft_mutex_lock(&mutex), 0);
        }
        ck_assert_int_eq(stage, i + 1); /* one signal, one waiter */
    }
    ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
    crowd_join(&crowd);
    return 0;
}

TEST(a_signal_wakes_one_waiter)
{
    run_mixed(signal_one_by_one);
}

static int broadcast(void *unused)
{
    struct crowd crowd;
    (void)unused;
    stage = 0;
    atomic_store(&passed, 0);
    crowd_start(&crowd, wait_for_stage, (void *)1);
    await_passed(CROWD);
    stage = 1;
    weft_cond_broadcast(&cond);
    ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
    crowd_join(&crowd);
    ck_assert_int_eq(stage, CROWD + 1);
    return 0;
}

TEST(a_broadcast_wakes_all)
{
    run_mixed(broadcast);
}

static int condition_ends(void *unused)
{
    weft_mutex m = WEFT_MUTEX_INIT_RECURSIVE;
    weft_scope scope;
    (void)unused;
    ck_assert_int_eq(weft_cond_wait(&cond, &m), -EPERM);
    ck_assert_int_eq(weft_mutex_lock(&m), 0);
    ck_assert_int_eq(weft_mutex_lock(&m), 0);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(2));
    ck_assert_int_eq(weft_cond_wait(&cond, &m), -ETIMEDOUT);
    ck_assert_int_eq(weft_cond_wait(&cond, &m), -ETIMEDOUT);
    weft_scope_leave(&scope);
    ck_assert_int_eq(weft_mutex_unlock(&m), 0);
    ck_assert_int_eq(weft_mutex_unlock(&m), 0); /* as often as before */
    ck_assert_int_eq(weft_mutex_unlock(&m), -EPERM);
    return 0;
}

TEST(a_wait_that_is_cut_short_holds_the_mutex_as_before)
{
    run_mixed(condition_ends);
}
