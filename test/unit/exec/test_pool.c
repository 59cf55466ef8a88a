#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "sync.h"

#define THINGS 64

/* What the pools here make: the number of a thing, from 1 on. */
static struct {
    atomic_int made, alive, most, checked;
    atomic_bool there[THINGS];
    atomic_int failures;                     /* how many will fail */
    atomic_bool broken;                      /* what is checked */
    int (*on_make)(void), (*on_check)(void); /* and what they return; NULL: nothing */
} works;

static weft_pool *pool;

static void note_most(int now)
{
    int before = atomic_load(&works.most);
    while (now > before && !atomic_compare_exchange_weak(&works.most, &before, now))
        ;
}

static int make(void *arg, void **ret_thing)
{
    ck_assert_ptr_eq(arg, &works);
    int rc = works.on_make ? works.on_make() : 0;
    if (rc == 0 && atomic_load(&works.failures) > 0) {
        atomic_fetch_sub(&works.failures, 1);
        rc = -EIO;
    }
    if (rc)
        return rc;
    note_most(atomic_fetch_add(&works.alive, 1) + 1);
    int number = atomic_fetch_add(&works.made, 1) + 1;
    ck_assert_int_lt(number, THINGS);
    atomic_store(&works.there[number], true);
    *ret_thing = (void *)(intptr_t)number;
    return 0;
}

static void destroy(void *arg, void *thing)
{
    ck_assert_ptr_eq(arg, &works);
    ck_assert_int_eq(weft_yield(), 0); /* in a shield */
    ck_assert(atomic_exchange(&works.there[(intptr_t)thing], false));
    atomic_fetch_sub(&works.alive, 1);
}

static int check(void *arg, void *thing)
{
    ck_assert_ptr_eq(arg, &works);
    ck_assert(atomic_load(&works.there[(intptr_t)thing]));
    atomic_fetch_add(&works.checked, 1);
    if (works.on_check)
        return works.on_check();
    return atomic_load(&works.broken) ? -EIO : 0;
}

static const weft_pool_attr usual = { .max = 3, .make = make, .destroy = destroy, .arg = &works };

static void open_pool(const weft_pool_attr *attr)
{
    memset(&works, 0, sizeof works);
    ck_assert_int_eq(weft_pool_create(attr, &pool), 0);
}

/* Everything that was made is destroyed. */
static void close_pool(void)
{
    weft_pool_destroy(pool);
    ck_assert_int_eq(atomic_load(&works.alive), 0);
}

static int get(void)
{
    void *thing = NULL;
    int rc = weft_pool_get(pool, &thing);
    ck_assert(rc != 0 || atomic_load(&works.there[(intptr_t)thing]));
    ck_assert(rc == 0 || !thing);
    return rc ? rc : (int)(intptr_t)thing;
}

static void put(int number)
{
    ck_assert_int_eq(weft_pool_put(pool, (void *)(intptr_t)number), 0);
}

static void drop(int number)
{
    ck_assert_int_eq(weft_pool_drop(pool, (void *)(intptr_t)number), 0);
}

static weft_pool_info look(void)
{
    weft_pool_info info;
    weft_pool_look(pool, &info);
    ck_assert_uint_le(info.in_use + info.idle, info.max);
    return info;
}

static void expect(unsigned in_use, unsigned idle)
{
    weft_pool_info info = look();
    ck_assert_uint_eq(info.in_use, in_use);
    ck_assert_uint_eq(info.idle, idle);
    ck_assert_uint_eq(info.waiters, 0);
}

static void await_waiters(unsigned waiters)
{
    while (look().waiters < waiters)
        ck_assert_int_eq(weft_yield(), 0);
}

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

static int get_and_keep(void *unused)
{
    (void)unused;
    return get();
}

/* One has it, two wait. */
static void spawn_two_behind(weft_task **tasks)
{
    for (unsigned i = 0; i < 2; i++) {
        SPAWN(get_and_keep, NULL, &tasks[i]);
        await_waiters(i + 1);
    }
}

