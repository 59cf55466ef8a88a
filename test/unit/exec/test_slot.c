#include "suite.h"

#include "sync.h"
#include "works.h"

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
