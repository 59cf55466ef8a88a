#include "suite.h"

#include <stdio.h>

#include "sync.h"
#include "works.h"

TEST(a_pool_wants_sensible_attributes)
{
    weft_pool_attr wrong[] = { usual, usual, usual, usual, usual };
    wrong[0].max = 0;
    wrong[1].max = WEFT_POOL_MAX + 1;
    wrong[2].min = 4;
    wrong[3].make = NULL;
    wrong[4].reserved[3] = 1;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_int_eq(weft_pool_create(&wrong[i], &pool), -EINVAL);
    weft_pool_destroy(NULL);
}

static int lend_in_turn(void *unused)
{
    (void)unused;
    open_pool(&usual);
    expect(0, 0);
    for (int i = 1; i <= 3; i++)
        ck_assert_int_eq(get(), i);
    expect(3, 0);
    for (int i = 1; i <= 3; i++)
        put(i);
    expect(0, 3);
    for (int i = 3; i >= 1; i--)
        ck_assert_int_eq(get(), i);
    drop(2);
    expect(2, 0);
    ck_assert_int_eq(get(), 4);
    put(1), put(3), put(4);
    ck_assert_uint_eq(look().made, 4);
    ck_assert_uint_eq(look().destroyed, 1);
    ck_assert_uint_eq(look().waits, 0);
    close_pool();
    return 0;
}

TEST(what_came_back_last_is_lent_first)
{
    run_mixed(lend_in_turn);
}

static int give_what_is_not_lent(void *unused)
{
    (void)unused;
    open_pool(&usual);
    ck_assert_int_eq(weft_pool_put(pool, &works), -EINVAL);
    int number = get();
    put(number);
    ck_assert_int_eq(weft_pool_put(pool, (void *)(intptr_t)number), -EINVAL);
    ck_assert_int_eq(weft_pool_drop(pool, (void *)(intptr_t)number), -EINVAL);
    expect(0, 1);
    close_pool();
    return 0;
}

TEST(what_nobody_has_borrowed_is_not_taken_back)
{
    run_mixed(give_what_is_not_lent);
}

static int make_nothing(void *arg, void **ret_thing)
{
    (void)arg;
    *ret_thing = NULL;
    return 0;
}

static int lend_equal_ones(void *unused)
{
    weft_pool_attr attr = { .max = 2, .make = make_nothing };
    void *thing;
    (void)unused;
    open_pool(&attr);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(weft_pool_get(pool, &thing), 0);
    expect(2, 0);
    ck_assert_int_eq(weft_pool_put(pool, thing), 0);
    ck_assert_int_eq(weft_pool_drop(pool, thing), 0);
    ck_assert_int_eq(weft_pool_drop(pool, thing), -EINVAL);
    expect(0, 1);
    close_pool();
    return 0;
}

static weft_event checking = WEFT_EVENT_INIT, may_end = WEFT_EVENT_INIT;

static int check_slowly(void *arg, void *thing)
{
    weft_event_set(&checking);
    weft_event_wait(&may_end);
    return arg == thing ? -EIO : 0;
}

static int borrow_checked(void *unused)
{
    void *thing = &thing;
    ck_assert_int_eq(weft_pool_get(pool, &thing), 0);
    ck_assert_ptr_null(thing);
    ck_assert_int_eq(weft_pool_put(pool, thing), 0);
    (void)unused;
    return 0;
}

static int put_while_one_is_checked(void *unused)
{
    weft_pool_attr attr = { .max = 2, .make = make_nothing, .check = check_slowly };
    weft_task *task;
    void *thing;
    (void)unused;
    weft_event_clear(&checking);
    weft_event_clear(&may_end);
    open_pool(&attr);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(weft_pool_get(pool, &thing), 0);
    ck_assert_int_eq(weft_pool_put(pool, thing), 0);
    SPAWN(borrow_checked, NULL, &task);
    weft_event_wait(&checking);
    ck_assert_int_eq(weft_pool_put(pool, thing), 0);
    ck_assert_int_eq(weft_pool_put(pool, thing), -EINVAL); /* nobody has the other one yet */
    expect(1, 1);
    weft_event_set(&may_end);
    JOIN(task, 0);
    expect(0, 2);
    ck_assert_uint_eq(look().destroyed, 1);
    close_pool();
    return 0;
}

TEST(what_is_being_checked_cannot_be_given_back)
{
    run_mixed(put_while_one_is_checked);
}

TEST(resources_may_be_any_value_and_equal)
{
    run_mixed(lend_equal_ones);
}

#define LINE 20

static int order[LINE];
static atomic_int came;

static int stand_in_line(void *number)
{
    int thing = get();
    ck_assert_int_gt(thing, 0);
    order[atomic_fetch_add(&came, 1)] = (int)(intptr_t)number;
    put(thing);
    return 0;
}

static int form_a_line(void *unused)
{
    weft_pool_attr attr = usual;
    weft_task *tasks[LINE];
    (void)unused;
    attr.max = 1;
    open_pool(&attr);
    atomic_store(&came, 0);
    int thing = get();
    for (intptr_t i = 0; i < LINE; i++) {
        SPAWN(stand_in_line, (void *)i, &tasks[i]);
        await_waiters((unsigned)i + 1);
    }
    put(thing);
    for (int i = 0; i < LINE; i++)
        JOIN(tasks[i], 0);
    for (int i = 0; i < LINE; i++)
        ck_assert_int_eq(order[i], i);
    weft_pool_info info = look();
    ck_assert_uint_eq(info.waits, LINE);
    ck_assert_int_ge(info.total_wait, info.longest_wait);
    ck_assert_int_gt(info.longest_wait, 0);
    ck_assert_uint_eq(info.made, 1);
    close_pool();
    return 0;
}

