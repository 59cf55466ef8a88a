/* The n-th thread for calls that block cannot be made, for every n, or none at all: each call
 * runs, on those that there are, or says that it did not. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blocking.h"
#include "vthread/layout.h"

static atomic_int made;    /* since it was set to 0 */
static atomic_int failing; /* the number of the thread that is not to be had; 0: none */
static atomic_bool all_fail, failed;
static void (*before_failing)(void); /* NULL: nothing */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg)
{
    int number = atomic_fetch_add(&made, 1) + 1;
    if (!atomic_load(&all_fail) && number != atomic_load(&failing))
        return __real_pthread_create(thread, attr, fn, arg);
    if (before_failing)
        before_failing();
    atomic_store(&failed, true);
    return EAGAIN;
}

/* Threads of the pool that have been woken from their rest are held there. */
static atomic_bool holds, held;

bool __real_weft__futex_wait(_Atomic(uint32_t) *word, uint32_t value, int64_t deadline);
bool __wrap_weft__futex_wait(_Atomic(uint32_t) *word, uint32_t value, int64_t deadline);
bool __wrap_weft__futex_wait(_Atomic(uint32_t) *word, uint32_t value, int64_t deadline)
{
    char name[16];
    bool result = __real_weft__futex_wait(word, value, deadline);
    if (atomic_load(&holds) && atomic_load(word) != value &&
        pthread_getname_np(pthread_self(), name, sizeof name) == 0 &&
        strcmp(name, "weft-blocking") == 0) {
        atomic_store(&held, true);
        while (atomic_load(&holds))
            block_for(WEFT_US(50));
    }
    return result;
}

#define CALLS 8

static atomic_int ran;

static int block_a_little(void *unused)
{
    (void)unused;
    atomic_fetch_add(&ran, 1);
    block_for(WEFT_US(200));
    return 3;
}

static int refused;

static void expect_refusal(int rc)
{
    ck_assert_int_eq(rc, -EAGAIN);
    refused++;
}

static void call_some(void)
{
    weft_blocking_kind *kind;
    weft_future *futures[CALLS];
    struct gate gates[CALLS] = { 0 };
    int result = 0, rc = weft_blocking(block_a_little, NULL, &result);
    ck_assert_int_eq(weft_blocking_kind_create(3, 0, &kind), 0);
    if (rc)
        expect_refusal(rc);
    else
        ck_assert_int_eq(result, 3);
    weft_blocking_attr attr = { .kind = kind, .abandoned = note_abandoned };
    for (int i = 0; i < CALLS; i++) {
        atomic_store(&gates[i].open, true);
        ck_assert_int_eq(weft_blocking_submit_with(&attr, pass_gate, &gates[i], &futures[i]), 0);
    }
    for (int i = 0; i < CALLS; i++) {
        rc = weft_future_wait(futures[i], NULL);
        if (rc)
            expect_refusal(rc);
        ck_assert_int_eq(atomic_load(&gates[i].ended), rc == 0);
        await_count(&gates[i].abandoned, rc != 0);
        weft_future_release(futures[i]);
    }
    weft_blocking_kind_destroy(kind);
}

static int fail_once(void *number)
{
    refused = 0;
    atomic_store(&made, 0);
    atomic_store(&failing, *(int *)number);
    call_some();
    atomic_store(&failing, 0);
    ck_assert_int_le(refused, 1); /* another thread, or the next attempt, serves the others */
    ck_assert_int_eq(weft_blocking(block_a_little, NULL, NULL), 0);
    return 0;
}

TEST(each_thread_in_turn_is_not_to_be_had)
{
    int n = 0;
    do {
        weft_config config = { .workers = 1, .flags = WEFT_NO_HAND_OFF };
        n++;
        atomic_store(&failed, false);
        ck_assert_int_eq(weft_run(&config, fail_once, &n), 0);
    } while (atomic_load(&failed) && n < 100);
    ck_assert_int_gt(n, 1);
    ck_assert_int_lt(n, 100);
}

static int fail_always(void *unused)
{
    (void)unused;
    atomic_store(&all_fail, true);
    call_some();
    ck_assert_int_eq(refused, CALLS + 1);
    ck_assert_int_eq(atomic_load(&ran), 0);
    ck_assert_int_eq(weft_dial("localhost:1"), -EAGAIN);
    atomic_store(&all_fail, false);
    ck_assert_int_eq(weft_blocking(block_a_little, NULL, NULL), 0);
    ck_assert_int_eq(atomic_load(&ran), 1);
    return 0;
}

TEST(there_are_no_threads_at_all)
{
    weft_config config = { .workers = 1, .flags = WEFT_NO_HAND_OFF };
    ck_assert_int_eq(weft_run(&config, fail_always, NULL), 0);
}

