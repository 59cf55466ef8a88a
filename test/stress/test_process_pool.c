/* Jobs in random mixes: from tasks and plain threads, with deadlines and cancelling at any
 * moment, while workers are killed from outside. Each job ends exactly once, and was begun
 * at most once. */
#include "process_pool.h"

#include <stdio.h>

#include "sync.h"

#define TASKS 30
#define THREADS 8
#define ALL 1000
#define WORKERS 6

/* What workers have noted of each job. */
struct record {
    atomic_int begun, returned;
};

struct order {
    unsigned number;
    unsigned crash; /* 0: not; 1: it is killed; 2: it exits */
    int64_t time;
};

static atomic_uint next_job;
static unsigned jobs;
static weft_shared *records_memory;
static struct record *records;
static atomic_uint ended[4]; /* well, with the worker, cut short, before it began */
static atomic_bool over;

static int work(weft_process_job *job)
{
    const struct order *order = job->arg;
    struct record *record = (struct record *)job->shared[0] + order->number;
    atomic_fetch_add(&record->begun, 1);
    block_for(order->time);
    if (order->crash)
        order->crash == 1 ? (void)kill(getpid(), SIGKILL) : _exit(3);
    memset(job->result, (int)(order->number % 200), job->result_max);
    job->result_size = job->result_max;
    atomic_fetch_add(&record->returned, 1);
    return (int)order->number;
}

/* What the call says has to be what the worker has noted. */
static void settle(const struct order *order, int rc, const weft_process_outcome *outcome,
                   const unsigned char *result, size_t size)
{
    struct record *record = &records[order->number];
    int begun = atomic_load(&record->begun), returned = atomic_load(&record->returned);
    bool fits = begun <= 1 && (outcome->begun || !begun);
    if (rc == 0) {
        fits = fits && begun == 1 && returned == 1 && outcome->value == (int)order->number &&
               outcome->result_size == size;
        for (size_t i = 0; i < size; i++)
            fits = fits && result[i] == order->number % 200;
    } else {
        fits = fits && (rc == -EOWNERDEAD || rc == -ETIMEDOUT || rc == -ECANCELED);
    }
    if (!fits)
        ck_abort_msg("job %u: %d, %d, begun %d, returned %d", order->number, rc, outcome->begun,
                     begun, returned);
    atomic_fetch_add(&ended[rc == 0 ? 0 : !outcome->begun ? 3 : rc == -EOWNERDEAD ? 1 : 2], 1);
}

static void do_job(unsigned number)
{
    static const size_t sizes[] = { 0, 10, 5000, 300000 };
    struct order order = { .number = number, .crash = test_random() % 10 ? 0 : 1 + number % 2 };
    size_t size = sizes[test_random() % 4], arg_size = sizes[1 + test_random() % 3];
    unsigned char *result = malloc(size + 1), *arg = calloc(1, arg_size + sizeof order);
    weft_process_outcome outcome;
    weft_process_call call = { .fn = work,
                               .arg = arg,
                               .arg_size = arg_size + sizeof order,
                               .result = result,
                               .result_max = size,
                               .shared = &records_memory,
                               .shared_count = 1 };
    order.time = (int64_t)(test_random() % WEFT_MS(2));
    memcpy(arg, &order, sizeof order);
    weft_scope scope;
    weft_scope_enter(&scope, test_random() % 4 ? WEFT_NEVER
                                               : weft_after((int64_t)(test_random() % WEFT_MS(4))));
    int rc = weft_process_pool_call(pool, &call, &outcome);
    weft_scope_leave(&scope);
    settle(&order, rc, &outcome, result, size);
    free(result);
    free(arg);
}

/* Cancelled with its task at any moment, or by a deadline. */
static int do_one(void *number)
{
    do_job((unsigned)(uintptr_t)number);
    return 0;
}

static void cancel_one(unsigned number)
{
    weft_task *task;
    SPAWN(do_one, (void *)(uintptr_t)number, &task);
    weft_sleep((int64_t)(test_random() % WEFT_MS(3)));
    weft_cancel(task);
    int rc;
    ck_assert_int_eq(weft_join(task, &rc), 0);
    if (rc == -ECANCELED) /* it has not begun */
        atomic_fetch_add(&ended[3], 1);
}

static int party(void *unused)
{
    unsigned number;
    (void)unused;
    while ((number = atomic_fetch_add(&next_job, 1)) < jobs) {
        if (weft_self() && test_random() % 5 == 0)
            cancel_one(number);
        else
            do_job(number);
    }
    return 0;
}

/* Kills one of the template's children, whoever it is. */
static void kill_somebody(void)
{
    char path[64];
    pid_t pids[WORKERS], template = look().process;
    int count = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", template, template);
    FILE *children = fopen(path, "r");
    if (!children)
        return;
    while (count < WORKERS && fscanf(children, "%d", &pids[count]) == 1)
        count++;
    fclose(children);
    if (count)
        kill(pids[test_random() % (unsigned)count], test_random() % 2 ? SIGKILL : SIGTERM);
}

static void *killer(void *unused)
{
    while (!atomic_load(&over)) {
        block_for((int64_t)(test_random() % WEFT_MS(4)));
        kill_somebody();
    }
    return unused;
}

static int all_parties(void *unused)
{
    pthread_t killing;
    ck_assert_int_eq(pthread_create(&killing, NULL, killer, NULL), 0);
    run_crowd(TASKS, THREADS, party, unused);
    atomic_store(&over, true);
    pthread_join(killing, NULL);
    return 0;
}

/* None was begun, or returned, behind the back of who had got its end. */
static void balance(void)
{
    unsigned begun = 0, returned = 0, all = 0, well = atomic_load(&ended[0]);
    weft_process_pool_info info = look();
    for (unsigned i = 0; i < jobs; i++) {
        begun += (unsigned)atomic_load(&records[i].begun);
        returned += (unsigned)atomic_load(&records[i].returned);
    }
    for (int i = 0; i < 4; i++)
        all += atomic_load(&ended[i]);
    ck_assert_uint_eq(all, jobs);
    ck_assert_uint_ge(returned, well);
    ck_assert_uint_le(begun, jobs - atomic_load(&ended[3]));
    ck_assert_uint_eq(info.completed, well);
    ck_assert_uint_eq(info.crashed, atomic_load(&ended[1]));
    ck_assert_uint_eq(info.busy + info.waiting, 0);
    ck_assert(!info.broken);
}

static void run_parties(unsigned workers)
{
    weft_process_pool_attr attr = { .max = WORKERS, .prefork = 2, .jobs_per_worker = 50 };
    jobs = (unsigned)test_work(ALL);
    open_pool_with(&attr);
    ck_assert_int_eq(weft_shared_create(jobs * sizeof *records, &records_memory), 0);
    records = weft_shared_data(records_memory);
    ck_assert_int_eq(run_tasks(workers, all_parties, NULL), 0);
    balance();
    weft_shared_destroy(records_memory);
    close_pool();
}

TEST(each_job_ends_once_on_one_worker, .timeout = 300)
{
    run_parties(1);
}

TEST(each_job_ends_once_on_two_workers, .timeout = 300)
{
    run_parties(2);
}

TEST(each_job_ends_once_on_eight_workers, .timeout = 300)
{
    run_parties(8);
}
