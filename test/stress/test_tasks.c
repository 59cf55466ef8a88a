/* Random mixes of everything that tasks do, and a count of what comes out: each
 * result arrives exactly once. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "tasks.h"

static atomic_uint_least64_t expected, arrived;

static int mix(void *arg);

struct errand {
    unsigned depth;
    uint32_t value;
};

static void spawn_errand(unsigned depth, weft_task **ret_task)
{
    struct errand errand = { depth, (uint32_t)test_random() % 1000 };
    weft_attr attr = { 0 };
    uint64_t random = test_random();
    if (random % 16 == 0)
        attr.flags = WEFT_PINNED;
    if (random % 64 == 1)
        attr.stack_size = 64 << 10;
    atomic_fetch_add(&expected, errand.value);
    ck_assert_int_eq(weft_spawn_copy("mix", &attr, mix, &errand, sizeof errand, ret_task), 0);
}

static void join_with_patience(weft_task *task, int64_t patience)
{
    int rc, result;
    do {
        weft_scope scope;
        weft_scope_enter(&scope, weft_now() + patience);
        rc = weft_join(task, &result);
        bool expired = weft_scope_leave(&scope);
        if (rc != 0 && (rc != -ETIMEDOUT || !expired))
            ck_abort_msg("join: %d", rc);
        patience *= 4;
    } while (rc);
    atomic_fetch_add(&arrived, (unsigned)result);
}

static void do_something(void)
{
    switch (test_random() % 8) {
    case 0:
        weft_sleep((int64_t)(test_random() % 300000));
        break;
    case 1:
        weft_pin();
        weft_yield();
        weft_unpin();
        break;
    case 2:
        spin_for((int64_t)(test_random() % 20000));
        break;
    default:
        weft_yield();
    }
}

static int mix(void *arg)
{
    struct errand *errand = arg;
    weft_task *tasks[4];
    unsigned count = errand->depth ? (unsigned)(test_random() % 5) : 0;
    for (unsigned i = 0; i < count; i++)
        spawn_errand(errand->depth - 1, &tasks[i]);
    do_something();
    for (unsigned i = 0; i < count; i++)
        join_with_patience(tasks[i], 1 + (int64_t)(test_random() % 100000));
    do_something();
    return (int)errand->value;
}

static void *inject(void *unused)
{
    for (uint64_t n = test_work(40); n > 0; n--) {
        weft_task *tasks[8];
        for (int i = 0; i < 8; i++)
            spawn_errand(3, &tasks[i]);
        for (int i = 0; i < 8; i++)
            join_with_patience(tasks[i], 1000);
    }
    return unused;
}

static int spawn_trees(void *unused)
{
    for (uint64_t n = test_work(20); n > 0; n--) {
        weft_task *tasks[10];
        for (int i = 0; i < 10; i++)
            spawn_errand(4, &tasks[i]);
        for (int i = 0; i < 10; i++)
            join_with_patience(tasks[i], WEFT_S(1));
    }
    (void)unused;
    return 0;
}

static void run_mix(unsigned workers)
{
    pthread_t threads[4];
    weft_task *trees;
    weft_config config = { .workers = workers };
    ck_assert_int_eq(weft_start(&config), 0);
    SPAWN(spawn_trees, NULL, &trees);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, inject, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    JOIN(trees, 0);
    ck_assert_int_eq(weft_stop(), 0);
    ck_assert_uint_eq(atomic_load(&arrived), atomic_load(&expected));
}

TEST(every_result_arrives_once_with_one_worker)
{
    run_mix(1);
}

TEST(every_result_arrives_once_with_two_workers)
{
    run_mix(2);
}

TEST(every_result_arrives_once_with_eight_workers)
{
    run_mix(8);
}

static int detached(void *unused)
{
    do_something();
    atomic_fetch_add(&arrived, 1);
    (void)unused;
    return 0;
}

TEST(the_runtime_stops_and_starts_under_load)
{
    for (uint64_t n = test_work(60); n > 0; n--) {
        weft_config config = { .workers = 1 + (unsigned)(n % 4) };
        ck_assert_int_eq(weft_start(&config), 0);
        for (int i = 0; i < 500; i++) {
            SPAWN(detached, NULL, NULL);
            atomic_fetch_add(&expected, 1);
        }
        ck_assert_int_eq(weft_stop(), 0);
        ck_assert_uint_eq(atomic_load(&arrived), atomic_load(&expected));
    }
}

/* Bytes through pipes, from many to many. */

static int fds[2];

static int produce(void *bytes)
{
    for (intptr_t n = (intptr_t)bytes; n > 0; n--) {
        ck_assert(weft_write(fds[1], "x", 1) == 1);
        if (test_random() % 4 == 0)
            do_something();
    }
    return 0;
}

static void *produce_on_thread(void *bytes)
{
    produce(bytes);
    return NULL;
}

static int consume(void *unused)
{
    char buf[16];
    ssize_t n;
    (void)unused;
    while ((n = weft_read(fds[0], buf, 1 + test_random() % sizeof buf)) > 0)
        atomic_fetch_add(&arrived, (uint64_t)n);
    ck_assert_int_eq(n, 0);
    return 0;
}

static int move_bytes(void *unused)
{
    intptr_t each = (intptr_t)test_work(500);
    weft_task *consumers[10], *producers[10];
    pthread_t threads[2];
    (void)unused;
    ck_assert_int_eq(pipe(fds), 0);
    for (int i = 0; i < 10; i++)
        SPAWN(consume, NULL, &consumers[i]);
    for (int i = 0; i < 10; i++)
        SPAWN(produce, (void *)each, &producers[i]);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, produce_on_thread, (void *)each);
    for (int i = 0; i < 10; i++)
        JOIN(producers[i], 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    weft_close(fds[1]);
    for (int i = 0; i < 10; i++)
        JOIN(consumers[i], 0);
    ck_assert_uint_eq(atomic_load(&arrived), (uint64_t)each * 12);
    return weft_close(fds[0]);
}

TEST(every_byte_is_read_once)
{
    for (unsigned workers = 1; workers <= 8; workers *= 2) {
        atomic_store(&arrived, 0);
        ck_assert_int_eq(run_tasks(workers, move_bytes, NULL), 0);
    }
}
