/* Cancelling against all that tasks wait for: a tree of groups is cancelled from a plain
 * thread at any moment of its life, and ends, all of it. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tasks.h"

#define LEVELS 10
#define TASKS 100 /* in each level's group, the next level's owner among them */

static int silent[2]; /* nothing ever comes */
static atomic_int alive, failures;

static int end(int rc)
{
    atomic_fetch_sub(&alive, 1);
    if (rc != -ECANCELED)
        atomic_fetch_add(&failures, 1);
    return rc;
}

static int sleeps(void *unused)
{
    (void)unused;
    atomic_fetch_add(&alive, 1);
    return end(weft_sleep(WEFT_S(1000)));
}

static int reads(void *unused)
{
    char byte;
    (void)unused;
    atomic_fetch_add(&alive, 1);
    return end((int)weft_read(silent[0], &byte, 1));
}

static int yields(void *unused)
{
    int rc;
    (void)unused;
    atomic_fetch_add(&alive, 1);
    while ((rc = weft_yield()) == 0)
        ;
    return end(rc);
}

static int naps(void *unused)
{
    int rc;
    (void)unused;
    atomic_fetch_add(&alive, 1);
    while ((rc = weft_sleep(WEFT_US(50))) == 0)
        ;
    return end(rc);
}

/* A group at its limit. */
static int spawns(void *unused)
{
    weft_group group;
    int rc;
    (void)unused;
    atomic_fetch_add(&alive, 1);
    weft_group_enter(&group, WEFT_NEVER);
    weft_group_set_limit(&group, 1);
    while ((rc = weft_group_spawn(&group, sleeps, NULL)) == 0)
        ;
    weft_group_leave(&group);
    return end(rc);
}

static int joins(void *unused)
{
    weft_task *task;
    (void)unused;
    atomic_fetch_add(&alive, 1);
    SPAWN(sleeps, NULL, &task);
    int rc = weft_join(task, NULL);
    weft_cancel(task);
    weft_scope shield;
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER)
        ck_assert_int_eq(weft_join(task, NULL), 0);
    return end(rc);
}

/* A deadline that keeps moving. */
static int moves(void *unused)
{
    weft_scope scope;
    int rc;
    (void)unused;
    atomic_fetch_add(&alive, 1);
    weft_scope_enter(&scope, weft_after(WEFT_US(20)));
    while ((rc = weft_sleep(WEFT_US(100))) != -ECANCELED)
        weft_scope_set_deadline(&scope, weft_after(WEFT_US(20)));
    weft_scope_leave(&scope);
    return end(rc);
}

static int level(void *left)
{
    static int (*const leaves[])(void *) = { sleeps, sleeps, reads, naps,
                                             spawns, joins,  moves, yields };
    weft_group group;
    int rc = 0;
    weft_group_enter(&group, WEFT_NEVER);
    if (left)
        rc = weft_group_spawn(&group, level, (void *)((intptr_t)left - 1));
    for (int i = left != NULL; rc == 0 && i < TASKS; i++) {
        int which = i % 16 < 8 ? i % 8 : i % 3; /* few that never sleep */
        rc = weft_group_spawn(&group, leaves[which], NULL);
    }
    int left_with = weft_group_leave(&group);
    if (left_with != -ECANCELED || (rc && rc != -ECANCELED))
        atomic_fetch_add(&failures, 1);
    return left_with;
}

static void *strike(void *scope)
{
    block_for((int64_t)(test_random() % 4) * WEFT_MS(1) + (int64_t)(test_random() % 1000000));
    weft_scope_cancel(scope);
    return NULL;
}

/* The owner is a plain thread, and another one cancels. */
static void one_tree(void)
{
    weft_scope scope;
    weft_group group;
    pthread_t thread;
    weft_scope_enter(&scope, WEFT_NEVER);
    weft_group_enter(&group, WEFT_NEVER);
    ck_assert_int_eq(pthread_create(&thread, NULL, strike, &scope), 0);
    int rc = weft_group_spawn(&group, level, (void *)(intptr_t)(LEVELS - 1));
    if (rc != 0 && rc != -ECANCELED)
        ck_abort_msg("spawn: %d", rc);
    rc = weft_group_wait(&group);
    while (rc == 0) /* it had not begun */
        rc = weft_checkpoint();
    ck_assert_int_eq(weft_group_failures(&group, NULL, 0), 0);
    ck_assert_int_eq(weft_group_leave(&group), -ECANCELED);
    weft_scope_leave(&scope);
    pthread_join(thread, NULL);
    if (atomic_load(&alive) != 0 || atomic_load(&failures) != 0)
        ck_abort_msg("%d alive, %d failures", alive, failures);
}

static void trees(unsigned workers, int count)
{
    weft_config config = { .workers = workers };
    weft_memory_stats memory;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, silent), 0);
    ck_assert_int_eq(weft_start(&config), 0);
    for (int i = 0; i < count; i++)
        one_tree();
    do /* the last ones are on their way out */
        ck_assert_int_eq(weft_memory(&memory), 0);
    while (memory.tasks);
    weft_close(silent[0]);
    weft_close(silent[1]);
    ck_assert_int_eq(weft_stop(), 0);
}

TEST(a_tree_of_groups_is_cancelled_on_one_worker, .timeout = 3600)
{
    trees(1, (int)test_work(40));
}

TEST(a_tree_of_groups_is_cancelled_on_two_workers, .timeout = 3600)
{
    trees(2, (int)test_work(40));
}

TEST(a_tree_of_groups_is_cancelled_on_eight_workers, .timeout = 3600)
{
    trees(8, (int)test_work(40));
}
