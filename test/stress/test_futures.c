/* Futures in random mixes: tasks and plain threads that make them, set them, cancel them,
 * wait for them, select and register callbacks, with deadlines and cancelling at any
 * moment. Each gets one result, each callback is called once or taken back, each is freed.
 * And submitted tasks that somebody cancels, while others post. */
#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "sync.h"

#define PLACES 4
#define TASKS 12
#define THREADS 4

/* What all see; a reference goes with each place. */
static struct place {
    weft_mutex mutex;
    weft_future *future;
} places[PLACES];

static atomic_int rounds_left;
static atomic_int made, results, gone; /* futures */
static atomic_int registered, called, taken_back;

/* Every future has this one, which is called when it has its result. */
static void note_result(weft_future *future, void *unused)
{
    (void)unused;
    if (!weft_future_is_done(future))
        ck_abort_msg("called too soon");
    atomic_fetch_add(&gone, 1);
}

static weft_future *make_future(void)
{
    weft_future *future;
    ck_assert_int_eq(weft_future_create(&future), 0);
    ck_assert_int_eq(weft_future_on_done(future, note_result, NULL), 0);
    atomic_fetch_add(&made, 1);
    return future;
}

static struct place *lock_place(void)
{
    struct place *place = &places[test_random() % PLACES];
    weft_scope shield;
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER)
        ck_assert_int_eq(weft_mutex_lock(&place->mutex), 0);
    return place;
}

/* One for the caller. */
static weft_future *get_future(void)
{
    struct place *place = lock_place();
    weft_future *future = weft_future_retain(place->future);
    weft_mutex_unlock(&place->mutex);
    return future;
}

static void replace_future(void)
{
    weft_future *future = make_future();
    struct place *place = lock_place();
    weft_future *before = place->future;
    place->future = future;
    weft_mutex_unlock(&place->mutex);
    weft_future_release(before);
}

static void check_result(int rc, intptr_t value)
{
    if (!(rc == 0 && value == 7) && rc != -EIO && rc != -ECANCELED)
        ck_abort_msg("the result is %d, %ld", rc, (long)value);
}

static void give_result(weft_future *future)
{
    uint64_t draw = test_random() % 3;
    int rc = draw == 0   ? weft_future_set(future, 7)
             : draw == 1 ? weft_future_fail(future, -EIO)
                         : weft_future_cancel(future);
    if (rc == 0)
        atomic_fetch_add(&results, 1);
    else if (rc != -EALREADY)
        ck_abort_msg("giving a result returned %d", rc);
    intptr_t value = 0;
    rc = weft_future_try(future, &value);
    check_result(rc, value);
}

static void wait_for_result(weft_future *future)
{
    weft_scope scope;
    intptr_t value = 0;
    weft_scope_enter(&scope, weft_now() + (int64_t)(test_random() % WEFT_US(100)));
    int rc = weft_future_wait(future, &value);
    if (rc != -ETIMEDOUT)
        check_result(rc, value);
    weft_scope_leave(&scope);
}

static void select_result(weft_future *future)
{
    weft_future *other = get_future(); /* may be the same one */
    weft_case cases[] = { weft_case_future(future), weft_case_future(other),
                          weft_case_timer(weft_now() + (int64_t)(test_random() % WEFT_US(100))) };
    int chosen = weft_select(cases, 3);
    if (chosen < 0 || chosen > 2)
        ck_abort_msg("select returned %d", chosen);
    if (chosen < 2)
        check_result(cases[chosen].result, 7);
    weft_future_release(other);
}

/* In any of the ways to wait for both or either. */
static void wait_for_some(weft_future *future)
{
    weft_future *pair[] = { future, get_future() }; /* may be the same one */
    enum weft_until until = (enum weft_until)(test_random() % 3);
    weft_scope scope;
    weft_scope_enter(&scope, weft_now() + (int64_t)(test_random() % WEFT_US(100)));
    ssize_t done = weft_wait_futures(pair, 2, until);
    weft_scope_leave(&scope);
    ssize_t found = weft_future_is_done(pair[0]) + weft_future_is_done(pair[1]);
    if (done != -ETIMEDOUT && (done < 1 || done > found))
        ck_abort_msg("%zd are done, and %zd", done, found);
    if (until == WEFT_UNTIL_ALL && done >= 0 && done != 2)
        ck_abort_msg("all are done, and %zd", done);
    weft_future_release(pair[1]);
}

static void note_call(weft_future *future, void *unused)
{
    (void)unused;
    intptr_t value = 0;
    int rc = weft_future_try(future, &value);
    check_result(rc, value);
    atomic_fetch_add(&called, 1);
}

