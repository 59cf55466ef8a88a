/* Tasks that do not come back, among others that depend on being rescued. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "tasks.h"

static atomic_uint_least64_t passed;
static atomic_bool stop;

static int hog(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop)) {
        spin_for(WEFT_US(200) + (int64_t)(test_random() % WEFT_MS(3)));
        weft_sleep((int64_t)(test_random() % 500000));
    }
    return 0;
}

static int pass_on(void *arg)
{
    int *fds = arg;
    char byte;
    for (uint64_t n = test_work(300); n > 0; n--) {
        ck_assert(weft_read(fds[0], &byte, 1) == 1);
        ck_assert(weft_write(fds[1], &byte, 1) == 1);
        atomic_fetch_add(&passed, 1);
    }
    return 0;
}

static int pass_among_hogs(void *hogs)
{
    enum { RINGS = 10 };
    static int ends[RINGS][2][2], fds[RINGS][2][2];
    weft_task *tasks[RINGS][2], *hog_tasks[8];
    int count = *(int *)hogs;
    for (int i = 0; i < count; i++)
        SPAWN(hog, NULL, &hog_tasks[i]);
    for (int i = 0; i < RINGS; i++) {
        for (int k = 0; k < 2; k++)
            ck_assert_int_eq(pipe(ends[i][k]), 0);
        ck_assert_int_eq(write(ends[i][0][1], "x", 1), 1);
        for (int k = 0; k < 2; k++) {
            fds[i][k][0] = ends[i][k][0];
            fds[i][k][1] = ends[i][!k][1];
            SPAWN(pass_on, fds[i][k], &tasks[i][k]);
        }
    }
    for (int i = 0; i < RINGS; i++) {
        for (int k = 0; k < 2; k++)
            JOIN(tasks[i][k], 0);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < count; i++)
        JOIN(hog_tasks[i], 0);
    ck_assert_uint_eq(atomic_load(&passed), RINGS * 2 * test_work(300));
    return 0;
}

TEST(messages_pass_among_hogs)
{
    int hogs = 3;
    ck_assert_int_eq(run_tasks(4, pass_among_hogs, &hogs), 0);
}

TEST(messages_pass_beside_one_hog_of_two_workers)
{
    int hogs = 1;
    ck_assert_int_eq(run_tasks(2, pass_among_hogs, &hogs), 0);
}

TEST(messages_pass_among_hogs_whose_threads_end)
{
    int hogs = 3;
    weft_config config = { .workers = 2, .carrier_idle = WEFT_US(100) };
    ck_assert_int_eq(weft_run(&config, pass_among_hogs, &hogs), 0);
}

/* A descriptor is closed by a task that has computed for long, so that its
 * worker is being rescued, while an event for the descriptor is under way. */

static int read_until_closed(void *fd)
{
    char byte;
    ssize_t n;
    while ((n = weft_read(*(int *)fd, &byte, 1)) == 1)
        atomic_fetch_add(&passed, 1);
    return (int)n;
}

static _Atomic(int) target, refused;

static void *write_often(void *unused)
{
    while (!atomic_load(&stop)) {
        int fd = atomic_exchange(&target, -1);
        if (fd >= 0 && write(fd, "x", 1) < 0)
            atomic_fetch_add(&refused, 1); /* the reader's end was closed before */
    }
    return unused;
}

static int close_while_rescued(void *unused)
{
    pthread_t thread;
    (void)unused;
    atomic_store(&target, -1);
    pthread_create(&thread, NULL, write_often, NULL);
    for (uint64_t n = test_work(2000); n > 0; n--) {
        int fds[2];
        weft_task *task;
        ck_assert_int_eq(pipe(fds), 0);
        SPAWN(read_until_closed, &fds[0], &task);
        weft_yield();
        spin_for((int64_t)(test_random() % 600000));
        atomic_store(&target, fds[1]);
        spin_for((int64_t)(test_random() % 10000));
        weft_close(fds[0]);
        JOIN(task, -EBADF);
        while (atomic_load(&target) >= 0)
            weft_yield();
        block_for(1000); /* the thread may be in write() */
        weft_close(fds[1]);
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    return 0;
}

TEST(closing_and_rescuing_do_not_wait_for_each_other)
{
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(run_tasks(2, close_while_rescued, NULL), 0);
}
