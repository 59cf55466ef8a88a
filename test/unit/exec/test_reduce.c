#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sync.h"

static int add_numbers(int64_t first, int64_t last, void *sum, void *unused)
{
    (void)unused;
    for (int64_t i = first; i < last; i++)
        *(int64_t *)sum += i;
    return 0;
}

static void add_sums(void *left, const void *right, void *unused)
{
    (void)unused;
    *(int64_t *)left += *(const int64_t *)right;
}

static const int64_t zero;
static const weft_reduction sum = { sizeof(int64_t), &zero, add_numbers, add_sums };

static int sum_random_ranges(void *unused)
{
    static const uint64_t grains[] = { 0, 1, 3, 1000 };
    (void)unused;
    for (uint64_t left = test_work(40); left > 0; left--) {
        uint64_t random = test_random();
        int64_t begin = (int64_t)(random % 1000) - 500, count = (int64_t)(random >> 10) % 5000;
        int64_t result = -1, expected = (begin + begin + count - 1) * count / 2;
        weft_parallel_attr attr = { .grain = grains[left % 4] };
        ck_assert_int_eq(weft_parallel_reduce(begin, begin + count, &attr, &sum, NULL, &result), 0);
        ck_assert_int_eq(result, count ? expected : 0);
    }
    return 0;
}

TEST(everything_is_added_once)
{
    run_mixed(sum_random_ranges);
    ck_assert_int_eq(run_tasks(8, sum_random_ranges, NULL), 0);
}

/* Not commutative: what an accumulator holds is one stretch. */

struct stretch {
    bool some;
    int64_t first, last;
};

static int append(int64_t first, int64_t last, void *accumulator, void *grain)
{
    struct stretch *stretch = accumulator;
    ck_assert(!stretch->some || stretch->last == first);
    ck_assert_int_lt(first, last);
    if (*(uint64_t *)grain)
        ck_assert_uint_le((uint64_t)last - (uint64_t)first, *(uint64_t *)grain);
    *stretch = (struct stretch){ true, stretch->some ? stretch->first : first, last };
    return 0;
}

static void join(void *left, const void *right, void *grain)
{
    struct stretch *stretch = left;
    const struct stretch *next = right;
    (void)grain;
    ck_assert(stretch->some && next->some && stretch->last == next->first);
    stretch->last = next->last;
}

static const struct stretch none;
static const weft_reduction joining = { sizeof none, &none, append, join };

static void join_all(int64_t begin, int64_t end, uint64_t grain)
{
    struct stretch result;
    weft_parallel_attr attr = { .grain = grain };
    ck_assert_int_eq(weft_parallel_reduce(begin, end, &attr, &joining, &attr.grain, &result), 0);
    ck_assert(result.some == (begin < end));
    if (result.some) {
        ck_assert_int_eq(result.first, begin);
        ck_assert_int_eq(result.last, end);
    }
}

static int join_ranges(void *unused)
{
    (void)unused;
    for (int64_t count = 0; count < 3000; count = count * 2 + 1) {
        for (uint64_t grain = 0; grain <= 16; grain = grain * 2 + 1)
            join_all(-count / 2, count - count / 2, grain);
    }
    join_all(0, 300000, 100); /* more than there are segments */
    join_all(0, 1025, 1);
    join_all(INT64_MIN, INT64_MAX, UINT64_C(1) << 52);
    join_all(INT64_MIN, INT64_MAX, UINT64_C(1) << 63);
    join_all(INT64_MIN, INT64_MAX, UINT64_MAX);
    join_all(INT64_MIN, INT64_MIN + 1, UINT64_MAX);
    join_all(INT64_MAX - 5, INT64_MAX, 0);
    return 0;
}

TEST(neighbours_are_combined_from_left_to_right, .timeout = 120)
{
    run_mixed(join_ranges);
}

static int add_fractions(int64_t first, int64_t last, void *accumulator, void *unused)
{
    double some = 0;
    (void)unused;
    for (int64_t i = first; i < last; i++)
        some += 1.0 / (double)(i + 1);
    *(double *)accumulator += some;
    return 0;
}

static void add_doubles(void *left, const void *right, void *unused)
{
    (void)unused;
    *(double *)left += *(const double *)right;
}

static const double nothing;
static const weft_reduction fractions = { sizeof nothing, &nothing, add_fractions, add_doubles };
static double results[2];

static int add_up_fractions(void *unused)
{
    (void)unused;
    for (uint64_t i = 0; i < 2; i++) {
        weft_parallel_attr attr = { .grain = 7 * i };
        int rc = weft_parallel_reduce(0, 5000, &attr, &fractions, NULL, &results[i]);
        ck_assert_int_eq(rc, 0);
    }
    return 0;
}

