/* Latches that lean: bursts by the tasks of one worker, in between plain threads and tasks of
 * others, in random mixes. A mutex's counter is exact, and of a channel's and a queue's
 * elements each comes out once. */
#include "sync.h"

#include <stdatomic.h>

#include "weft/channel.h"
#include "weft/mutex.h"
#include "weft/queue.h"

#define TASKS 12
#define THREADS 3
#define BURSTS 25
#define LONGEST 4000 /* some bursts make it lean, some do not */

static weft_mutex mutex = WEFT_MUTEX_INIT;
static uint64_t counter;
static weft_channel *channel;
static weft_queue *queue;
static atomic_uint_fast64_t locked, put, got, sum_put, sum_got;

static uint64_t burst_length(void)
{
    return 1 + test_random() % (test_random() % 2 ? 20 : LONGEST);
}

static void pause_a_little(void)
{
    if (test_random() % 3 == 0)
        ck_assert_int_eq(weft_sleep((int64_t)(test_random() % WEFT_US(200))), 0);
}

static int count_up(void *unused)
{
    (void)unused;
    for (size_t bursts = test_work(BURSTS); bursts; bursts--) {
        uint64_t length = burst_length();
        for (uint64_t i = 0; i < length; i++) {
            ck_assert_int_eq(weft_mutex_lock(&mutex), 0);
            counter++;
            if (weft_self() && i % 512 == 511) /* others find it locked, or it wakes up elsewhere */
                weft_yield();
            ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
        }
        atomic_fetch_add(&locked, length);
        pause_a_little();
    }
    return 0;
}

static int pass_by_channel(void *unused)
{
    (void)unused;
    for (size_t bursts = test_work(BURSTS); bursts; bursts--) {
        uint64_t length = burst_length();
        for (uint64_t i = 0; i < length; i++) {
            uint64_t element = test_random() % 1000;
            if (weft_channel_try_send(channel, &element) == 0) {
                atomic_fetch_add(&put, 1);
                atomic_fetch_add(&sum_put, element);
            }
            if (test_random() % 2 && weft_channel_try_receive(channel, &element) == 0) {
                atomic_fetch_add(&got, 1);
                atomic_fetch_add(&sum_got, element);
            }
        }
        pause_a_little();
    }
    return 0;
}

static int pass_by_queue(void *unused)
{
    (void)unused;
    for (size_t bursts = test_work(BURSTS); bursts; bursts--) {
        uint64_t length = burst_length();
        for (uint64_t i = 0; i < length; i++) {
            uint64_t element = test_random() % 1000;
            ck_assert_int_eq(weft_queue_put(queue, &element), 0);
            ck_assert_int_eq(weft_queue_get(queue, &element), 0);
            ck_assert_int_eq(weft_queue_task_done(queue), 0);
        }
        pause_a_little();
    }
    return 0;
}

static int all(void *unused)
{
    run_crowd(TASKS, THREADS, count_up, unused);
    run_crowd(TASKS, THREADS, pass_by_channel, unused);
    run_crowd(TASKS, THREADS, pass_by_queue, unused);
    return 0;
}

static void drain(void)
{
    uint64_t element;
    while (weft_channel_try_receive(channel, &element) == 0) {
        atomic_fetch_add(&got, 1);
        atomic_fetch_add(&sum_got, element);
    }
}

static void run_all(unsigned workers)
{
    ck_assert_int_eq(weft_channel_create(sizeof(uint64_t), 64, &channel), 0);
    ck_assert_int_eq(weft_queue_create(sizeof(uint64_t), WEFT_UNBOUNDED, NULL, &queue), 0);
    ck_assert_int_eq(run_tasks(workers, all, NULL), 0);
    drain(); /* a plain thread, after the workers are gone */
    ck_assert_uint_eq(counter, atomic_load(&locked));
    ck_assert_uint_eq(atomic_load(&got), atomic_load(&put));
    ck_assert_uint_eq(atomic_load(&sum_got), atomic_load(&sum_put));
    ck_assert_uint_eq(weft_queue_count(queue), 0);
    weft_channel_destroy(channel);
    weft_queue_destroy(queue);
}

TEST(what_leans_loses_nothing_on_one_worker, .timeout = 120)
{
    run_all(1);
}

TEST(what_leans_loses_nothing_on_two_workers, .timeout = 120)
{
    run_all(2);
}

TEST(what_leans_loses_nothing_on_eight_workers, .timeout = 120)
{
    run_all(8);
}
