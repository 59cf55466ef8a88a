#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tasks.h"

#define TASKS 50

static atomic_int cancelled;

static int sleeps(void *unused)
{
    (void)unused;
    if (weft_sleep(WEFT_S(1000)) == -ECANCELED)
        cancelled++;
    return 0;
}

static int fail_in_main(void *unused)
{
    (void)unused;
    for (int i = 0; i < TASKS; i++)
        SPAWN(sleeps, NULL, NULL);
    weft_sleep(WEFT_MS(1));
    return -EIO;
}

TEST(when_the_first_task_fails_the_others_are_cancelled)
{
    ck_assert_int_eq(weft_run(NULL, fail_in_main, NULL), -EIO);
    ck_assert_int_eq(run_tasks(1, fail_in_main, NULL), -EIO); /* and another runtime begins anew */
}

static int add_late(void *unused)
{
    (void)unused;
    weft_sleep(WEFT_MS(5));
    cancelled++;
    return 0;
}

static int succeed_in_main(void *unused)
{
    (void)unused;
    SPAWN(add_late, NULL, NULL);
    return 0;
}

TEST(when_it_succeeds_the_others_are_waited_for)
{
    ck_assert_int_eq(weft_run(NULL, succeed_in_main, NULL), 0);
    ck_assert_int_eq(cancelled, 1);
}

static int owns_group(void *unused)
{
    weft_group group;
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < TASKS; i++)
        weft_group_spawn(&group, sleeps, NULL);
    return weft_group_leave(&group);
}

TEST(all_tasks_are_cancelled_by_a_plain_thread)
{
    weft_task *task;
    ck_assert_int_eq(weft_cancel_all(), -EPERM);
    ck_assert_int_eq(weft_start(NULL), 0);
    SPAWN(owns_group, NULL, &task);
    for (int i = 0; i < TASKS; i++)
        SPAWN(sleeps, NULL, NULL);
    ck_assert_int_eq(weft_cancel_all(), 0);
    ck_assert_int_eq(weft_cancel_all(), 0);
    JOIN(task, -ECANCELED);
    SPAWN(sleeps, NULL, &task); /* too late to run */
    JOIN(task, -ECANCELED);
    ck_assert_int_eq(weft_stop(), 0);
    ck_assert_int_eq(weft_cancel_all(), -EPERM);
}

static int refuses(void *let_go)
{
    weft_scope shield;
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER) {
        while (!*(_Atomic(bool) *)let_go)
            weft_sleep(WEFT_MS(1));
    }
    return 0;
}

/* Reads what is said, until the task has been named twice. */
static void *listen_for_name(void *fd)
{
    static char text[4096];
    size_t length = 0;
    int found = 0;
    while (found < 2) {
        ssize_t n = read((int)(intptr_t)fd, text + length, sizeof text - 1 - length);
        ck_assert_int_gt(n, 0);
        length += (size_t)n;
        text[length] = 0;
        found = 0;
        for (char *at = text; (at = strstr(at, "'stubborn'")); at++)
            found++;
    }
    ck_assert_ptr_nonnull(strstr(text, "waits: sleep"));
    ck_assert_ptr_nonnull(strstr(text, "test_root.c:"));
    return NULL;
}

TEST(who_refuses_to_end_is_named)
{
    weft_config config = { .grace = WEFT_MS(20) };
    weft_attr attr = { .name = "stubborn" };
    _Atomic(bool) let_go = false;
    int fds[2], before = dup(STDERR_FILENO);
    ck_assert_int_eq(pipe(fds), 0);
    dup2(fds[1], STDERR_FILENO);
    ck_assert_int_eq(weft_start(&config), 0);
    ck_assert_int_eq(weft_spawn_with(&attr, refuses, (void *)&let_go, NULL), 0);
    weft_sleep(WEFT_MS(5));
    ck_assert_int_eq(weft_cancel_all(), 0);
    listen_for_name((void *)(intptr_t)fds[0]);
    let_go = true;
    ck_assert_int_eq(weft_stop(), 0);
    dup2(before, STDERR_FILENO);
}

static _Atomic(bool) stop;

static int spawns(void *unused)
{
    (void)unused;
    while (weft_yield() == 0)
        SPAWN(sleeps, NULL, NULL);
    return 0;
}

static void *spawns_outside(void *unused)
{
    while (!stop)
        SPAWN(sleeps, NULL, NULL);
    return unused;
}

/* Nobody is missed: the end comes. */
TEST(tasks_that_are_being_spawned_are_cancelled_too)
{
    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        weft_config config = { .workers = 2 };
        ck_assert_int_eq(weft_start(&config), 0);
        stop = false;
        SPAWN(spawns, NULL, NULL);
        pthread_create(&thread, NULL, spawns_outside, NULL);
        block_for(WEFT_US(500));
        ck_assert_int_eq(weft_cancel_all(), 0);
        stop = true;
        pthread_join(thread, NULL);
        ck_assert_int_eq(weft_stop(), 0);
    }
}