static int fail_to_make(void *unused)
{
    weft_pool_attr attr = usual;
    weft_task *tasks[2];
    (void)unused;
    attr.max = 1;
    open_pool(&attr);
    atomic_store(&works.failures, 1);
    ck_assert_int_eq(get(), -EIO);
    expect(0, 0);
    int thing = get();
    spawn_two_behind(tasks);
    atomic_store(&works.failures, 1);
    drop(thing);
    JOIN(tasks[0], -EIO);
    JOIN(tasks[1], 2);
    ck_assert_uint_eq(look().failed_makes, 2);
    put(2);
    close_pool();
    return 0;
}

TEST(an_error_is_for_the_one_who_makes_and_the_next_tries)
{
    run_mixed(fail_to_make);
}

static int check_before_lending(void *unused)
{
    weft_pool_attr attr = usual;
    (void)unused;
    attr.check = check;
    open_pool(&attr);
    put(get());
    ck_assert_int_eq(atomic_load(&works.checked), 0); /* it was new */
    put(get());
    ck_assert_int_eq(atomic_load(&works.checked), 1);
    atomic_store(&works.broken, true);
    ck_assert_int_eq(get(), 2);
    put(2);
    ck_assert_uint_eq(look().failed_checks, 1);
    ck_assert_uint_eq(look().destroyed, 1);
    close_pool();
    attr.check_after = WEFT_S(1000);
    open_pool(&attr);
    atomic_store(&works.broken, true);
    for (int i = 0; i < 3; i++)
        put(get());
    ck_assert_int_eq(atomic_load(&works.checked), 0);
    close_pool();
    return 0;
}

TEST(what_fails_its_check_is_replaced)
{
    run_mixed(check_before_lending);
}

/* Times pass at once on a virtual clock. */

static int run_virtual(int (*fn)(void *unused))
{
    weft_config config = { .flags = WEFT_VIRTUAL_CLOCK };
    return weft_run(&config, fn, NULL);
}

static int grow_old(void *unused)
{
    weft_pool_attr attr = usual;
    (void)unused;
    attr.idle_lifetime = WEFT_S(10);
    attr.max_lifetime = WEFT_S(60);
    open_pool(&attr);
    for (int i = 0; i < 7; i++) {
        put(get());
        weft_sleep(WEFT_S(9));
    }
    ck_assert_uint_eq(look().made, 1);
    put(get()); /* after 63 seconds */
    ck_assert_uint_eq(look().made, 2);
    weft_sleep(WEFT_S(10));
    put(get());
    ck_assert_uint_eq(look().made, 3);
    ck_assert_uint_eq(look().destroyed, 2);
    close_pool();
    return 0;
}

TEST(what_has_outlived_its_time_is_not_lent)
{
    ck_assert_int_eq(run_virtual(grow_old), 0);
}

static int find_old_ones(void *unused)
{
    weft_pool_attr attr = usual;
    (void)unused;
    attr.idle_lifetime = WEFT_S(10);
    open_pool(&attr);
    int a = get(), b = get(), c = get();
    put(a), put(b);
    weft_sleep(WEFT_S(9));
    put(c);
    weft_sleep(WEFT_S(1));
    ck_assert_int_eq(get(), c); /* and gets rid of the oldest */
    expect(1, 1);
    ck_assert_int_eq(weft_pool_trim(pool), 0);
    expect(1, 0);
    put(c);
    close_pool();
    return 0;
}

TEST(old_ones_go_when_others_are_asked_for_or_at_a_trim)
{
    ck_assert_int_eq(run_virtual(find_old_ones), 0);
}

static int trim(void *unused)
{
    weft_pool_attr attr = usual;
    (void)unused;
    attr.min = 2;
    attr.max_lifetime = WEFT_S(10);
    open_pool(&attr);
    ck_assert_int_eq(weft_pool_trim(pool), 0);
    expect(0, 2);
    int one = get();
    weft_sleep(WEFT_S(11));
    atomic_store(&works.failures, 1);
    ck_assert_int_eq(weft_pool_trim(pool), -EIO);
    expect(1, 0);
    ck_assert_int_eq(weft_pool_trim(pool), 0);
    expect(1, 1); /* what is lent counts */
    put(one);
    ck_assert_int_eq(weft_pool_trim(pool), 0);
    expect(0, 2);
    ck_assert_uint_eq(look().made, 4);
    weft_pool_close(pool);
    ck_assert_int_eq(weft_pool_trim(pool), 0);
    expect(0, 0);
    close_pool();
    return 0;
}