static void call_or_not(weft_future *future)
{
    ck_assert_int_eq(weft_future_on_done(future, note_call, &called), 0);
    atomic_fetch_add(&registered, 1);
    if (test_random() % 2)
        weft_yield();
    if (test_random() % 2 && weft_future_forget(future, note_call, &called) == 0)
        atomic_fetch_add(&taken_back, 1); /* it may be another's: the sum is the same */
}

static int party(void *unused)
{
    (void)unused;
    while (atomic_fetch_sub(&rounds_left, 1) > 0) {
        weft_future *future = get_future();
        switch (test_random() % 6) {
        case 0:
            give_result(future);
            replace_future();
            break;
        case 1:
        case 2:
            wait_for_result(future);
            break;
        case 3:
            select_result(future);
            break;
        case 4:
            wait_for_some(future);
            break;
        default:
            call_or_not(future);
        }
        weft_future_release(future);
        if (test_random() % 8 == 0)
            replace_future(); /* one that may never get a result */
    }
    return 0;
}

static int all_parties(void *unused)
{
    (void)unused;
    atomic_store(&rounds_left, (int)test_work(40000));
    for (int i = 0; i < PLACES; i++)
        places[i].future = make_future();
    run_crowd(TASKS, THREADS, party, NULL);
    for (int i = 0; i < PLACES; i++)
        weft_future_release(places[i].future);
    return 0;
}

TEST(a_future_has_one_result_and_calls_back_once, .timeout = 180)
{
    static const unsigned workers[] = { 1, 2, 8 };
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(run_tasks(workers[i], all_parties, NULL), 0);
        ck_assert_int_eq(atomic_load(&called) + atomic_load(&taken_back), atomic_load(&registered));
        ck_assert_int_eq(atomic_load(&gone), atomic_load(&made));
        ck_assert_int_le(atomic_load(&results), atomic_load(&made));
        ck_assert_int_gt(atomic_load(&results), 0);
    }
}

/* Submitting, cancelling, posting. */

static atomic_int posted, ran, ended, cancelled;

static void count_post(void *unused)
{
    (void)unused;
    atomic_fetch_add(&ran, 1);
}

static int work(void *arg)
{
    for (int i = 0; i < (int)(intptr_t)arg; i++) {
        int rc = test_random() % 2 ? weft_yield() : weft_sleep(WEFT_US(20));
        if (rc)
            return rc;
    }
    return 7;
}

static void note_end(weft_future *future, void *unused)
{
    (void)unused;
    if (weft_future_try(future, NULL) == -ECANCELED)
        atomic_fetch_add(&cancelled, 1);
    atomic_fetch_add(&ended, 1);
}

static void submit_one(void)
{
    weft_future *future;
    intptr_t value = 7;
    ck_assert_int_eq(weft_submit(work, (void *)(intptr_t)(test_random() % 4), &future), 0);
    ck_assert_int_eq(weft_future_on_done(future, note_end, NULL), 0);
    atomic_fetch_add(&registered, 1);
    if (test_random() % 2)
        weft_yield();
    bool cancels = test_random() % 2;
    if (cancels)
        weft_future_cancel(future);
    if (test_random() % 4) {
        int rc = weft_future_wait(future, &value);
        if ((rc || value != 7) && !(cancels && rc == -ECANCELED))
            ck_abort_msg("the result is %d, %ld", rc, (long)value);
    }
    weft_future_release(future);
}

static int submitter(void *unused)
{
    (void)unused;
    while (atomic_fetch_sub(&rounds_left, 1) > 0) {
        submit_one();
        ck_assert_int_eq(weft_post(count_post, NULL), 0);
        atomic_fetch_add(&posted, 1);
    }
    return 0;
}

static int all_submit(void *unused)
{
    struct crowd crowd;
    (void)unused;
    atomic_store(&rounds_left, (int)test_work(20000));
    crowd_start(&crowd, submitter, NULL);
    crowd_join(&crowd);
    return 0;
}

TEST(what_is_submitted_ends_and_what_is_posted_runs, .timeout = 180)
{
    static const unsigned workers[] = { 1, 2, 8 };
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(run_tasks(workers[i], all_submit, NULL), 0);
        ck_assert_int_eq(atomic_load(&ended), atomic_load(&registered));
        ck_assert_int_eq(atomic_load(&ran), atomic_load(&posted));
        ck_assert_int_gt(atomic_load(&cancelled), 0);
    }
}
