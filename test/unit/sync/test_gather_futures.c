#include "suite.h"

#include <errno.h>
#include <string.h>

#include "sync.h"
#include "sync/future.h"

#define FEW 3
#define MANY 40 /* more than lie on the stack */

static weft_future *futures[MANY];

static void make(int count)
{
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(weft_future_create(&futures[i]), 0);
}

static void release(int count)
{
    for (int i = 0; i < count; i++)
        weft_future_release(futures[i]);
}

static int without_waiting(void *unused)
{
    intptr_t values[FEW] = { 9, 9, 9 };
    size_t failed = 9;
    weft_future *next;
    (void)unused;
    make(FEW);
    weft_future_release(futures[1]);
    futures[1] = NULL;
    ck_assert_int_eq(weft_future_set(futures[2], 5), 0);
    ck_assert_int_eq(weft_wait_futures(futures, FEW, WEFT_UNTIL_FIRST), 1);
    ck_assert_int_eq(weft_future_set(futures[0], 4), 0);
    ck_assert_int_eq(weft_wait_futures(futures, FEW, WEFT_UNTIL_ALL), 2);
    ck_assert_int_eq(weft_wait_futures(futures, FEW, WEFT_UNTIL_ERROR), 2);
    ck_assert_int_eq(weft_wait_futures(futures, FEW, (enum weft_until)3), -EINVAL);
    ck_assert_int_eq(weft_gather_futures(futures, FEW, values, &failed), 0);
    ck_assert_int_eq(values[0], 4);
    ck_assert_int_eq(values[1], 0);
    ck_assert_int_eq(values[2], 5);
    ck_assert_uint_eq(failed, FEW);
    ck_assert_int_eq(weft_gather_futures(futures, FEW, NULL, NULL), 0);
    for (size_t i = 0; i < FEW; i += 2) {
        size_t index = 9;
        ck_assert_int_eq(weft_next_future(futures, FEW, &index, &next), 0);
        ck_assert_uint_eq(index, i);
        ck_assert_ptr_null(futures[i]);
        ck_assert_int_eq(weft_future_try(next, &values[0]), 0);
        ck_assert_int_eq(values[0], 4 + (intptr_t)i / 2);
        weft_future_release(next);
    }
    ck_assert_int_eq(weft_next_future(futures, FEW, NULL, &next), -ENOENT);
    ck_assert_int_eq(weft_wait_futures(futures, FEW, WEFT_UNTIL_FIRST), 0);
    ck_assert_int_eq(weft_gather_futures(futures, 0, NULL, NULL), 0);
    return 0;
}

TEST(what_is_done_is_found_at_once)
{
    run_mixed(without_waiting);
}

/* So that it costs little, however many there are. */
TEST(what_is_done_is_found_without_a_lock, .timeout = 20)
{
    weft_future *next;
    make(MANY);
    for (int i = 0; i < MANY; i += 2)
        ck_assert_int_eq(weft_future_set(futures[i], i), 0);
    for (int i = 0; i < MANY; i++)
        weft__latch_acquire(&futures[i]->lock);
    weft_future *mine[MANY];
    memcpy(mine, futures, sizeof mine);
    for (size_t i = 0, index; i < MANY; i += 2) {
        ck_assert_int_eq(weft_next_future(mine, MANY, &index, &next), 0);
        ck_assert_uint_eq(index, i);
    }
    ck_assert_int_eq(weft_wait_futures(futures, MANY, WEFT_UNTIL_FIRST), MANY / 2);
    for (int i = 0; i < MANY; i++)
        weft__latch_release(&futures[i]->lock);
    release(MANY);
}

/* Somebody gives one result after the other, each when he is told to. */
static weft_sem turns;

static int set_in_turn(void *count)
{
    for (intptr_t i = 0; i < (intptr_t)count; i++) {
        ck_assert_int_eq(weft_sem_wait(&turns), 0);
        ck_assert_int_eq(weft_future_set(futures[i * 7 % (intptr_t)count], i), 0);
    }
    return 0;
}

static int each_as_it_comes(void *arg)
{
    intptr_t count = (intptr_t)arg;
    weft_future *mine[MANY];
    weft_task *task;
    make((int)count);
    for (intptr_t i = 0; i < count; i++)
        mine[i] = weft_future_retain(futures[i]);
    ck_assert_int_eq(weft_sem_init(&turns, 0), 0);
    SPAWN(set_in_turn, arg, &task);
    for (intptr_t i = 0; i < count; i++) {
        weft_future *next;
        intptr_t value;
        size_t index;
        weft_sem_post(&turns);
        ck_assert_int_eq(weft_next_future(mine, (size_t)count, &index, &next), 0);
        ck_assert_uint_eq(index, (size_t)(i * 7 % count));
        ck_assert_int_eq(weft_future_try(next, &value), 0);
        ck_assert_int_eq(value, i);
        weft_future_release(next);
    }
    JOIN(task, 0);
    release((int)count);
    return 0;
}

static int few_and_many(void *unused)
{
    (void)unused;
    each_as_it_comes((void *)FEW);
    return each_as_it_comes((void *)MANY);
}

