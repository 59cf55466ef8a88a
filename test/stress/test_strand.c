/* Strands under everything that comes at once: tasks that suspend in many ways, callbacks
 * from tasks and plain threads, timers, cancellation. What a strand protects is plain data,
 * and it is exact. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tasks.h"

#define TASKS 1000
#define STRANDS 4
#define THREADS 2

static struct one {
    weft_strand *strand;
    uint64_t counted; /* plain data of the strand */
    bool inside;      /* the same */
    weft_mutex mutex;
    weft_event event;
    atomic_uint_least64_t expected; /* by those who count */
} ones[STRANDS];

static struct one *any(void)
{
    return &ones[test_random() % STRANDS];
}

static void count(struct one *one)
{
    if (one->inside)
        ck_abort_msg("two at once");
    one->inside = true;
    one->counted++;
    one->inside = false;
    atomic_fetch_add_explicit(&one->expected, 1, memory_order_relaxed); /* orders nothing */
}

static void count_in_callback(void *one)
{
    count(one);
}

static int count_in_call(void *one)
{
    count(one);
    return 0;
}

/* It lies on the caller's stack: who has left must not be called for. */
struct hurried {
    struct one *one;
    bool called;
};

static int count_hurriedly(void *arg)
{
    struct hurried *hurried = arg;
    hurried->called = true;
    count(hurried->one);
    return 0;
}

static int call_hurriedly(struct one *one)
{
    struct hurried hurried = { .one = one };
    weft_scope scope;
    weft_scope_enter(&scope, weft_after((int64_t)(test_random() % 50000)));
    int rc = weft_strand_call(one->strand, count_hurriedly, &hurried, NULL);
    weft_scope_leave(&scope);
    ck_assert(hurried.called == (rc == 0));
    hurried.one = NULL;
    return rc == -ETIMEDOUT ? 0 : rc;
}

static void post_to(struct one *one)
{
    ck_assert_int_eq(weft_strand_post(one->strand, count_in_callback, one), 0);
}

/* Returns what has cut it short. */
static int suspend_somehow(struct one *one)
{
    int rc;
    switch (test_random() % 9) {
    case 0:
        return weft_sleep((int64_t)(test_random() % 100000));
    case 1:
        rc = weft_mutex_lock(&one->mutex);
        if (rc == 0) {
            weft_yield();
            weft_mutex_unlock(&one->mutex);
        }
        return rc;
    case 2:
        weft_event_set(&one->event);
        return 0;
    case 3:
        rc = weft_event_wait(&one->event);
        weft_event_clear(&one->event);
        weft_event_set(&one->event); /* nobody is left behind */
        return rc;
    case 4:
        one = any();
        return weft_strand_call(one->strand, count_in_call, one, NULL);
    case 5:
        post_to(any());
        return 0;
    case 6:
        return call_hurriedly(any());
    default:
        return weft_yield();
    }
}

static int count_often(void *arg)
{
    struct one *one = arg;
    int rc = 0;
    for (int i = 0; i < 20 && rc == 0; i++) {
        count(one);
        rc = suspend_somehow(one);
    }
    return rc;
}

/* Some are cancelled: before they begin, while they stand in line, or wait. */
static int spawn_some(void *unused)
{
    (void)unused;
    for (uint64_t i = test_work(TASKS); i > 0; i--) {
        struct one *one = any();
        weft_attr attr = { .strand = one->strand };
        weft_task *task;
        if (test_random() % 8 == 0)
            attr.flags = WEFT_PINNED;
        ck_assert_int_eq(weft_spawn_with(&attr, count_often, one, &task), 0);
        if (test_random() % 4 == 0) {
            if (test_random() % 2)
                weft_yield();
            weft_cancel(task);
        }
        weft_detach(task);
        int64_t when = weft_after((int64_t)(test_random() % 200000));
        ck_assert_int_eq(weft_strand_schedule(one->strand, when, count_in_callback, one, &task), 0);
        if (test_random() % 2)
            weft_cancel(task);
        weft_detach(task);
    }
    return 0;
}

static void *post_on_thread(void *unused)
{
    for (uint64_t i = test_work(30000); i > 0; i--) {
        struct one *one = any();
        uint64_t what = test_random() % 16;
        if (what == 0)
            ck_assert_int_eq(weft_strand_call(one->strand, count_in_call, one, NULL), 0);
        else if (what == 1)
            ck_assert_int_eq(call_hurriedly(one), 0);
        else
            post_to(one);
    }
    return unused;
}

static void run_mix(unsigned workers, uint64_t seed)
{
    pthread_t threads[THREADS];
    weft_task *spawners[4];
    weft_config config = { .workers = seed ? 1 : workers, .seed = seed };
    ck_assert_int_eq(weft_start(&config), 0);
    for (int i = 0; i < STRANDS; i++) {
        ones[i] = (struct one){ .mutex = WEFT_MUTEX_INIT, .event = WEFT_EVENT_INIT };
        ck_assert_int_eq(weft_strand_create(&ones[i].strand), 0);
        weft_event_set(&ones[i].event);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, post_on_thread, NULL);
    for (int i = 0; i < 4; i++)
        SPAWN(spawn_some, NULL, &spawners[i]);
    for (int i = 0; i < 4; i++)
        JOIN(spawners[i], 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(weft_stop(), 0); /* strands post to each other: all have ended after this */
    for (int i = 0; i < STRANDS; i++) {
        ck_assert_int_eq(weft_strand_destroy(ones[i].strand), 0);
        ck_assert_uint_eq(ones[i].counted, atomic_load(&ones[i].expected));
        ck_assert_uint_gt(ones[i].counted, 0);
    }
}

TEST(a_strands_data_is_exact_with_one_worker)
{
    run_mix(1, 0);
}

TEST(a_strands_data_is_exact_with_two_workers)
{
    run_mix(2, 0);
}

TEST(a_strands_data_is_exact_with_eight_workers)
{
    run_mix(8, 0);
}

TEST(a_strands_data_is_exact_with_seeds, .timeout = 120)
{
    for (int i = 0; i < 4; i++)
        run_mix(1, test_random() | 1);
}

/* The plainest of all: a counter. */

static uint64_t counter;

static int increment(void *unused)
{
    for (int i = 0; i < 100; i++) {
        counter++;
        if (i % 10 == 0)
            weft_yield();
    }
    (void)unused;
    return 0;
}

static int increment_all(void *unused)
{
    weft_strand *strand;
    weft_group group;
    ck_assert_int_eq(weft_strand_create(&strand), 0);
    weft_attr attr = { .strand = strand };
    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < TASKS; i++)
        ck_assert_int_eq(weft_group_spawn_with(&group, &attr, increment, NULL), 0);
    ck_assert_int_eq(weft_group_leave(&group), 0);
    ck_assert_int_eq(weft_strand_destroy(strand), 0);
    ck_assert_uint_eq(counter, TASKS * 100);
    (void)unused;
    return 0;
}

TEST(a_thousand_tasks_share_a_counter_on_eight_workers)
{
    ck_assert_int_eq(run_tasks(8, increment_all, NULL), 0);
}
