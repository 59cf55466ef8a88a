#include "suite.h"

#include <errno.h>
#include <stdatomic.h>

#include "sync.h"

static weft_once once;
static atomic_int called;
static int made;

static int fail_twice(void *unused)
{
    (void)unused;
    weft_yield(); /* so that others come */
    if (atomic_fetch_add(&called, 1) < 2)
        return -EIO;
    made = 5;
    return 3;
}

static int call(void *unused)
{
    int rc;
    (void)unused;
    do {
        rc = weft_call_once(&once, fail_twice, NULL);
    } while (rc == -EIO);
    ck_assert(rc == 0 || rc == 3);
    ck_assert_int_eq(made, 5);
    return 0;
}

static int crowd_calls(void *unused)
{
    struct crowd crowd;
    (void)unused;
    once = (weft_once)WEFT_ONCE_INIT;
    made = 0;
    atomic_store(&called, 0);
    crowd_start(&crowd, call, NULL);
    crowd_join(&crowd);
    ck_assert_int_eq(atomic_load(&called), 3);
    return 0;
}

TEST(it_is_done_once_and_tried_until_it_succeeds)
{
    run_mixed(crowd_calls);
}

static int leave(void *unused)
{
    (void)unused;
    weft_exit(7);
}

static int call_and_leave(void *unused)
{
    return weft_call_once(&once, leave, unused);
}

static int leaving(void *unused)
{
    weft_task *task;
    once = (weft_once)WEFT_ONCE_INIT;
    atomic_store(&called, 2); /* fail_twice() has had its failures */
    SPAWN(call_and_leave, NULL, &task);
    JOIN(task, 7);
    ck_assert_int_eq(weft_call_once(&once, fail_twice, unused), 3);
    return 0;
}

TEST(a_function_that_ends_its_task_has_not_succeeded)
{
    ck_assert_int_eq(run_in_turn(leaving, NULL), 0);
}

static int call_again(void *unused)
{
    ck_assert_int_eq(weft_call_once(&once, call_again, unused), -EDEADLK);
    return 0;
}

static int recursion(void *unused)
{
    once = (weft_once)WEFT_ONCE_INIT;
    ck_assert_int_eq(weft_call_once(&once, call_again, unused), 0);
    return 0;
}

TEST(a_function_that_calls_itself_is_told)
{
    run_mixed(recursion);
}
