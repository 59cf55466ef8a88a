#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sync.h"

static atomic_int ended;
static int written;

static int end_one(void *group)
{
    weft_yield();
    atomic_fetch_add(&ended, 1);
    written = 1;
    ck_assert_int_eq(weft_wait_group_done(group), 0);
    return 0;
}

static int wait_for_all(void *group)
{
    ck_assert_int_eq(weft_wait_group_wait(group), 0);
    ck_assert_int_eq(atomic_load(&ended), CROWD);
    return 0;
}

static int count_down(void *unused)
{
    weft_wait_group group = WEFT_WAIT_GROUP_INIT;
    struct crowd workers, waiters;
    weft_scope scope;
    (void)unused;
    ck_assert_int_eq(weft_wait_group_wait(&group), 0);
    ck_assert_int_eq(weft_wait_group_done(&group), -EPERM);
    for (int round = 0; round < 3; round++) {
        atomic_store(&ended, 0);
        weft_wait_group_add(&group, CROWD);
        weft_scope_enter(&scope, weft_now() + WEFT_MS(1));
        ck_assert_int_eq(weft_wait_group_wait(&group), -ETIMEDOUT);
        weft_scope_leave(&scope);
        crowd_start(&waiters, wait_for_all, &group);
        crowd_start(&workers, end_one, &group);
        ck_assert_int_eq(weft_wait_group_wait(&group), 0);
        ck_assert_int_eq(atomic_load(&ended), CROWD);
        crowd_join(&workers);
        crowd_join(&waiters);
    }
    return 0;
}

TEST(who_waits_goes_on_when_all_have_ended)
{
    run_mixed(count_down);
}

/* The waiter's memory goes as soon as its wait has returned. */
static int brief_groups(void *unused)
{
    (void)unused;
    for (int i = 0; i < 300; i++) {
        weft_task *task;
        weft_wait_group *brief = malloc(sizeof *brief);
        weft_wait_group_init(brief);
        weft_wait_group_add(brief, 1);
        SPAWN(end_one, brief, &task);
        if (i % 2)
            weft_yield();
        ck_assert_int_eq(weft_wait_group_wait(brief), 0);
        memset(brief, 0xff, sizeof *brief);
        free(brief);
        JOIN(task, 0);
    }
    return 0;
}

TEST(a_wait_group_may_go_when_its_wait_is_over)
{
    run_mixed(brief_groups);
}

/* Who is woken for nothing when the count is 0 has waited for that. */

static weft_wait_group several;
static int wait_for_that(void)
{
    return weft_wait_group_wait(&several);
}

static int down_and_up(void *unused)
{
    struct shielded shielded = { .wait = wait_for_that };
    weft_task *task;
    (void)unused;
    weft_wait_group_init(&several);
    weft_wait_group_add(&several, 1);
    SPAWN(wait_in_a_shield, &shielded, &task);
    weft_sleep(WEFT_MS(1));
    weft_scope_cancel(
        &shielded.around); /* it runs only after this task, being on the same worker */
    weft_wait_group_done(&several);
    weft_wait_group_add(&several, 1);
    JOIN(task, 0);
    return 0;
}

TEST(a_wake_for_nothing_hides_no_end)
{
    ck_assert_int_eq(run_tasks(1, down_and_up, NULL), 0);
}
