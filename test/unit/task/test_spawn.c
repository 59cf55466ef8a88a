#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tasks.h"

static int twice(void *number)
{
    return 2 * (int)(intptr_t)number;
}

static int spawn_and_join(void *unused)
{
    weft_task *tasks[100];
    for (intptr_t i = 0; i < 100; i++)
        SPAWN(twice, (void *)i, &tasks[i]);
    for (int i = 100; i-- > 0;)
        JOIN(tasks[i], 2 * i);
    (void)unused;
    return 0;
}

TEST(a_joined_task_hands_over_its_result)
{
    ck_assert_int_eq(weft_run(NULL, spawn_and_join, NULL), 0);
}

TEST(plain_threads_may_spawn_and_join)
{
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_int_eq(spawn_and_join(NULL), 0);
    ck_assert_int_eq(weft_stop(), 0);
}

static void *spawn_many(void *unused)
{
    for (int i = 0; i < 50; i++)
        spawn_and_join(NULL);
    return unused;
}

TEST(several_plain_threads_may_spawn_at_once)
{
    pthread_t threads[4];
    ck_assert_int_eq(weft_start(NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, spawn_many, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(weft_stop(), 0);
}

struct blob {
    size_t size;
    unsigned char bytes[1000];
};

static int check_bytes(void *args)
{
    struct blob *blob = args;
    ck_assert_uint_eq((uintptr_t)args % _Alignof(max_align_t), 0);
    weft_yield();
    for (size_t i = 0; i + sizeof blob->size < blob->size; i++) {
        if (blob->bytes[i] != (unsigned char)(i + blob->size))
            return -1;
    }
    memset(blob, 0, blob->size); /* it is ours */
    return 1;
}

static int copy_all_sizes(void *unused)
{
    static weft_task *tasks[1001];
    struct blob blob;
    for (size_t size = sizeof blob.size; size <= 1000; size++) {
        blob.size = size;
        for (size_t i = 0; i < sizeof blob.bytes; i++)
            blob.bytes[i] = (unsigned char)(i + size);
        ck_assert_int_eq(weft_spawn_copy("here", NULL, check_bytes, &blob, size, &tasks[size]), 0);
        memset(&blob, 0xff, sizeof blob);
    }
    for (size_t size = sizeof blob.size; size <= 1000; size++)
        JOIN(tasks[size], 1);
    (void)unused;
    return 0;
}

TEST(a_task_gets_a_copy_of_its_arguments)
{
    ck_assert_int_eq(weft_run(NULL, copy_all_sizes, NULL), 0);
}

static int no_arguments(void *args)
{
    return args == NULL ? 1 : 2;
}

static int one_byte(void *args)
{
    return *(char *)args;
}

static int copy_little(void *unused)
{
    weft_task *task;
    ck_assert_int_eq(weft_spawn_copy("here", NULL, no_arguments, "", 0, &task), 0);
    ck_assert_int_eq(weft_join(task, NULL), 0);
    ck_assert_int_eq(weft_spawn_copy("here", NULL, one_byte, "x", 1, &task), 0);
    JOIN(task, 'x');
    (void)unused;
    return 0;
}

TEST(there_may_be_few_arguments_or_none)
{
    ck_assert_int_eq(weft_run(NULL, copy_little, NULL), 0);
}

WEFT_TASK(sum6, char, a, short, b, int, c, long, d, double, e, const char *, f)
{
    return a + b + c + (int)d + (int)(e * 2) + f[0];
}

WEFT_TASK(negate, int, a)
{
    return -a;
}

static int typed(void *unused)
{
    weft_task *task;
    weft_attr attr = { .name = "typed" };
    ck_assert_int_eq(weft_spawn_args(&task, sum6, 1, 2, 3, 4, 0.5, "A"), 0);
    JOIN(task, 1 + 2 + 3 + 4 + 1 + 'A');
    ck_assert_int_eq(weft_spawn_args_with(&attr, &task, negate, 5), 0);
    JOIN(task, -5);
    (void)unused;
    return 0;
}

TEST(arguments_may_have_types)
{
    ck_assert_int_eq(weft_run(NULL, typed, NULL), 0);
}

/* Attributes */

static int use_stack(int depth)
{
    volatile char frame[1024];
    frame[0] = (char)depth;
    frame[sizeof frame - 1] = 1;
    return depth == 0 ? 0 : use_stack(depth - 1) + frame[sizeof frame - 1];
}

static int use_900_kib(void *unused)
{
    (void)unused;
    return use_stack(test_is_slowed() ? 300 : 800);
}

static int spawn_large(void *unused)
{
    weft_task *task;
    weft_attr attr = { .stack_size = 1 << 20 };
    ck_assert_int_eq(weft_spawn_with(&attr, use_900_kib, NULL, &task), 0);
    JOIN(task, test_is_slowed() ? 300 : 800);
    (void)unused;
    return 0;
}

TEST(a_large_stack_can_be_used)
{
    ck_assert_int_eq(weft_run(NULL, spawn_large, NULL), 0);
}

TEST(a_small_stack_is_enough_for_a_small_task)
{
    weft_config config = { .stack_size = 32 << 10 };
    ck_assert_int_eq(weft_run(&config, spawn_and_join, NULL), 0);
}

static int spawn_odd_sizes(void *unused)
{
    for (int i = 0; i < 300; i++) {
        weft_task *task;
        weft_attr attr = { .stack_size = (32 << 10) + (size_t)(test_random() % (1 << 20)) };
        ck_assert_int_eq(weft_spawn_with(&attr, twice, (void *)(intptr_t)i, &task), 0);
        JOIN(task, 2 * i);
    }
    (void)unused;
    return 0;
}

TEST(stacks_of_many_sizes_come_and_go)
{
    ck_assert_int_eq(weft_run(NULL, spawn_odd_sizes, NULL), 0);
}

static int spawn_wrong(void *unused)
{
    weft_task *task = NULL;
    weft_attr wrong[] = { { .stack_size = (32 << 10) - 1 },
                          { .stack_size = (1u << 30) + 1 },
                          { .flags = 0x4 },
                          { .reserved = { [2] = 1 } } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_int_eq(weft_spawn_with(&wrong[i], twice, NULL, &task), -EINVAL);
    ck_assert_ptr_null(task);
    (void)unused;
    return 0;
}

TEST(attributes_out_of_range_are_refused)
{
    ck_assert_int_eq(weft_run(NULL, spawn_wrong, NULL), 0);
}

/* Numbers */

#define MANY 5000

static _Atomic(uint64_t) ids[4 * MANY];
static atomic_int id_count;

static int note_id(void *unused)
{
    ids[atomic_fetch_add(&id_count, 1)] = weft_task_id(NULL);
    (void)unused;
    return 0;
}

static int spawn_noting(void *unused)
{
    (void)unused;
    for (int i = 0; i < MANY; i++)
        SPAWN(note_id, NULL, NULL);
    return 0;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

TEST(numbers_are_unique_whoever_spawns)
{
    ck_assert_int_eq(weft_start(NULL), 0);
    SPAWN(spawn_noting, NULL, NULL);
    SPAWN(spawn_noting, NULL, NULL);
    spawn_noting(NULL);
    ck_assert_int_eq(weft_stop(), 0);
    int count = atomic_load(&id_count);
    ck_assert_int_eq(count, 3 * MANY);
    qsort((void *)ids, (size_t)count, sizeof *ids, compare_ids);
    ck_assert_uint_gt(ids[0], 0);
    for (int i = 1; i < count; i++) {
        if (ids[i] == ids[i - 1])
            ck_abort_msg("two tasks have number %llu", (unsigned long long)ids[i]);
    }
}

/* Very many */

static atomic_int parked;
static _Atomic(bool) release;

static int park(void *unused)
{
    atomic_fetch_add(&parked, 1);
    (void)unused;
    while (!release)
        weft_sleep(WEFT_MS(200));
    return 0;
}

static int park_many(void *count)
{
    int n = *(int *)count;
    for (int i = 0; i < n; i++)
        SPAWN(park, NULL, NULL);
    while (atomic_load(&parked) < n)
        weft_sleep(WEFT_MS(1));
    release = true;
    return 0;
}

TEST(a_hundred_thousand_tasks_may_wait_at_once)
{
    int count = test_is_slowed() ? 1000 : 100000;
    ck_assert_int_eq(weft_run(NULL, park_many, &count), 0);
    ck_assert_int_eq(atomic_load(&parked), count);
}

static int tree(void *depth)
{
    intptr_t left = (intptr_t)depth - 1;
    weft_task *tasks[2];
    if (left < 0)
        return 1;
    int sum = 0, result;
    for (int i = 0; i < 2; i++)
        SPAWN(tree, (void *)left, &tasks[i]);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(weft_join(tasks[i], &result), 0);
        sum += result;
    }
    return sum;
}

TEST(tasks_that_spawn_tasks_find_their_children)
{
    intptr_t depth = test_is_slowed() ? 8 : 14;
    ck_assert_int_eq(weft_run(NULL, tree, (void *)depth), 1 << depth);
}
