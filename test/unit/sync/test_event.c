#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sync.h"

static weft_event event = WEFT_EVENT_INIT;
static atomic_int came, passed;
static int payload;

static int wait_for_it(void *unused)
{
    (void)unused;
    atomic_fetch_add(&came, 1);
    ck_assert_int_eq(weft_event_wait(&event), 0);
    ck_assert_int_eq(payload, 7);
    atomic_fetch_add(&passed, 1);
    return 0;
}

static int all_go_on(void *unused)
{
    struct crowd crowd;
    (void)unused;
    payload = 0;
    atomic_store(&came, 0);
    atomic_store(&passed, 0);
    weft_event_clear(&event);
    ck_assert(!weft_event_is_set(&event));
    crowd_start(&crowd, wait_for_it, NULL);
    while (atomic_load(&came) < CROWD)
        weft_yield();
    ck_assert_int_eq(atomic_load(&passed), 0);
    payload = 7;
    weft_event_set(&event);
    weft_event_set(&event);
    ck_assert(weft_event_is_set(&event));
    ck_assert_int_eq(weft_event_wait(&event), 0);
    crowd_join(&crowd);
    return 0;
}

TEST(setting_lets_all_go_on)
{
    run_mixed(all_go_on);
}

/* Whoever asks later need not know that others had to wait. */
TEST(EVENT_3_a_wait_leaves_no_trace)
{
    weft_event fresh = WEFT_EVENT_INIT;
    run_mixed(all_go_on);
    weft_event_set(&fresh);
    ck_assert_mem_eq(&event, &fresh, sizeof(uint32_t)); /* the state */
}

static int not_any_more(void *unused)
{
    weft_scope scope;
    (void)unused;
    weft_event_set(&event);
    weft_event_clear(&event);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(2));
    ck_assert_int_eq(weft_event_wait(&event), -ETIMEDOUT);
    ck_assert(weft_scope_leave(&scope));
    return 0;
}

TEST(a_cleared_event_is_waited_for)
{
    run_mixed(not_any_more);
}

/* The waiter's memory goes as soon as its wait has returned. */

static int set_it(void *brief)
{
    weft_event_set(brief);
    return 0;
}

static int brief_events(void *unused)
{
    (void)unused;
    for (int i = 0; i < 500; i++) {
        weft_task *task;
        weft_event *brief = malloc(sizeof *brief);
        weft_event_init(brief);
        SPAWN(set_it, brief, &task);
        if (i % 2)
            weft_yield();
        ck_assert_int_eq(weft_event_wait(brief), 0);
        memset(brief, 0xff, sizeof *brief);
        free(brief);
        JOIN(task, 0);
    }
    return 0;
}

TEST(an_event_may_go_when_its_wait_is_over)
{
    run_mixed(brief_events);
}

/* Who is woken for nothing when it is set has waited for it. */

static int wait_for_that(void)
{
    return weft_event_wait(&event);
}

static int set_and_clear(void *unused)
{
    struct shielded shielded = { .wait = wait_for_that };
    weft_task *task;
    (void)unused;
    weft_event_clear(&event);
    SPAWN(wait_in_a_shield, &shielded, &task);
    weft_sleep(WEFT_MS(1));
    weft_scope_cancel(
        &shielded.around); /* it runs only after this task, being on the same worker */
    weft_event_set(&event);
    weft_event_clear(&event);
    JOIN(task, 0);
    return 0;
}

TEST(a_wake_for_nothing_hides_no_event)
{
    ck_assert_int_eq(run_tasks(1, set_and_clear, NULL), 0);
}
