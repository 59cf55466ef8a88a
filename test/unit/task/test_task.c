#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tasks.h"

static void expect_name(const weft_task *task, const char *expected)
{
    char name[WEFT_NAME_MAX + 1];
    ck_assert_int_eq(weft_get_name(task, name, sizeof name), (int)strlen(expected));
    ck_assert_str_eq(name, expected);
}

/* Names */

static int without_a_name(void *unused)
{
    (void)unused;
    expect_name(NULL, "without_a_name");
    weft_set_name("renamed");
    expect_name(NULL, "renamed");
    expect_name(weft_self(), "renamed");
    weft_set_name("a name that is too long");
    expect_name(NULL, "a name that is ");
    weft_set_name("");
    expect_name(NULL, "without_a_name");
    return 0;
}

static int with_a_name(void *expected)
{
    expect_name(NULL, expected);
    return 0;
}

static int spawn_named(void *unused)
{
    weft_task *task;
    weft_attr attr = { .name = "given" }, cut = { .name = "exceedingly long name" };
    char name[8];
    (void)unused;
    SPAWN(without_a_name, NULL, &task);
    JOIN(task, 0);
    ck_assert_int_eq(weft_spawn_with(&attr, with_a_name, "given", &task), 0);
    ck_assert_int_eq(weft_get_name(task, name, sizeof name), 5);
    ck_assert_str_eq(name, "given");
    ck_assert_int_eq(weft_get_name(task, name, 3), 2);
    ck_assert_str_eq(name, "gi");
    ck_assert_int_eq(weft_get_name(task, name, 0), -EINVAL);
    JOIN(task, 0);
    ck_assert_int_eq(weft_spawn_with(&cut, with_a_name, "exceedingly lon", &task), 0);
    JOIN(task, 0);
    return 0;
}

TEST(tasks_have_names)
{
    ck_assert_int_eq(weft_run(NULL, spawn_named, NULL), 0);
}

TEST(a_plain_thread_is_no_task)
{
    char name[8];
    ck_assert_ptr_null(weft_self());
    ck_assert_uint_eq(weft_task_id(NULL), 0);
    ck_assert_int_eq(weft_get_name(NULL, name, sizeof name), -EINVAL);
    weft_set_name("nobody");
    weft_pin();
    weft_unpin();
    weft_unpin();
    ck_assert_int_eq(weft_yield(), 0);
}

static int know_thyself(void *handle)
{
    weft_task *self = weft_self();
    ck_assert_ptr_nonnull(self);
    ck_assert_uint_eq(weft_task_id(NULL), weft_task_id(self));
    weft_sleep(WEFT_MS(5));
    ck_assert_ptr_eq(weft_self(), self);
    ck_assert_ptr_eq(*(weft_task **)handle, self);
    return 0;
}

static int compare_handles(void *unused)
{
    static weft_task *task;
    SPAWN(know_thyself, &task, &task);
    ck_assert_uint_ne(weft_task_id(task), weft_task_id(NULL));
    JOIN(task, 0);
    (void)unused;
    return 0;
}

TEST(a_task_knows_itself)
{
    ck_assert_int_eq(weft_run(NULL, compare_handles, NULL), 0);
}

/* Pinning */

static pid_t thread_id(void)
{
    return (pid_t)syscall(SYS_gettid);
}

static void stay(void)
{
    pid_t own = thread_id();
    for (int i = 0; i < 200; i++) {
        if (i % 20 == 0)
            weft_sleep(WEFT_US(200));
        else
            weft_yield();
        if (thread_id() != own)
            ck_abort_msg("a pinned task has moved");
    }
}

static int pinned(void *unused)
{
    (void)unused;
    stay();
    return 0;
}

static int pin_for_a_while(void *unused)
{
    (void)unused;
    weft_pin();
    weft_pin();
    stay();
    weft_unpin();
    stay();
    weft_unpin();
    return 0;
}

static atomic_bool disturbing;

/* Reasons to move: imbalance. */
static int disturb(void *unused)
{
    (void)unused;
    while (atomic_load(&disturbing)) {
        spin_for(WEFT_US(300));
        weft_sleep(WEFT_US(100));
    }
    return 0;
}

