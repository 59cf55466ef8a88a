/* Signals in random mixes: plain threads raise them, tasks and threads receive them, with
 * deadlines, and others subscribe and end it at any moment. What a subscription receives is
 * what was raised while it was there. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "sync.h"

#define RECEIVERS 8
#define RAISERS 4

static const int numbers[] = { SIGUSR1, SIGUSR2, SIGURG, SIGHUP };
#define NUMBERS (sizeof numbers / sizeof *numbers)

static weft_signals *signals;
static atomic_int rounds_left, raised, received;
static atomic_bool over;

/* Each is handled here before raise() returns. */
static void *raise_often(void *unused)
{
    sigset_t set;
    sigfillset(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    while (atomic_fetch_sub(&rounds_left, 1) > 0) {
        ck_assert_int_eq(raise(numbers[test_random() % NUMBERS]), 0);
        atomic_fetch_add(&raised, 1);
        if (test_random() % 4 == 0)
            block_for((int64_t)(test_random() % WEFT_US(50)));
    }
    return unused;
}

static int receive_often(void *unused)
{
    weft_signal_info info;
    (void)unused;
    while (!atomic_load(&over)) {
        weft_scope scope;
        weft_scope_enter(&scope, weft_after((int64_t)(test_random() % WEFT_MS(1))));
        int rc = test_random() % 4 ? weft_signals_receive(signals, &info)
                                   : weft_signals_try_receive(signals, &info);
        weft_scope_leave(&scope);
        if (rc == 0)
            atomic_fetch_add(&received, (int)info.count);
        else if (rc != -ETIMEDOUT && rc != -EAGAIN)
            ck_abort_msg("received: %d", rc);
        weft_yield();
    }
    return 0;
}

/* Subscriptions that come and go. */
static int come_and_go(void *unused)
{
    (void)unused;
    while (!atomic_load(&over)) {
        weft_signals *own;
        weft_signal_info info;
        ck_assert_int_eq(weft_signals_create(numbers, NUMBERS, &own), 0);
        weft_yield();
        while (weft_signals_try_receive(own, &info) == 0)
            ck_assert_uint_gt(info.count, 0);
        weft_signals_destroy(own);
    }
    return 0;
}

static void *thread_of(void *fn)
{
    ck_assert_int_eq(((int (*)(void *))(uintptr_t)fn)(NULL), 0);
    return NULL;
}

static void start(pthread_t *thread, int (*fn)(void *))
{
    ck_assert_int_eq(pthread_create(thread, NULL, thread_of, (void *)(uintptr_t)fn), 0);
}

static int all_parties(void *unused)
{
    weft_task *tasks[RECEIVERS + 1];
    pthread_t raisers[RAISERS], threads[3];
    weft_signal_info info;
    (void)unused;
    atomic_store(&rounds_left, (int)test_work(20000));
    atomic_store(&over, false);
    for (int i = 0; i < RECEIVERS; i++)
        SPAWN(receive_often, NULL, &tasks[i]);
    SPAWN(come_and_go, NULL, &tasks[RECEIVERS]);
    start(&threads[0], receive_often);
    start(&threads[1], receive_often);
    start(&threads[2], come_and_go);
    for (int i = 0; i < RAISERS; i++)
        ck_assert_int_eq(pthread_create(&raisers[i], NULL, raise_often, NULL), 0);
    for (int i = 0; i < RAISERS; i++)
        pthread_join(raisers[i], NULL);
    atomic_store(&over, true);
    for (int i = 0; i <= RECEIVERS; i++)
        JOIN(tasks[i], 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    while (weft_signals_try_receive(signals, &info) == 0)
        atomic_fetch_add(&received, (int)info.count);
    return 0;
}

TEST(no_signal_is_lost, .timeout = 300)
{
    static const unsigned workers[] = { 1, 2, 8 };
    ck_assert_int_eq(weft_signals_create(numbers, NUMBERS, &signals), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(run_tasks(workers[i], all_parties, NULL), 0);
        ck_assert_int_eq(atomic_load(&received), atomic_load(&raised));
    }
    weft_signals_destroy(signals);
}
