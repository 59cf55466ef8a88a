#include "suite.h"

#include <errno.h>
#include <stdatomic.h>

#include "sync.h"

static weft_limiter *limiter;
static atomic_int inside, most;

static void expect(unsigned capacity, unsigned borrowed, unsigned waiters)
{
    weft_limiter_info info;
    weft_limiter_look(limiter, &info);
    ck_assert_uint_eq(info.capacity, capacity);
    ck_assert_uint_eq(info.borrowed, borrowed);
    ck_assert_uint_eq(info.waiters, waiters);
}

static int borrow_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(weft_limiter_borrow(limiter, NULL), 0);
        ck_assert_int_eq(weft_limiter_borrow(limiter, NULL), -EALREADY);
        int now = atomic_fetch_add(&inside, 1) + 1, before = atomic_load(&most);
        while (now > before && !atomic_compare_exchange_weak(&most, &before, now))
            ;
        weft_yield();
        atomic_fetch_sub(&inside, 1);
        ck_assert_int_eq(weft_limiter_give_back(limiter, NULL), 0);
        ck_assert_int_eq(weft_limiter_give_back(limiter, NULL), -EPERM);
    }
    return 0;
}

static int crowd_borrows(void *unused)
{
    struct crowd crowd;
    (void)unused;
    atomic_store(&most, 0);
    ck_assert_int_eq(weft_limiter_create(2, &limiter), 0);
    crowd_start(&crowd, borrow_often, NULL);
    crowd_join(&crowd);
    ck_assert_int_le(atomic_load(&most), 2);
    expect(2, 0, 0);
    weft_limiter_destroy(limiter);
    return 0;
}

TEST(no_more_borrow_than_there_are_tokens)
{
    run_mixed(crowd_borrows);
}

static void *borrow_and_end(void *unused)
{
    ck_assert_int_eq(weft_limiter_borrow(limiter, NULL), 0);
    return unused;
}

static int borrow_as_task(void *unused)
{
    borrow_and_end(unused);
    return 0;
}

static void *come_after(void *unused)
{
    ck_assert_int_eq(weft_limiter_give_back(limiter, NULL), -EPERM);
    ck_assert_int_eq(weft_limiter_borrow(limiter, NULL), 0);
    return unused;
}

TEST(a_thread_is_not_taken_for_one_that_has_ended)
{
    pthread_t thread;
    ck_assert_int_eq(weft_limiter_create(2, &limiter), 0);
    pthread_create(&thread, NULL, borrow_and_end, NULL);
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, come_after, NULL);
    pthread_join(thread, NULL);
    expect(2, 2, 0);
    weft_limiter_destroy(limiter);
}

/* Tasks have small numbers, too. */
static int borrow_with_all_threads(void *unused)
{
    enum { MANY = 40 };
    weft_task *tasks[MANY];
    pthread_t threads[MANY];
    ck_assert_int_eq(weft_limiter_create(2 * MANY, &limiter), 0);
    for (int i = 0; i < MANY; i++) {
        pthread_create(&threads[i], NULL, borrow_and_end, NULL);
        SPAWN(borrow_as_task, NULL, &tasks[i]);
    }
    for (int i = 0; i < MANY; i++) {
        pthread_join(threads[i], NULL);
        JOIN(tasks[i], 0);
    }
    expect(2 * MANY, 2 * MANY, 0);
    weft_limiter_destroy(limiter);
    (void)unused;
    return 0;
}

TEST(a_thread_is_not_taken_for_a_task)
{
    ck_assert_int_eq(run_tasks(2, borrow_with_all_threads, NULL), 0);
}

/* More borrowers than the table has at first, in and out in a different order. */
static int borrow_for_many(void *unused)
{
    static const char names[500];
    (void)unused;
    ck_assert_int_eq(weft_limiter_create(500, &limiter), 0);
    for (int i = 0; i < 500; i++)
        ck_assert_int_eq(weft_limiter_try_borrow(limiter, &names[i]), 0);
    ck_assert_int_eq(weft_limiter_try_borrow(limiter, NULL), -EAGAIN);
    ck_assert_int_eq(weft_limiter_try_borrow(limiter, &names[7]), -EALREADY);
    for (int i = 0; i < 500; i++)
        ck_assert_int_eq(weft_limiter_give_back(limiter, &names[i * 7 % 500]), 0);
    ck_assert_int_eq(weft_limiter_give_back(limiter, &names[7]), -EPERM);
    expect(500, 0, 0);
    weft_limiter_destroy(limiter);
    weft_limiter_destroy(NULL);
    return 0;
}

TEST(tokens_are_borrowed_by_name)
{
    run_mixed(borrow_for_many);
}

static int borrow_once(void *unused)
{
    (void)unused;
    ck_assert_int_eq(weft_limiter_borrow(limiter, NULL), 0);
    ck_assert_int_eq(weft_limiter_give_back(limiter, NULL), 0);
    return 0;
}

static int change_capacity(void *unused)
{
    struct crowd crowd;
    weft_limiter_info info;
    weft_scope scope;
    (void)unused;
    ck_assert_int_eq(weft_limiter_create(0, &limiter), 0);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(1));
    ck_assert_int_eq(weft_limiter_borrow(limiter, NULL), -ETIMEDOUT);
    weft_scope_leave(&scope);
    expect(0, 0, 0);
    crowd_start(&crowd, borrow_once, NULL);
    do {
        weft_yield();
        weft_limiter_look(limiter, &info);
    } while (info.waiters < CROWD);
    weft_limiter_set_capacity(limiter, 3);
    crowd_join(&crowd);
    expect(3, 0, 0);
    weft_limiter_destroy(limiter);
    return 0;
}

TEST(more_capacity_lets_waiters_in)
{
    run_mixed(change_capacity);
}
