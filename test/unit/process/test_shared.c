#include "process_pool.h"

#include <stdio.h>

#include "process/shared.h"

#define SIZE ((size_t)3 << 20)

TEST(shared_memory_is_zero_at_first)
{
    weft_shared *shared;
    ck_assert_int_eq(weft_shared_create(0, &shared), -EINVAL);
    ck_assert_int_eq(weft_shared_create(SIZE_MAX, &shared), -ENOMEM);
    ck_assert_int_eq(weft_shared_create(SIZE, &shared), 0);
    ck_assert_uint_eq(weft_shared_size(shared), SIZE);
    const char *data = weft_shared_data(shared);
    for (size_t i = 0; i < SIZE; i++) {
        if (data[i])
            ck_abort_msg("byte %zu", i);
    }
    weft_shared_destroy(shared);
    weft_shared_destroy(NULL);
}

/* From the first to the second. */
static int copy(weft_process_job *job)
{
    if (job->shared_count != 2 || job->shared_sizes[0] != SIZE || job->shared_sizes[1] != SIZE)
        return -EINVAL;
    memcpy(job->shared[1], job->shared[0], SIZE);
    return 0;
}

static int copy_some(void *unused)
{
    weft_shared *shared[2];
    weft_process_outcome outcome;
    (void)unused;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(weft_shared_create(SIZE, &shared[i]), 0);
    memset(weft_shared_data(shared[0]), 'x', SIZE);
    weft_process_call call = { .fn = copy, .shared = shared, .shared_count = 2 };
    ck_assert_int_eq(weft_process_pool_call(pool, &call, &outcome), 0);
    ck_assert_int_eq(outcome.value, 0);
    ck_assert(memcmp(weft_shared_data(shared[0]), weft_shared_data(shared[1]), SIZE) == 0);
    for (int i = 0; i < 2; i++)
        weft_shared_destroy(shared[i]);
    return 0;
}

TEST(jobs_work_on_shared_memory)
{
    open_pool(1);
    by_everybody(copy_some);
    close_pool();
}

static int count_views(weft_process_job *job)
{
    char line[300];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        count += strstr(line, "memfd:weft-shared") != NULL;
    fclose(maps);
    return count * 100 + (int)job->shared_count;
}

TEST(a_job_has_the_memory_that_it_was_given)
{
    weft_shared *shared[WEFT_PROCESS_SHARED_MAX];
    weft_process_outcome outcome;
    weft_process_call call = { .fn = count_views, .shared = shared };
    open_pool(1);
    for (unsigned i = 0; i < WEFT_PROCESS_SHARED_MAX; i++)
        ck_assert_int_eq(weft_shared_create(1, &shared[i]), 0);
    for (unsigned i = 0; i <= WEFT_PROCESS_SHARED_MAX; i++) {
        call.shared_count = i;
        ck_assert_int_eq(weft_process_pool_call(pool, &call, &outcome), 0);
        if (!test_is_under("qemu"))
            ck_assert_int_eq(outcome.value, (int)(i * 101));
    }
    for (unsigned i = 0; i < WEFT_PROCESS_SHARED_MAX; i++)
        weft_shared_destroy(shared[i]);
    close_pool();
}

/* Else who has it mapped would get SIGBUS. */
TEST(nobody_changes_its_size)
{
    weft_shared *shared;
    ck_assert_int_eq(weft_shared_create(SIZE, &shared), 0);
    ck_assert_int_eq(ftruncate(shared->fd, 0), -1);
    ck_assert_int_eq(ftruncate(shared->fd, 2 * SIZE), -1);
    weft_shared_destroy(shared);
}
