#include "suite.h"

#include <errno.h>
#include <pthread.h>

#include "hook/lot.h"
#include "tasks.h"
#include "time/clock.h"

#define WAITERS 10

static _Atomic(uint32_t) word, other;
static _Atomic(uint32_t) woken;
static int order[WAITERS];

static int wait_in_line(void *arg)
{
    ck_assert_int_eq(weft__lot_wait(&word, 0, WEFT__LOT_ANY, WEFT_NEVER, "test"), 0);
    order[weft__add(&woken, 1, seq_cst)] = (int)(intptr_t)arg;
    return 0;
}

static void let_run(void)
{
    for (int i = 0; i < 100; i++)
        weft_yield();
}

static int line(void *unused)
{
    (void)unused;
    weft_task *tasks[WAITERS];
    for (intptr_t i = 0; i < WAITERS; i++) {
        SPAWN(wait_in_line, (void *)i, &tasks[i]);
        let_run();
    }
    ck_assert_uint_eq(weft__lot_wake(&other, WAITERS, WEFT__LOT_ANY), 0);
    ck_assert_uint_eq(weft__lot_wake(&word, 0, WEFT__LOT_ANY), 0);
    for (unsigned i = 1; i <= 3; i++) {
        ck_assert_uint_eq(weft__lot_wake(&word, 1, WEFT__LOT_ANY), 1);
        let_run();
        ck_assert_uint_eq(woken, i);
    }
    ck_assert_uint_eq(weft__lot_wake(&word, WAITERS, WEFT__LOT_ANY), WAITERS - 3);
    for (int i = 0; i < WAITERS; i++)
        JOIN(tasks[i], 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(order[i], i);
    ck_assert(weft__lot_quiet(weft__lot_bucket((void *)&word)));
    return 0;
}

TEST(the_oldest_waiter_is_woken_first_and_no_other)
{
    ck_assert_int_eq(run_in_turn(line, NULL), 0);
}

static int errors(void *unused)
{
    (void)unused;
    ck_assert_int_eq(weft__lot_wait(&word, 1, WEFT__LOT_ANY, WEFT_NEVER, "test"), EAGAIN);
    int64_t deadline = weft_now() + WEFT_MS(5);
    ck_assert_int_eq(weft__lot_wait(&word, 0, WEFT__LOT_ANY, deadline, "test"), ETIMEDOUT);
    ck_assert(weft_now() >= deadline);
    ck_assert_uint_eq(weft__lot_wake(&word, 1, WEFT__LOT_ANY), 0); /* it has left: LOT-3 */
    ck_assert(weft__lot_quiet(weft__lot_bucket((void *)&word)));
    return 0;
}

TEST(another_value_and_a_deadline_end_a_wait)
{
    ck_assert_int_eq(run_in_turn(errors, NULL), 0);
}

static int wait_bits(void *arg)
{
    return weft__lot_wait(&word, 0, (uint32_t)(uintptr_t)arg, WEFT_NEVER, "test");
}

static int bits(void *unused)
{
    (void)unused;
    weft_task *first, *second;
    SPAWN(wait_bits, (void *)1, &first);
    SPAWN(wait_bits, (void *)2, &second);
    let_run();
    ck_assert_uint_eq(weft__lot_wake(&word, 2, 4), 0);
    ck_assert_uint_eq(weft__lot_wake(&word, 2, 2), 1);
    JOIN(second, 0);
    ck_assert_uint_eq(weft__lot_wake(&word, 2, 3), 1);
    JOIN(first, 0);
    return 0;
}

TEST(bits_choose)
{
    ck_assert_int_eq(run_in_turn(bits, NULL), 0);
}

/* As a condition variable does: LOT-4. The task then waits for `other`. */
static void spawn_and_move(weft_task **ret_task)
{
    SPAWN(wait_in_line, NULL, ret_task);
    let_run();
    struct weft__bucket *from = weft__lot_bucket((void *)&word);
    struct weft__bucket *to = weft__lot_bucket((void *)&other);
    struct weft__lot_node *node;
    weft__lock_acquire(&from->lock);
    struct weft__waiter *waiter = weft__lot_take(from, (void *)&word, WEFT__LOT_ANY, false, &node);
    weft__lock_release(&from->lock);
    ck_assert_ptr_nonnull(waiter);
    weft__lot_enter(to);
    weft__lot_append_claimed(to, node, (void *)&other, "other");
    weft__lock_release(&to->lock);
    let_run();
    ck_assert_uint_eq(woken, 0);
}

static int move(void *unused)
{
    (void)unused;
    weft_task *task;
    spawn_and_move(&task);
    ck_assert_uint_eq(weft__lot_wake(&word, 1, WEFT__LOT_ANY), 0);
    ck_assert_uint_eq(weft__lot_wake(&other, 1, WEFT__LOT_ANY), 1);
    JOIN(task, 0);
    return 0;
}

TEST(LOT_4_a_taken_waiter_goes_to_another_list)
{
    ck_assert_int_eq(run_in_turn(move, NULL), 0);
}

static int recall(void *unused)
{
    (void)unused;
    weft_task *in_line, *moved;
    SPAWN(wait_in_line, NULL, &in_line);
    let_run();
    ck_assert(!weft__lot_recall(&in_line->waiter)); /* nobody has claimed it */
    ck_assert_uint_eq(weft__lot_wake(&word, 1, WEFT__LOT_ANY), 1);
    JOIN(in_line, 0);
    woken = 0;
    spawn_and_move(&moved);
    ck_assert(weft__lot_recall(&moved->waiter));
    ck_assert(!weft__lot_recall(&moved->waiter));
    ck_assert_uint_eq(weft__lot_wake(&other, 1, WEFT__LOT_ANY), 0);
    JOIN(moved, 0);
    ck_assert(weft__lot_quiet(weft__lot_bucket((void *)&other)));
    return 0;
}

TEST(LOT_4_a_taken_waiter_is_recalled_from_there)
{
    ck_assert_int_eq(run_in_turn(recall, NULL), 0);
}

static void *wait_as_thread(void *arg)
{
    weft__lot_wait(&word, 0, WEFT__LOT_ANY, WEFT_NEVER, "test");
    return arg;
}

static int wake_thread(void *unused)
{
    (void)unused;
    while (weft__lot_wake(&word, 1, WEFT__LOT_ANY) == 0)
        weft_sleep(WEFT_MS(1));
    weft__store(&word, 1, relaxed); /* it may be back already */
    weft__futex_wake(&word, 1);
    return 0;
}

TEST(plain_threads_wait_too)
{
    pthread_t thread;
    pthread_create(&thread, NULL, wait_as_thread, NULL);
    ck_assert_int_eq(run_tasks(2, wake_thread, NULL), 0);
    pthread_join(thread, NULL);
}

static void *wait_in_kernel(void *arg)
{
    weft__lot_outside_enter((void *)&word);
    while (weft__load(&word, relaxed) == 0) /* TSan makes it wait in slices */
        weft__futex_wait(&word, 0, INT64_MAX);
    weft__lot_outside_leave((void *)&word);
    return arg;
}

TEST(LOT_5_threads_outside_are_woken_in_the_kernel)
{
    pthread_t thread;
    pthread_create(&thread, NULL, wait_in_kernel, NULL);
    ck_assert_int_eq(run_tasks(2, wake_thread, NULL), 0);
    pthread_join(thread, NULL);
}