/* Calls on files, which have a way without: they block the thread that is here. */
static int use_files(void *unused)
{
    char buf[4], path[] = "/tmp/weft-threads-XXXXXX";
    (void)unused;
    close(mkstemp(path));
    atomic_store(&all_fail, true);
    int fd = weft_file_open(path, O_RDWR, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(weft_pwrite(fd, "here", 4, 0), 4);
    ck_assert_int_eq(weft_pread(fd, buf, 4, 0), 4);
    ck_assert_int_eq(weft_close(fd), 0);
    ck_assert_int_eq(weft_file_unlink(path), 0);
    atomic_store(&all_fail, false);
    ck_assert(atomic_load(&failed));
    return 0;
}

TEST(files_need_no_threads)
{
    weft_config config = { .workers = 1, .flags = WEFT_NO_HAND_OFF };
    setenv("WEFT_FILES", "pool", 1);
    ck_assert_int_eq(weft_run(&config, use_files, NULL), 0);
}

/* Those that there are do it all. */
static int share_one(void *unused)
{
    weft_future *futures[CALLS];
    (void)unused;
    ck_assert_int_eq(weft_blocking(block_a_little, NULL, NULL), 0);
    atomic_store(&all_fail, true);
    for (int i = 0; i < CALLS; i++)
        ck_assert_int_eq(weft_blocking_submit(block_a_little, NULL, &futures[i]), 0);
    for (int i = 0; i < CALLS; i++) {
        intptr_t value = 0;
        ck_assert_int_eq(weft_future_wait(futures[i], &value), 0);
        ck_assert_int_eq(value, 3);
        weft_future_release(futures[i]);
    }
    weft_blocking_stats stats;
    weft_blocking_counts(&stats);
    ck_assert_uint_eq(stats.threads, 1);
    atomic_store(&all_fail, false);
    return 0;
}

TEST(one_thread_does_it_all_if_no_other_is_to_be_had)
{
    weft_config config = { .workers = 1, .flags = WEFT_NO_HAND_OFF };
    ck_assert_int_eq(weft_run(&config, share_one, NULL), 0);
    ck_assert_int_eq(atomic_load(&ran), CALLS + 1);
}

static void *stop(void *unused)
{
    ck_assert_int_eq(weft_stop(), 0);
    return unused;
}

static void await_flag(atomic_bool *flag)
{
    while (!atomic_load(flag))
        block_for(WEFT_US(50));
}

static void *call(void *ret_rc)
{
    await_flag(&all_fail);
    *(int *)ret_rc = weft_blocking(block_a_little, NULL, NULL);
    return NULL;
}

/* JOB-3: the only thread has been told to end, and has not heard of it yet; so it still counts,
 * and a call is left to it for which no other is to be had. */
TEST(a_thread_that_is_about_to_end_takes_what_is_ready)
{
    pthread_t stopper, caller;
    int rc = 1;
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_int_eq(weft_blocking(block_a_little, NULL, NULL), 0);
    await_pool(1, 1);
    atomic_store(&holds, true);
    ck_assert_int_eq(pthread_create(&stopper, NULL, stop, NULL), 0);
    await_flag(&held);
    ck_assert_int_eq(pthread_create(&caller, NULL, call, &rc), 0);
    atomic_store(&all_fail, true);
    await_flag(&failed);
    atomic_store(&holds, false);
    pthread_join(caller, NULL);
    pthread_join(stopper, NULL);
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(atomic_load(&ran), 2);
}

/* While a call is told that there is no thread for it one is made for another kind, and rests
 * when the next call of the first kind gets its turn. */
static struct {
    weft_blocking_attr attr;
    weft_future *first, *second;
} turns;

static void submit_second(void)
{
    weft_blocking_attr attr = { .kind = turns.attr.kind };
    before_failing = NULL;
    ck_assert_int_eq(weft_blocking_submit_with(&attr, block_a_little, NULL, &turns.second), 0);
}

static void make_a_thread(void *unused, int result)
{
    (void)unused;
    ck_assert_int_eq(result, -EAGAIN);
    ck_assert_int_eq(weft_blocking(block_a_little, NULL, NULL), 0);
    await_pool(1, 1);
}

TEST(a_thread_that_has_come_to_rest_meanwhile_is_called)
{
    weft_config config = { .blocking_idle = WEFT_S(1000) }; /* nobody comes by himself */
    ck_assert_int_eq(weft_start(&config), 0);
    ck_assert_int_eq(weft_blocking_kind_create(1, 0, &turns.attr.kind), 0);
    turns.attr.abandoned = make_a_thread;
    atomic_store(&made, 0);
    atomic_store(&failing, 1);
    before_failing = submit_second;
    ck_assert_int_eq(weft_blocking_submit_with(&turns.attr, block_a_little, NULL, &turns.first), 0);
    ck_assert_int_eq(weft_future_wait(turns.first, NULL), -EAGAIN);
    ck_assert_int_eq(weft_future_wait(turns.second, NULL), 0);
    weft_future_release(turns.first);
    weft_future_release(turns.second);
    weft_blocking_kind_destroy(turns.attr.kind);
    ck_assert_int_eq(weft_stop(), 0);
}

static int nothing(void *unused)
{
    (void)unused;
    return 0;
}

static int spawn_virtual(int failing_thread)
{
    weft_attr attr = { .flags = WEFT_VIRTUAL_THREAD };
    weft_task *task;
    atomic_store(&made, 0);
    atomic_store(&failing, failing_thread);
    int rc = weft_spawn_with(&attr, nothing, NULL, &task);
    atomic_store(&failing, 0);
    return rc ? rc : weft_join(task, NULL);
}

static int spawn_until_there_are_threads(void *unused)
{
    int rc, n = 1;
    (void)unused;
    while ((rc = spawn_virtual(n)) == -EAGAIN) /* the n-th thread was not to be had */
        n++;
    ck_assert_int_gt(n, 1);
    return rc;
}

TEST(the_first_virtual_thread_waits_for_better_times)
{
    weft_config config = { .workers = 1, .flags = WEFT_NO_HAND_OFF };
    struct weft__layout layout;
    const char *refusal = weft__layout_find(&layout); /* which decides nothing */
    if (refusal)
        test_skip("%s", refusal);
    ck_assert_int_eq(weft_run(&config, spawn_until_there_are_threads, NULL), 0);
}
