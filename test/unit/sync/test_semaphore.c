#include "suite.h"

#include <errno.h>
#include <stdatomic.h>

#include "sync.h"

static weft_sem sem = WEFT_SEM_INIT(0);
static atomic_int inside, most, passed;

static int take_one(void *unused)
{
    (void)unused;
    ck_assert_int_eq(weft_sem_wait(&sem), 0);
    atomic_fetch_add(&passed, 1);
    return 0;
}

static int permits_one_by_one(void *unused)
{
    struct crowd crowd;
    (void)unused;
    atomic_store(&passed, 0);
    ck_assert_int_eq(weft_sem_trywait(&sem), -EAGAIN);
    crowd_start(&crowd, take_one, NULL);
    for (int i = 1; i <= CROWD; i++) {
        ck_assert_int_eq(weft_sem_post(&sem), 0);
        while (atomic_load(&passed) < i)
            weft_yield();
        ck_assert_int_eq(atomic_load(&passed), i);
    }
    crowd_join(&crowd);
    ck_assert_uint_eq(weft_sem_value(&sem), 0);
    return 0;
}

TEST(a_permit_is_for_one)
{
    run_mixed(permits_one_by_one);
}

static int stay_a_while(void *unused)
{
    (void)unused;
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(weft_sem_wait(&sem), 0);
        int now = atomic_fetch_add(&inside, 1) + 1, before = atomic_load(&most);
        while (now > before && !atomic_compare_exchange_weak(&most, &before, now))
            ;
        weft_yield();
        atomic_fetch_sub(&inside, 1);
        ck_assert_int_eq(weft_sem_post(&sem), 0);
    }
    return 0;
}

static int at_most_three(void *unused)
{
    struct crowd crowd;
    (void)unused;
    atomic_store(&most, 0);
    ck_assert_int_eq(weft_sem_init(&sem, 3), 0);
    crowd_start(&crowd, stay_a_while, NULL);
    crowd_join(&crowd);
    ck_assert_int_le(atomic_load(&most), 3);
    ck_assert_uint_eq(weft_sem_value(&sem), 3);
    return 0;
}

TEST(no_more_than_there_are_permits)
{
    run_mixed(at_most_three);
}

static int give_up(void *unused)
{
    weft_scope scope;
    (void)unused;
    ck_assert_int_eq(weft_sem_init(&sem, 0), 0);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(2));
    ck_assert_int_eq(weft_sem_wait(&sem), -ETIMEDOUT);
    ck_assert_int_eq(weft_sem_post(&sem), 0);
    ck_assert_int_eq(weft_sem_wait(&sem), -ETIMEDOUT); /* level: still */
    weft_scope_leave(&scope);
    ck_assert_uint_eq(weft_sem_value(&sem), 1);
    ck_assert_int_eq(weft_sem_trywait(&sem), 0);
    return 0;
}

TEST(who_gives_up_takes_no_permit)
{
    run_mixed(give_up);
}

/* One worker: between coming and waiting nobody else runs. */
static int came, served;

static int take_in_turn(void *unused)
{
    int number = came++;
    (void)unused;
    ck_assert_int_eq(weft_sem_wait(&sem), 0);
    ck_assert_int_eq(served++, number);
    return 0;
}

static int in_order(void *unused)
{
    weft_task *tasks[CROWD];
    (void)unused;
    ck_assert_int_eq(weft_sem_init(&sem, 0), 0);
    for (int i = 0; i < CROWD; i++)
        SPAWN(take_in_turn, NULL, &tasks[i]);
    while (came < CROWD)
        weft_yield();
    for (int i = 0; i < CROWD; i++) {
        ck_assert_int_eq(weft_sem_post(&sem), 0);
        ck_assert_int_eq(weft_sem_trywait(&sem), -EAGAIN); /* it is the first waiter's */
        while (served <= i)
            weft_yield();
    }
    for (int i = 0; i < CROWD; i++)
        JOIN(tasks[i], 0);
    return 0;
}

TEST(waiters_are_served_in_order)
{
    ck_assert_int_eq(run_tasks(1, in_order, NULL), 0);
}

TEST(a_semaphore_has_its_limits)
{
    weft_sem full = WEFT_SEM_INIT(WEFT_SEM_MAX);
    ck_assert_int_eq(weft_sem_post(&full), -EOVERFLOW);
    ck_assert_int_eq(weft_sem_init(&full, WEFT_SEM_MAX + 1u), -EINVAL);
    ck_assert_uint_eq(weft_sem_value(&full), WEFT_SEM_MAX);
}
