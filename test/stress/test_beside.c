/* Five tasks that hold a worker each, by usleep(3) or by computing, of which weft knows nothing,
 * on two workers; and an echo service on the same runtime, whose client is a plain thread.
 *
 * How long anything takes is printed. What is judged is what does not depend on how busy the
 * machine is: that all five hold at the same time, and that requests are answered from their
 * beginning to their end while as many hold as there are workers, none of whom comes back
 * meanwhile. */
#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tasks.h"

#define WORKERS 2
#define HOGS 5
#define HELD_US 50000
#define REQUESTS 400 /* at least */
#define BESIDE 20    /* of them while the workers are held */
#define MOST 100000

static void (*hold)(void);
static atomic_int holding, most, rounds;
static atomic_int let_go; /* times */
static atomic_bool over;
static int fds[2];
static int64_t latencies[MOST];
static int requests, beside;

static void sleep_long(void)
{
    usleep(HELD_US);
}

static void compute_long(void)
{
    spin_for(WEFT_US(HELD_US));
}

static int be_a_hog(void *unused)
{
    (void)unused;
    while (!atomic_load(&over)) {
        int now = atomic_fetch_add(&holding, 1) + 1, before = atomic_load(&most);
        while (now > before && !atomic_compare_exchange_weak(&most, &before, now))
            ;
        hold();
        atomic_fetch_add(&let_go, 1);
        atomic_fetch_sub(&holding, 1);
        atomic_fetch_add(&rounds, 1);
        weft_sleep(WEFT_MS(5));
    }
    return 0;
}

static int echo(void *unused)
{
    char byte;
    (void)unused;
    while (weft_read(fds[0], &byte, 1) == 1)
        ck_assert_int_eq(weft_write(fds[0], &byte, 1), 1);
    return 0;
}

/* One at a time; knows nothing of weft either. */
static void *ask(void *unused)
{
    char byte = 'x';
    while (requests < MOST &&
           (requests < REQUESTS || beside < BESIDE || atomic_load(&most) < HOGS)) {
        int gone = atomic_load(&let_go), held = atomic_load(&holding);
        int64_t begin = weft_now();
        ck_assert_int_eq(write(fds[1], &byte, 1), 1);
        ck_assert_int_eq(read(fds[1], &byte, 1), 1);
        latencies[requests++] = weft_now() - begin;
        beside += held >= WORKERS && atomic_load(&let_go) == gone;
        block_for(WEFT_MS(1));
    }
    return unused;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int serve_beside_hogs(void *unused)
{
    weft_task *hogs[HOGS], *server;
    pthread_t client;
    (void)unused;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    SPAWN(echo, NULL, &server);
    for (int i = 0; i < HOGS; i++)
        SPAWN(be_a_hog, NULL, &hogs[i]);
    ck_assert_int_eq(pthread_create(&client, NULL, ask, NULL), 0);
    while (!atomic_load(&over)) {
        weft_sleep(WEFT_MS(5));
        atomic_store(&over, pthread_tryjoin_np(client, NULL) == 0);
    }
    close(fds[1]);
    JOIN(server, 0);
    for (int i = 0; i < HOGS; i++)
        JOIN(hogs[i], 0);
    return weft_close(fds[0]);
}

static void judge(void (*how)(void), const char *name)
{
    hold = how;
    int64_t begin = weft_now();
    ck_assert_int_eq(run_tasks(WORKERS, serve_beside_hogs, NULL), 0);
    double elapsed = (double)(weft_now() - begin) / 1e6;
    qsort(latencies, (size_t)requests, sizeof *latencies, by_value);
    printf("# %s: %d times %d ms held, on %d workers, in %.0f ms\n", name, atomic_load(&rounds),
           HELD_US / 1000, WORKERS, elapsed);
    printf("# %s: %d requests, p50 %.2f ms, p99 %.2f ms, %d of them while all workers were held\n",
           name, requests, (double)latencies[requests / 2] / 1e6,
           (double)latencies[requests * 99 / 100] / 1e6, beside);
    ck_assert_int_eq(atomic_load(&most), HOGS);
    ck_assert_int_ge(beside, BESIDE);
}

TEST(an_echo_service_answers_beside_tasks_that_sleep, .timeout = 300)
{
    judge(sleep_long, "sleeping");
}

TEST(an_echo_service_answers_beside_tasks_that_compute, .timeout = 300)
{
    judge(compute_long, "computing");
}

/* Once each, for the figure: as long as one, and not as long as three on two workers. */
static int sleep_once(void *unused)
{
    (void)unused;
    usleep(10 * HELD_US);
    return 0;
}

static int sleep_together(void *unused)
{
    weft_task *tasks[HOGS];
    (void)unused;
    int64_t begin = weft_now();
    for (int i = 0; i < HOGS; i++)
        SPAWN(sleep_once, NULL, &tasks[i]);
    for (int i = 0; i < HOGS; i++)
        JOIN(tasks[i], 0);
    printf("# %d sleep for %d ms each: %.0f ms together\n", HOGS, HELD_US / 100,
           (double)(weft_now() - begin) / 1e6);
    return 0;
}

TEST(five_who_sleep_end_together)
{
    ck_assert_int_eq(run_tasks(WORKERS, sleep_together, NULL), 0);
}