static int spawn_pinned(void *unused)
{
    weft_task *tasks[40], *noise[4];
    weft_attr attr = { .flags = WEFT_PINNED };
    (void)unused;
    atomic_store(&disturbing, true);
    for (int i = 0; i < 4; i++)
        SPAWN(disturb, NULL, &noise[i]);
    for (int i = 0; i < 40; i++) {
        if (i % 2)
            ck_assert_int_eq(weft_spawn_with(&attr, pinned, NULL, &tasks[i]), 0);
        else
            SPAWN(pin_for_a_while, NULL, &tasks[i]);
    }
    for (int i = 0; i < 40; i++)
        JOIN(tasks[i], 0);
    atomic_store(&disturbing, false);
    for (int i = 0; i < 4; i++)
        JOIN(noise[i], 0);
    return 0;
}

TEST(a_pinned_task_stays_on_its_thread)
{
    ck_assert_int_eq(run_tasks(4, spawn_pinned, NULL), 0);
    weft_config config = { .workers = 3 };
    ck_assert_int_eq(weft_start(&config), 0);
    spawn_pinned(NULL); /* from a plain thread */
    ck_assert_int_eq(weft_stop(), 0);
}

static atomic_int moves;

static int move(void *unused)
{
    pid_t own = thread_id();
    (void)unused;
    for (int i = 0; i < 50; i++) {
        weft_sleep(WEFT_US(300));
        spin_for(WEFT_US(200));
        if (thread_id() != own)
            atomic_fetch_add(&moves, 1);
        own = thread_id();
    }
    return 0;
}

static int spawn_moving(void *unused)
{
    (void)unused;
    for (int i = 0; i < 20; i++)
        SPAWN(move, NULL, NULL);
    return 0;
}

/* On a busy machine one worker may get all the CPU there is for a while. */
TEST(other_tasks_do_move)
{
    for (int tries = 0; tries < 100 && atomic_load(&moves) == 0; tries++)
        ck_assert_int_eq(run_tasks(4, spawn_moving, NULL), 0);
    ck_assert_int_gt(atomic_load(&moves), 0);
}

static int unpin_once_too_often(void *unused)
{
    (void)unused;
    weft_set_name("unpinner");
    weft_pin();
    weft_unpin();
    weft_unpin();
    return 0;
}

static void run_task(void *fn)
{
    weft_run(NULL, *(int (**)(void *))fn, NULL);
}

TEST(unpinning_what_is_not_pinned_is_the_end)
{
    int (*fn)(void *) = unpin_once_too_often;
    expect_death(run_task, &fn, SIGABRT, "weft_unpin: not pinned");
    expect_death(run_task, &fn, SIGABRT, "'unpinner'");
}

/* Sleeping */

static int sleep_accurately(void *unused)
{
    const int64_t durations[] = { 1, WEFT_US(10), WEFT_US(200), WEFT_MS(1), WEFT_MS(7) };
    (void)unused;
    for (int i = 0; i < 5; i++) {
        int64_t best = INT64_MAX;
        for (int n = 0; n < 10; n++) {
            int64_t start = weft_now();
            ck_assert_int_eq(weft_sleep(durations[i]), 0);
            int64_t late = weft_now() - start - durations[i];
            if (late < 0)
                ck_abort_msg("%lld ns too early", -(long long)late);
            best = late < best ? late : best;
        }
        if (!test_is_slowed())
            ck_assert_int_lt(best, WEFT_MS(1));
    }
    int64_t when = weft_now() + WEFT_MS(3);
    ck_assert_int_eq(weft_sleep_until(when), 0);
    ck_assert_int_ge(weft_now(), when);
    ck_assert_int_eq(weft_sleep_until(when), 0);
    ck_assert_int_eq(weft_sleep(0), 0);
    ck_assert_int_eq(weft_sleep(-5), 0);
    return 0;
}

TEST(a_sleep_is_never_too_short)
{
    ck_assert_int_eq(weft_run(NULL, sleep_accurately, NULL), 0);
}

TEST(plain_threads_sleep_with_and_without_a_runtime)
{
    sleep_accurately(NULL);
    ck_assert_int_eq(weft_start(NULL), 0);
    sleep_accurately(NULL);
    ck_assert_int_eq(weft_stop(), 0);
}

static int sleep_for_ever(void *unused)
{
    weft_scope scope;
    (void)unused;
    weft_scope_enter(&scope, weft_now() + WEFT_MS(10));
    ck_assert_int_eq(weft_sleep(WEFT_NEVER), -ETIMEDOUT);
    ck_assert_int_eq(weft_sleep_until(WEFT_NEVER), -ETIMEDOUT);
    ck_assert(weft_scope_leave(&scope));
    return 0;
}

TEST(a_sleep_without_end_ends_at_the_deadline)
{
    ck_assert_int_eq(weft_run(NULL, sleep_for_ever, NULL), 0);
    sleep_for_ever(NULL);
}
