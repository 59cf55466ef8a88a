/* isolated - functions in processes of their own: one that computes, one that crashes, one
 * that never ends, and one that fills memory which both share. Many at a time, on a few
 * workers. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <weft.h>

#define NUMBERS 20

static weft_process_pool *pool;
static int table[NUMBERS]; /* workers have it as it was when the pool was created */

/* In a worker. */

static int look_up(weft_process_job *job)
{
    const int *index = job->arg;

    *(int *)job->result = table[*index];
    job->result_size = sizeof(int);
    if (*index == 13)
        raise(SIGSEGV);
    return 0;
}

static int think_for_ever(weft_process_job *job)
{
    while (job)
        pause();
    return 0;
}

static int draw(weft_process_job *job)
{
    memset(job->shared[0], '#', job->shared_sizes[0]);
    return 0;
}

/* In the program. */

WEFT_TASK(square, int, index, int *, ret_square)
{
    weft_process_outcome outcome;
    weft_process_call call = { .fn = look_up,
                               .arg = &index,
                               .arg_size = sizeof index,
                               .result = ret_square,
                               .result_max = sizeof *ret_square };
    int rc = weft_process_pool_call(pool, &call, &outcome);

    if (rc == -EOWNERDEAD)
        printf("the worker of number %d: %s\n", index, strsignal(outcome.signal));
    return rc == -EOWNERDEAD ? 0 : rc;
}

static int squares(void)
{
    weft_group group;
    int found[NUMBERS], sum = 0;

    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < NUMBERS; i++)
        weft_group_spawn_args(&group, square, i, &found[i]);
    int rc = weft_group_leave(&group);
    for (int i = 0; i < NUMBERS; i++)
        sum += i == 13 ? 0 : found[i];
    printf("the others: %d\n", sum);
    return rc;
}

static void run_out_of_time(void)
{
    weft_process_call call = { .fn = think_for_ever };
    weft_process_outcome outcome;
    weft_scope scope;
    int rc = 0;

    WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_MS(50)))
        rc = weft_process_pool_call(pool, &call, &outcome);
    printf("who thinks for ever: %s\n", strerror(-rc));
}

static int share_memory(void)
{
    weft_shared *picture;
    int rc = weft_shared_create(10 << 20, &picture);
    weft_process_call call = { .fn = draw, .shared = &picture, .shared_count = 1 };

    if (rc == 0) {
        rc = weft_process_pool_call(pool, &call, NULL);
        printf("a picture: %.10s\n", (const char *)weft_shared_data(picture));
        weft_shared_destroy(picture);
    }
    return rc;
}

static int work(void *unused)
{
    weft_process_pool_info info;
    int rc = squares();

    (void)unused;
    run_out_of_time();
    if (rc == 0)
        rc = share_memory();
    weft_process_pool_look(pool, &info);
    printf("jobs that crashed: %d, that are still at it: %u\n", (int)info.crashed, info.busy);
    return rc;
}

/* The pool comes before any thread, and so before the runtime. */
int main(void)
{
    weft_process_pool_attr attr = { .max = 3 };

    for (int i = 0; i < NUMBERS; i++)
        table[i] = i * i;
    int rc = weft_process_pool_create(&attr, &pool);
    if (rc == 0) {
        rc = weft_run(NULL, work, NULL);
        weft_process_pool_destroy(pool);
    }
    return rc == 0 ? 0 : 1;
}