TEST(a_trim_makes_what_is_missing)
{
    ck_assert_int_eq(run_virtual(trim), 0);
}

static int sleep_long(void)
{
    return weft_sleep(WEFT_S(1000));
}

static int sleep_in_a_shield(void)
{
    weft_scope shield;
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    int rc = weft_sleep(WEFT_S(2));
    weft_scope_leave(&shield);
    return rc;
}

static int get_for_a_second(void)
{
    weft_scope scope;
    weft_scope_enter(&scope, weft_after(WEFT_S(1)));
    int rc = get();
    weft_scope_leave(&scope);
    return rc;
}

static int give_up(void *unused)
{
    weft_pool_attr attr = usual;
    (void)unused;
    attr.max = 1;
    attr.check = check;
    open_pool(&attr);
    works.on_make = sleep_long; /* the maker is cut short */
    ck_assert_int_eq(get_for_a_second(), -ETIMEDOUT);
    expect(0, 0);
    works.on_make = sleep_in_a_shield; /* it is not, and what it makes is for the next */
    ck_assert_int_eq(get_for_a_second(), -ETIMEDOUT);
    expect(0, 1);
    works.on_check = sleep_in_a_shield;
    ck_assert_int_eq(get_for_a_second(), -ETIMEDOUT);
    expect(0, 1);
    works.on_check = sleep_long; /* half of a check: nobody knows how it is */
    ck_assert_int_eq(get_for_a_second(), -ETIMEDOUT);
    expect(0, 0);
    ck_assert_int_eq(atomic_load(&works.alive), 0);
    works.on_check = NULL;
    int one = get();
    ck_assert_int_eq(get_for_a_second(), -ETIMEDOUT); /* while it waits */
    expect(1, 0);
    put(one);
    expect(0, 1);
    close_pool();
    return 0;
}

TEST(who_gives_up_has_taken_nothing)
{
    ck_assert_int_eq(run_virtual(give_up), 0);
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

static int close_meanwhile(void)
{
    ck_assert_int_eq(weft_pool_close(pool), 0);
    return 0;
}

static int close_while_it_makes(void *unused)
{
    (void)unused;
    open_pool(&usual);
    works.on_make = close_meanwhile;
    ck_assert_int_eq(get(), -EPIPE);
    expect(0, 0);
    ck_assert_int_eq(atomic_load(&works.made), 1);
    ck_assert_int_eq(atomic_load(&works.alive), 0);
    close_pool();
    return 0;
}

TEST(what_is_made_for_a_closed_pool_is_destroyed)
{
    run_mixed(close_while_it_makes);
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
    while (first_missing < MANY && has_come[first_missing])
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
    attr.max = CONNECTIONS;
    open_pool(&attr);
    for (int i = 0; i < CONNECTIONS; i++)
        lent[i] = get();
    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(weft_group_spawn(&group, *(int (**)(void *))asks, NULL), 0);
    await_waiters(MANY);
    for (int i = 0; i < CONNECTIONS; i++)
        put(lent[i]);
    ck_assert_int_eq(weft_group_leave(&group), 0);
    weft_pool_info info = look();
    printf("# %u connections, %llu waits: %lld us on average, %lld us at most\n", info.max,
           (unsigned long long)info.waits,
           (long long)(info.total_wait / (int64_t)info.waits / 1000),
           (long long)info.longest_wait / 1000);
    ck_assert_uint_eq(info.waits, MANY);
    expect(0, CONNECTIONS);
    ck_assert_uint_eq(info.made, CONNECTIONS);
    close_pool();
    return 0;
}

TEST(nobody_is_overtaken, .timeout = 300)
{
    int (*asks)(void *) = ask_in_turn;
    ck_assert_int_eq(run_in_turn(many_ask, &asks), 0);
    printf("# of %d before it at most %d were still to come\n", MANY, most_before);
    ck_assert_int_eq(first_missing, MANY);
    ck_assert_int_lt(most_before, CONNECTIONS);
}

TEST(many_share_a_few, .timeout = 300)
{
    int (*asks)(void *) = ask;
    for (unsigned workers = 1; workers <= 8; workers *= 2)
        ck_assert_int_eq(run_tasks(workers, many_ask, &asks), 0);
}
