#include "vthread/layout.h"

#include <errno.h>
#include <string.h>

#include "keys.h"
#include "vthreads.h"

TEST(the_layout_is_found_again_and_is_the_same)
{
    need_virtual_threads();
    struct weft__layout again;
    memset(&again, 0, sizeof again);
    ck_assert_pstr_eq(weft__layout_find(&again), NULL);
    ck_assert_uint_eq(again.tid, weft__layout.tid);
    ck_assert_uint_eq(again.stack, weft__layout.stack);
    ck_assert_int_eq(again.libc, weft__layout.libc);
    ck_assert_int_eq(again.resolver_pointer, weft__layout.resolver_pointer);
}

static const char *refusals[16];

static int ask(void *at)
{
    refusals[(intptr_t)at] = weft_virtual_thread_refusal();
    return 0;
}

static int ask_all(void *unused)
{
    weft_task *tasks[16];
    (void)unused;
    for (intptr_t i = 0; i < 16; i++)
        SPAWN(ask, (void *)i, &tasks[i]);
    for (int i = 0; i < 16; i++)
        JOIN(tasks[i], 0);
    return 0;
}

TEST(tasks_that_ask_at_once_get_the_same_answer)
{
    ck_assert_int_eq(run_tasks(4, ask_all, NULL), 0);
    for (int i = 1; i < 16; i++)
        ck_assert_pstr_eq(refusals[i], refusals[0]);
}

static int nothing(void *unused)
{
    (void)unused;
    return 0;
}

static int spawn_one(void *unused)
{
    weft_attr attr = { .flags = WEFT_VIRTUAL_THREAD };
    weft_task *task;
    (void)unused;
    int rc = weft_spawn_with(&attr, nothing, NULL, &task);
    if (rc == 0)
        JOIN(task, 0);
    return rc;
}

TEST(spawning_one_fails_exactly_if_there_is_a_reason)
{
    int rc = run_tasks(1, spawn_one, NULL);
    ck_assert_int_eq(rc, weft_virtual_thread_refusal() ? -ENOTSUP : 0);
}

static int spawn_without_and_with_a_key(void *unused)
{
    pthread_key_t key = take_all_keys();
    int rc = spawn_one(unused);
    if (rc != -EAGAIN)
        return rc; /* decided otherwise */
    ck_assert_ptr_nonnull(weft_virtual_thread_refusal());
    pthread_key_delete(key);
    return spawn_one(unused);
}

TEST(what_a_shortage_has_refused_is_there_later)
{
    struct weft__layout layout;
    const char *refusal = weft__layout_find(&layout); /* which decides nothing */
    if (refusal)
        test_skip("%s", refusal);
    ck_assert_int_eq(run_tasks(1, spawn_without_and_with_a_key, NULL), 0);
}
