#include "process_pool.h"

#include "sync.h"

#define LARGE 1000000 /* more than sockets hold */

TEST(a_pool_wants_sensible_attributes)
{
    weft_process_pool_attr wrong[] = { { .max = WEFT_PROCESS_POOL_MAX + 1 },
                                       { .max = 2, .prefork = 3 },
                                       { .idle_lifetime = -1 },
                                       { .reserved = { 0, 1 } } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_int_eq(weft_process_pool_create(&wrong[i], &pool), -EINVAL);
    weft_process_pool_destroy(NULL);
    ck_assert(!has_children());
}

TEST(a_call_wants_sensible_arguments)
{
    open_pool(1);
    weft_process_call wrong[] = { { .arg = "" },
                                  { .fn = say_hello, .shared_count = WEFT_PROCESS_SHARED_MAX + 1 },
                                  { .fn = say_hello, .reserved = { 1 } } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_int_eq(weft_process_pool_call(pool, &wrong[i], NULL), -EINVAL);
    ck_assert_uint_eq(look().started, 0);
    close_pool();
}

/* Arguments and results. */

static int reverse(weft_process_job *job)
{
    const char *from = job->arg;
    char *to = job->result;
    for (size_t i = 0; i < job->arg_size; i++)
        to[i] = from[job->arg_size - 1 - i];
    job->result_size = job->arg_size;
    return -7;
}

static void expect_reversed(size_t size)
{
    char *arg = malloc(size + 1), *result = malloc(size + 1);
    weft_process_outcome outcome;
    for (size_t i = 0; i < size; i++)
        arg[i] = (char)(i % 251);
    weft_process_call call = {
        .fn = reverse, .arg = arg, .arg_size = size, .result = result, .result_max = size + 1
    };
    ck_assert_int_eq(weft_process_pool_call(pool, &call, &outcome), 0);
    ck_assert_int_eq(outcome.value, -7);
    ck_assert_uint_eq(outcome.result_size, size);
    ck_assert(outcome.begun && outcome.worker > 0 && outcome.worker != getpid());
    for (size_t i = 0; i < size; i++) {
        if (result[i] != arg[size - 1 - i])
            ck_abort_msg("byte %zu of %zu", i, size);
    }
    free(arg);
    free(result);
}

static int call_with_sizes(void *unused)
{
    (void)unused;
    expect_reversed(0);
    expect_reversed(1);
    expect_reversed(5000);
    expect_reversed(LARGE);
    return 0;
}

TEST(arguments_and_results_of_any_size)
{
    open_pool(2);
    by_everybody(call_with_sizes);
    ck_assert_uint_eq(look().started, 1);
    ck_assert_uint_eq(look().completed, 20);
    close_pool();
}

static int claim_much(weft_process_job *job)
{
    job->result_size = job->result_max + 5;
    return 1;
}

TEST(a_result_that_is_too_large)
{
    char room[10];
    weft_process_outcome outcome;
    weft_process_call call = { .fn = claim_much, .result = room, .result_max = sizeof room };
    open_pool(1);
    ck_assert_int_eq(weft_process_pool_call(pool, &call, &outcome), -EMSGSIZE);
    ck_assert(outcome.begun && outcome.result_size == 15 && outcome.value == 1);
    ck_assert_int_eq(call_job(say_hello, &outcome), 0);
    ck_assert_int_eq(outcome.value, 42);
    ck_assert_uint_eq(look().started, 1);
    close_pool();
}

static int fixed = 1;

static int tell_fixed(weft_process_job *job)
{
    (void)job;
    return fixed++;
}

TEST(memory_is_what_it_was_when_the_pool_was_created)
{
    weft_process_outcome outcome;
    fixed = 10;
    open_pool(1);
    fixed = 20;
    for (int i = 10; i < 13; i++) { /* one worker's */
        ck_assert_int_eq(call_job(tell_fixed, &outcome), 0);
        ck_assert_int_eq(outcome.value, i);
    }
    ck_assert_int_eq(fixed, 20);
    close_pool();
}

/* Many at a time. */

#define MANY 30
#define THREADS 3

static int call_some(void *unused)
{
    (void)unused;
    for (int i = 0; i < 5; i++)
        expect_reversed((size_t)i * 3000);
    return 0;
}

static int call_many(void *unused)
{
    run_crowd(MANY, THREADS, call_some, unused);
    return 0;
}

TEST(more_jobs_than_workers)
{
    open_pool(3);
    ck_assert_int_eq(run_tasks(2, call_many, NULL), 0);
    weft_process_pool_info info = look();
    ck_assert_uint_eq(info.completed, (MANY + THREADS) * 5);
    ck_assert_uint_le(info.started, 3);
    ck_assert_uint_eq(info.busy, 0);
    ck_assert_uint_eq(info.idle, info.started);
    close_pool();
}

/* Workers come and go. */

TEST(workers_that_are_there_from_the_beginning)
{
    open_pool_with(&(weft_process_pool_attr){ .max = 3, .prefork = 3 });
    ck_assert_uint_eq(look().started, 3);
    ck_assert_uint_eq(look().idle, 3);
    ck_assert_int_eq(call_job(say_hello, NULL), 0);
    ck_assert_uint_eq(look().started, 3);
    close_pool();
}

TEST(workers_are_replaced_after_so_many_jobs)
{
    weft_process_outcome outcome;
    pid_t last = 0;
    open_pool_with(&(weft_process_pool_attr){ .max = 1, .jobs_per_worker = 3 });
    for (int i = 0; i < 9; i++) {
        ck_assert_int_eq(call_job(say_hello, &outcome), 0);
        ck_assert_int_eq(outcome.worker == last, i % 3 != 0);
        last = outcome.worker;
    }
    ck_assert_uint_eq(look().started, 3);
    ck_assert_uint_eq(look().ended, 3);
    close_pool();
}

TEST(workers_with_nothing_to_do_are_ended)
{
    open_pool_with(&(weft_process_pool_attr){ .max = 3, .prefork = 3, .idle_lifetime = 1 });
    block_for(1000);
    weft_process_pool_trim(pool);
    ck_assert_uint_eq(look().idle, 0);
    ck_assert_uint_eq(look().ended, 3);
    ck_assert_int_eq(call_job(say_hello, NULL), 0);
    close_pool();
}

static int rehearse(void *arg)
{
    fixed = *(int *)arg;
    return 0;
}

static int refuse(void *arg)
{
    (void)arg;
    return -EXDEV;
}

static int collapse(void *arg)
{
    (void)arg;
    abort();
}

TEST(workers_are_made_ready)
{
    static int wanted = 5;
    weft_process_outcome outcome;
    open_pool_with(&(weft_process_pool_attr){ .max = 1, .init = rehearse, .arg = &wanted });
    ck_assert_int_eq(call_job(tell_fixed, &outcome), 0);
    ck_assert_int_eq(outcome.value, 5);
    ck_assert_int_eq(fixed, 1);
    close_pool();
}

TEST(workers_that_cannot_be_made_ready)
{
    weft_process_outcome outcome;
    weft_process_pool_attr attr = { .max = 2, .init = refuse };
    open_pool_with(&attr);
    ck_assert_int_eq(call_job(say_hello, &outcome), -EXDEV);
    ck_assert(!outcome.begun);
    close_pool();
    attr.init = collapse;
    open_pool_with(&attr);
    ck_assert_int_eq(call_job(say_hello, &outcome), -EOWNERDEAD);
    ck_assert(!outcome.begun);
    ck_assert_uint_eq(look().started, 0);
    close_pool();
    attr.prefork = 2;
    ck_assert_int_eq(weft_process_pool_create(&attr, &pool), -EOWNERDEAD);
    ck_assert(!has_children());
}

/* The end of a pool. */

static int close_while_it_works(void *unused)
{
    (void)unused;
    await_count(&board->begun, 1);
    ck_assert_int_eq(weft_process_pool_close(pool), 0);
    ck_assert_int_eq(weft_process_pool_close(pool), -EALREADY);
    ck_assert_int_eq(call_job(say_hello, NULL), -EPIPE);
    atomic_store(&board->go, 1);
    return 0;
}

static int be_closed(void *unused)
{
    weft_task *closes;
    weft_process_outcome outcome;
    SPAWN(close_while_it_works, unused, &closes);
    ck_assert_int_eq(call_job(wait_for_go, &outcome), 0);
    ck_assert_int_eq(outcome.value, 7);
    JOIN(closes, 0);
    ck_assert_uint_eq(look().ended, 1);
    return 0;
}

TEST(a_closed_pool_ends_its_jobs_and_takes_no_others)
{
    open_pool(2);
    ck_assert_int_eq(run_tasks(0, be_closed, NULL), 0);
    close_pool();
}

static void *wait_in_thread(void *unused)
{
    call_job(wait_for_ever, NULL);
    return unused;
}

static void destroy_busy_pool(void *unused)
{
    pthread_t thread;
    (void)unused;
    weft_process_pool_attr attr = { .max = 1 };
    ck_assert_int_eq(weft_process_pool_create(&attr, &pool), 0);
    ck_assert_int_eq(weft_shared_create(sizeof *board, &board_memory), 0);
    board = weft_shared_data(board_memory);
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_in_thread, NULL), 0);
    await_count(&board->begun, 1);
    weft_process_pool_destroy(pool);
}

TEST(destroying_a_pool_with_jobs_says_so)
{
    expect_death(destroy_busy_pool, NULL, SIGABRT, "1 jobs are under way");
}
