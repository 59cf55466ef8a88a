#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tasks.h"

static atomic_int finished;
static atomic_bool word;

static int nap_ms(void *ms)
{
    weft_sleep(WEFT_MS((intptr_t)ms));
    atomic_fetch_add(&finished, 1);
    return 5;
}

static int join_early_and_late(void *unused)
{
    weft_task *early, *late;
    SPAWN(nap_ms, (void *)30, &early);
    SPAWN(nap_ms, (void *)0, &late);
    JOIN(early, 5); /* has to wait */
    JOIN(late, 5);  /* ended long ago */
    SPAWN(nap_ms, (void *)0, &late);
    ck_assert_int_eq(weft_join(late, NULL), 0); /* nobody wants the result */
    (void)unused;
    return 0;
}

TEST(joining_waits_only_for_what_has_not_ended)
{
    ck_assert_int_eq(weft_run(NULL, join_early_and_late, NULL), 0);
}

static int join_self(void *unused)
{
    (void)unused;
    return weft_join(weft_self(), NULL);
}

TEST(a_task_cannot_join_itself)
{
    ck_assert_int_eq(weft_run(NULL, join_self, NULL), -EDEADLK);
}

static int wait_for_word(void *unused)
{
    (void)unused;
    while (!atomic_load(&word))
        weft_sleep(WEFT_MS(1));
    return 5;
}

static int join_with_deadlines(void *unused)
{
    weft_task *task;
    weft_scope scope;
    atomic_store(&word, false);
    SPAWN(wait_for_word, NULL, &task);
    for (int i = 0; i < 3; i++) {
        int64_t deadline = weft_now() + WEFT_MS(5);
        int result = -1;
        weft_scope_enter(&scope, deadline);
        ck_assert_int_eq(weft_join(task, &result), -ETIMEDOUT);
        ck_assert_int_ge(weft_now(), deadline);
        ck_assert_int_eq(result, -1);
        ck_assert(weft_scope_leave(&scope));
    }
    atomic_store(&word, true);
    weft_scope_enter(&scope, weft_now() + WEFT_S(3600));
    JOIN(task, 5);
    ck_assert(!weft_scope_leave(&scope));
    (void)unused;
    return 0;
}

TEST(a_join_that_times_out_leaves_the_handle_usable)
{
    ck_assert_int_eq(weft_run(NULL, join_with_deadlines, NULL), 0);
    ck_assert_int_eq(weft_start(NULL), 0);
    join_with_deadlines(NULL); /* on a plain thread */
    ck_assert_int_eq(weft_stop(), 0);
}

static int detach_after_time_out(void *unused)
{
    weft_task *task;
    weft_scope scope;
    SPAWN(nap_ms, (void *)20, &task);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(2));
    ck_assert_int_eq(weft_join(task, NULL), -ETIMEDOUT);
    weft_scope_leave(&scope);
    weft_detach(task);
    (void)unused;
    return 0;
}

TEST(a_join_that_times_out_may_be_followed_by_detaching)
{
    ck_assert_int_eq(weft_run(NULL, detach_after_time_out, NULL), 0);
    ck_assert_int_eq(atomic_load(&finished), 1);
}

/* Control blocks are recycled, so one that leaks shows in the count of bytes. */
static int detach_often(void *unused)
{
    weft_memory_stats before, after;
    (void)unused;
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(weft_memory(round ? &after : &before), 0);
        for (int i = 0; i < 100; i++) {
            weft_task *tasks[300];
            for (int k = 0; k < 300; k++)
                SPAWN(nap_ms, (void *)0, &tasks[k]);
            for (int k = 0; k < 100; k++)
                weft_detach(tasks[k]); /* before it has run, perhaps */
            while (weft_memory(&after) == 0 && after.tasks > 1)
                weft_yield();
            for (int k = 100; k < 300; k++)
                weft_detach(tasks[k]); /* it has ended */
        }
        ck_assert_int_eq(weft_memory(round ? &after : &before), 0);
    }
    ck_assert_uint_eq(before.task_bytes, after.task_bytes);
    weft_detach(NULL);
    return 0;
}

TEST(detached_tasks_release_themselves)
{
    ck_assert_int_eq(weft_run(NULL, detach_often, NULL), 0);
    ck_assert_int_eq(atomic_load(&finished), 60000);
}

static int spawn_detached(void *unused)
{
    (void)unused;
    for (int i = 0; i < 1000; i++)
        SPAWN(nap_ms, (void *)0, NULL);
    return 0;
}

TEST(a_task_may_be_detached_from_the_start)
{
    ck_assert_int_eq(weft_run(NULL, spawn_detached, NULL), 0);
    ck_assert_int_eq(atomic_load(&finished), 1000);
}

static weft_task *handles[1000];

static void *join_some(void *first)
{
    for (int i = (int)(intptr_t)first; i < 1000; i += 4)
        JOIN(handles[i], 5);
    return NULL;
}

TEST(plain_threads_join_while_tasks_end)
{
    pthread_t threads[4];
    ck_assert_int_eq(weft_start(NULL), 0);
    for (int i = 0; i < 1000; i++)
        SPAWN(nap_ms, (void *)(intptr_t)(i % 3), &handles[i]);
    for (intptr_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, join_some, (void *)i);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(weft_stop(), 0);
}

static int join_handed_over(void *task)
{
    int result;
    ck_assert_int_eq(weft_join(task, &result), 0);
    return result + 1;
}

static int hand_handles_on(void *unused)
{
    weft_task *task, *next;
    (void)unused;
    SPAWN(nap_ms, (void *)1, &task);
    for (int i = 0; i < 100; i++, task = next)
        SPAWN(join_handed_over, task, &next);
    JOIN(task, 105);
    return 0;
}

TEST(anybody_who_has_the_handle_may_join)
{
    ck_assert_int_eq(weft_run(NULL, hand_handles_on, NULL), 0);
}

#ifndef NDEBUG
static void join_after_join(weft_task *task)
{
    JOIN(task, 5);
    weft_join(task, NULL);
}

static void detach_after_join(weft_task *task)
{
    JOIN(task, 5);
    weft_detach(task);
}
#endif

static void join_after_detach(weft_task *task)
{
    weft_detach(task);
    weft_join(task, NULL);
}

static void detach_after_detach(weft_task *task)
{
    weft_detach(task);
    weft_detach(task);
}

static int use_up(void *uses)
{
    weft_task *task;
    SPAWN(nap_ms, (void *)1, &task);
    (*(void (**)(weft_task *))uses)(task);
    return 0;
}

static void run_user(void *uses)
{
    weft_run(NULL, use_up, uses);
}

TEST(a_handle_that_is_used_up_is_told)
{
    void (*const uses[])(weft_task *) = { join_after_detach, detach_after_detach,
#ifndef NDEBUG
                                          join_after_join, detach_after_join
#endif
    };
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
        expect_death(run_user, (void *)&uses[i], SIGABRT, "joined, gathered or detached already");
}