TEST(a_sum_is_the_same_on_any_number_of_workers)
{
    double first[2];
    ck_assert_int_eq(run_tasks(1, add_up_fractions, NULL), 0);
    memcpy(first, results, sizeof first);
    ck_assert(first[0] > 9 && first[0] < 10);
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(run_tasks(2 + 3 * (unsigned)(i % 3), add_up_fractions, NULL), 0);
        ck_assert_mem_eq(first, results, sizeof first);
    }
}

static int add_or_fail(int64_t first, int64_t last, void *accumulator, void *unused)
{
    return first <= 700 && 700 < last ? -EIO : add_numbers(first, last, accumulator, unused);
}

static int fail_to_add(void *unused)
{
    weft_reduction how = sum;
    weft_parallel_attr wrong = { .reserved = { 1 } };
    int64_t result = 42;
    (void)unused;
    how.fn = add_or_fail;
    ck_assert_int_eq(weft_parallel_reduce(0, 1000, NULL, &how, NULL, &result), -EIO);
    ck_assert_int_eq(weft_parallel_reduce(0, 1, &wrong, &how, NULL, &result), -EINVAL);
    how.size = SIZE_MAX - 10;
    ck_assert_int_eq(weft_parallel_reduce(0, 1000, NULL, &how, NULL, &result), -ENOMEM);
    ck_assert_int_eq(result, 42);
    return 0;
}

TEST(an_error_leaves_no_result)
{
    run_mixed(fail_to_add);
}

TEST(without_a_runtime_nothing_is_reduced)
{
    int64_t result = 42;
    ck_assert_int_eq(weft_parallel_reduce(0, 10, NULL, &sum, NULL, &result), -EPERM);
    ck_assert_int_eq(result, 42);
}

/* A call that ends its task. */

static int exit_at_700(int64_t first, int64_t last, void *accumulator, void *unused)
{
    if (first <= 700 && 700 < last)
        weft_exit(0);
    return add_numbers(first, last, accumulator, unused);
}

TEST(a_call_that_ends_its_task_leaves_no_result)
{
    weft_config config = { .workers = 2 };
    weft_reduction how = sum;
    int64_t result = 42;
    how.fn = exit_at_700;
    ck_assert_int_eq(weft_start(&config), 0);
    ck_assert_int_eq(weft_parallel_reduce(0, 1000, NULL, &how, NULL, &result), -ECANCELED);
    ck_assert_int_eq(weft_stop(), 0);
    ck_assert_int_eq(result, 42);
}

static char much[1 << 20];

static int end_task(int64_t first, int64_t last, void *accumulator, void *unused)
{
    (void)first, (void)last, (void)accumulator, (void)unused;
    weft_exit(0);
}

static void add_nothing(void *left, const void *right, void *unused)
{
    (void)left, (void)right, (void)unused;
}

static int reduce_much(void *unused)
{
    static const weft_reduction how = { sizeof much, much, end_task, add_nothing };
    weft_parallel_reduce(0, 1, NULL, &how, unused, much);
    ck_abort_msg("it goes on");
}

static size_t resident_mib(void)
{
    size_t total = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%zu %zu", &total, &pages), 2);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE) >> 20;
}

static int end_many(void *unused)
{
    size_t before = 0;
    (void)unused;
    for (int i = 0; i < 80; i++) {
        weft_task *task;
        SPAWN(reduce_much, NULL, &task);
        JOIN(task, 0);
        if (i == 15)
            before = resident_mib();
    }
    if (!test_is_slowed())
        ck_assert_uint_lt(resident_mib(), before + 16);
    return 0;
}

TEST(a_call_that_ends_its_task_leaves_no_accumulators)
{
    ck_assert_int_eq(run_in_turn(end_many, NULL), 0);
}

static uint64_t told;

static void note_progress(uint64_t done, uint64_t total, void *unused)
{
    (void)unused;
    ck_assert_uint_gt(done, told);
    ck_assert_uint_eq(total, 5000);
    told = done;
}

static int tell_progress(void *unused)
{
    weft_parallel_attr attr = { .progress = note_progress };
    int64_t result;
    (void)unused;
    for (attr.grain = 0; attr.grain <= 3; attr.grain++) {
        told = 0;
        ck_assert_int_eq(weft_parallel_reduce(0, 5000, &attr, &sum, NULL, &result), 0);
        ck_assert_uint_eq(told, 5000);
    }
    return 0;
}

TEST(progress_is_told_in_indices)
{
    run_mixed(tell_progress);
}