TEST(each_is_found_as_it_comes)
{
    run_mixed(few_and_many);
}

static int set_all(void *unused)
{
    (void)unused;
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(weft_future_set(futures[i], 2 * i), 0);
        if (i % 8 == 0)
            weft_yield();
    }
    return 0;
}

static int gather_all(void *unused)
{
    intptr_t values[MANY];
    size_t failed;
    (void)unused;
    ck_assert_int_eq(weft_gather_futures(futures, MANY, values, &failed), 0);
    ck_assert_uint_eq(failed, MANY);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(values[i], 2 * i);
    ck_assert_int_eq(weft_wait_futures(futures, MANY, WEFT_UNTIL_ALL), MANY);
    return 0;
}

/* Any number may wait for the same ones. */
static int crowd_gathers(void *unused)
{
    struct crowd crowd;
    (void)unused;
    make(MANY);
    crowd_start(&crowd, gather_all, NULL);
    set_all(NULL);
    crowd_join(&crowd);
    release(MANY);
    return 0;
}

TEST(all_values_come_in_order_to_all_who_wait)
{
    run_mixed(crowd_gathers);
}

static weft_event failing;

static int fail_one(void *unused)
{
    (void)unused;
    ck_assert_int_eq(weft_future_set(futures[0], 1), 0);
    ck_assert_int_eq(weft_event_wait(&failing), 0);
    return weft_future_fail(futures[2], -EIO);
}

static int first_error(void *unused)
{
    intptr_t values[FEW] = { 9, 9, 9 };
    size_t failed = 9;
    weft_task *task;
    (void)unused;
    weft_event_init(&failing);
    make(FEW);
    SPAWN(fail_one, NULL, &task);
    ck_assert_int_eq(weft_wait_futures(futures, FEW, WEFT_UNTIL_FIRST), 1);
    weft_event_set(&failing);
    ck_assert_int_eq(weft_gather_futures(futures, FEW, values, &failed), -EIO);
    ck_assert_uint_eq(failed, 2);
    ck_assert_int_eq(values[0], 9);
    ck_assert_int_eq(weft_wait_futures(futures, FEW, WEFT_UNTIL_ERROR), 2);
    ck_assert(!weft_future_is_done(futures[1])); /* it goes on */
    ck_assert_int_eq(weft_future_cancel(futures[1]), 0);
    ck_assert_int_eq(weft_wait_futures(futures, FEW, WEFT_UNTIL_ALL), 3);
    JOIN(task, 0);
    release(FEW);
    return 0;
}

TEST(the_first_error_ends_the_wait)
{
    run_mixed(first_error);
}

static int give_up(void *unused)
{
    weft_scope scope;
    size_t failed = 9;
    weft_future *next;
    (void)unused;
    make(FEW);
    ck_assert_int_eq(weft_future_set(futures[0], 1), 0);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(2));
    ck_assert_int_eq(weft_gather_futures(futures, FEW, NULL, &failed), -ETIMEDOUT);
    ck_assert_uint_eq(failed, FEW);
    for (int until = WEFT_UNTIL_ALL; until <= WEFT_UNTIL_ERROR; until++)
        ck_assert_int_eq(weft_wait_futures(futures, FEW, (enum weft_until)until), -ETIMEDOUT);
    ck_assert_int_eq(weft_next_future(futures, FEW, NULL, &next), -ETIMEDOUT);
    weft_scope_leave(&scope);
    ck_assert_ptr_nonnull(futures[0]);
    ck_assert_int_eq(weft_wait_futures(futures, FEW, WEFT_UNTIL_FIRST), 1);
    release(FEW);
    return 0;
}

TEST(who_gives_up_has_got_nothing)
{
    run_mixed(give_up);
}

static weft_event known;

static int wait_for_itself(void *unused)
{
    size_t failed = 9;
    weft_future *next;
    (void)unused;
    ck_assert_int_eq(weft_event_wait(&known), 0);
    ck_assert_int_eq(weft_gather_futures(futures, FEW, NULL, &failed), -EDEADLK);
    ck_assert_uint_eq(failed, FEW);
    ck_assert_int_eq(weft_wait_futures(futures, FEW, WEFT_UNTIL_FIRST), -EDEADLK);
    ck_assert_int_eq(weft_next_future(futures, FEW, NULL, &next), -EDEADLK);
    return 3;
}

static int submit_one(void *unused)
{
    intptr_t value = 0;
    (void)unused;
    weft_event_init(&known);
    make(FEW - 1);
    ck_assert_int_eq(weft_submit(wait_for_itself, NULL, &futures[FEW - 1]), 0);
    weft_event_set(&known);
    ck_assert_int_eq(weft_wait_futures(futures, FEW, WEFT_UNTIL_FIRST), 1);
    ck_assert_int_eq(weft_future_try(futures[FEW - 1], &value), 0);
    ck_assert_int_eq(value, 3);
    release(FEW);
    return 0;
}

TEST(nobody_waits_for_its_own_result)
{
    run_mixed(submit_one);
}