TEST(who_waits_longest_is_served_first)
{
    run_mixed(form_a_line);
}

static int close_under_them(void *unused)
{
    weft_pool_attr attr = usual;
    weft_task *tasks[2];
    (void)unused;
    attr.max = 2;
    open_pool(&attr);
    int one = get(), other = get();
    spawn_two_behind(tasks);
    ck_assert_int_eq(weft_pool_close(pool), 0);
    ck_assert_int_eq(weft_pool_close(pool), -EALREADY);
    JOIN(tasks[0], -EPIPE);
    JOIN(tasks[1], -EPIPE);
    ck_assert_int_eq(get(), -EPIPE);
    expect(2, 0);
    put(one);
    expect(1, 0);
    ck_assert_int_eq(atomic_load(&works.alive), 1);
    drop(other);
    ck_assert_int_eq(atomic_load(&works.alive), 0);
    close_pool();
    return 0;
}

TEST(a_closed_pool_lends_nothing_and_takes_all_back)
{
    run_mixed(close_under_them);
}

static void destroy_too_early(void *unused)
{
    (void)unused;
    open_pool(&usual);
    get();
    weft_pool_destroy(pool);
}

TEST(a_pool_is_not_destroyed_under_a_borrower)
{
    expect_death(destroy_too_early, NULL, SIGABRT, "1 resources are in use");
}

static atomic_bool used[THINGS];

static int borrow_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 50; i++) {
        int thing = get();
        ck_assert_int_gt(thing, 0);
        ck_assert(!atomic_exchange(&used[thing], true));
        weft_yield();
        atomic_store(&used[thing], false);
        put(thing);
    }
    return 0;
}

static int crowd_borrows(void *unused)
{
    struct crowd crowd;
    (void)unused;
    open_pool(&usual);
    crowd_start(&crowd, borrow_often, NULL);
    crowd_join(&crowd);
    ck_assert_int_le(atomic_load(&works.most), 3);
    expect(0, (unsigned)atomic_load(&works.alive));
    close_pool();
    return 0;
}

TEST(tasks_and_threads_share_a_pool)
{
    run_mixed(crowd_borrows);
}

/* Many tasks and few connections. What has been given to somebody who has not come to run yet
 * is a connection: so of those who asked before me no more than the others can be behind. */

#define CONNECTIONS 20
#define MANY 10000

static int many; /* fewer where each costs much */

static int next_number, first_missing, most_before;
static bool has_come[MANY];

static void note_arrival(int number)
{
    int before = 0;
    has_come[number] = true;
    for (int i = first_missing; i < number; i++)
        before += !has_come[i];
    if (before > most_before)
        most_before = before;
    while (first_missing < many && has_come[first_missing])
        first_missing++;
}

static int ask_in_turn(void *unused)
{
    (void)unused;
    int number = next_number++; /* and nobody else runs before it stands in line */
    int thing = get();
    ck_assert_int_gt(thing, 0);
    note_arrival(number);
    ck_assert_int_eq(weft_yield(), 0);
    put(thing);
    return 0;
}

static int ask(void *unused)
{
    (void)unused;
    int thing = get();
    ck_assert_int_gt(thing, 0);
    ck_assert(!atomic_exchange(&used[thing], true));
    ck_assert_int_eq(weft_yield(), 0);
    atomic_store(&used[thing], false);
    put(thing);
    return 0;
}

/* All ask while all are lent. */
static int many_ask(void *asks)
{
    weft_pool_attr attr = usual;
    weft_group group;
    int lent[CONNECTIONS];
    many = test_is_slowed() ? MANY / 20 : MANY;
    attr.max = CONNECTIONS;
    open_pool(&attr);
    for (int i = 0; i < CONNECTIONS; i++)
        lent[i] = get();
    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < many; i++)
        ck_assert_int_eq(weft_group_spawn(&group, *(int (**)(void *))asks, NULL), 0);
    await_waiters((unsigned)many);
    for (int i = 0; i < CONNECTIONS; i++)
        put(lent[i]);
    ck_assert_int_eq(weft_group_leave(&group), 0);
    weft_pool_info info = look();
    printf("# %u connections, %llu waits: %lld us on average, %lld us at most\n", info.max,
           (unsigned long long)info.waits,
           (long long)(info.total_wait / (int64_t)info.waits / 1000),
           (long long)info.longest_wait / 1000);
    ck_assert_uint_eq(info.waits, (unsigned)many);
    expect(0, CONNECTIONS);
    ck_assert_uint_eq(info.made, CONNECTIONS);
    close_pool();
    return 0;
}

TEST(nobody_is_overtaken, .timeout = 300)
{
    int (*asks)(void *) = ask_in_turn;
    ck_assert_int_eq(run_in_turn(many_ask, &asks), 0);
    printf("# of %d before it at most %d were still to come\n", many, most_before);
    ck_assert_int_eq(first_missing, many);
    ck_assert_int_lt(most_before, CONNECTIONS);
}

TEST(many_share_a_few, .timeout = 300)
{
    int (*asks)(void *) = ask;
    for (unsigned workers = 1; workers <= 8; workers *= 2)
        ck_assert_int_eq(run_tasks(workers, many_ask, &asks), 0);
}
