/* tasks.h - what tests that run tasks have in common. */
#ifndef WEFT_TEST_TASKS_H
#define WEFT_TEST_TASKS_H

#include <dirent.h>
#include <errno.h>
#include <time.h>

#include <check.h>
#include <weft.h>

/* Spawns and expects that to work. */
#define SPAWN(fn, arg, ret_task) ck_assert_int_eq(weft_spawn(fn, arg, ret_task), 0)

/* Joins and expects the task to have returned `result`. */
#define JOIN(task, result) \
    do { \
        int joined_; \
        ck_assert_int_eq(weft_join(task, &joined_), 0); \
        ck_assert_int_eq(joined_, result); \
    } while (0)

/* Runs fn(arg) as the first task; `workers` 0: what the environment says. */
static inline int run_tasks(unsigned workers, int (*fn)(void *arg), void *arg)
{
    weft_config config = { .workers = workers };
    return weft_run(&config, fn, arg);
}

/* On one worker, one at a time: it is not handed on when the machine is slow. */
static inline int run_in_turn(int (*fn)(void *arg), void *arg)
{
    weft_config config = { .workers = 1, .flags = WEFT_NO_HAND_OFF };
    return weft_run(&config, fn, arg);
}

/* Computes without giving way. */
static inline void spin_for(int64_t ns)
{
    int64_t end = weft_now() + ns;
    while (weft_now() < end)
        ;
}

/* Sleeps in the kernel, as code that knows nothing of weft does. */
static inline void block_for(int64_t ns)
{
    struct timespec time = { ns / 1000000000, ns % 1000000000 };
    nanosleep(&time, NULL);
}

/* errno, of the thread that the caller is on now: a compiler keeps its address. */
__attribute__((noinline, unused)) static int *errno_here(void)
{
    __asm__ volatile(""); /* the body is not a constant of its caller */
    return &errno;
}

/* Of a folder, as /proc/self/fd: descriptors, or /proc/self/task: threads. */
static inline int entries_of(const char *path)
{
    int count = 0;
    DIR *dir = opendir(path);
    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* An emulator's own threads come and go: fewer than before are no leak there. */
static inline bool has_threads(int threads)
{
    int now = entries_of("/proc/self/task");
    return now == threads || (now < threads && test_is_under("qemu"));
}

/* The kernel forgets a thread a little later than it wakes its joiner. */
static inline void expect_threads(int threads)
{
    for (int64_t end = weft_now() + (int64_t)(test_seconds(5) * 1e9); weft_now() < end;
         block_for(WEFT_MS(1))) {
        if (has_threads(threads))
            return;
    }
    ck_assert_int_eq(entries_of("/proc/self/task"), threads);
}

/* By a task at one, two and eight workers, by a plain thread beside the runtime, and by one
 * without. */
static inline void by_everybody(int (*fn)(void *unused))
{
    static const unsigned workers[] = { 1, 2, 8 };
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(run_tasks(workers[i], fn, NULL), 0);
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_int_eq(fn(NULL), 0);
    ck_assert_int_eq(weft_stop(), 0);
    ck_assert_int_eq(fn(NULL), 0);
}

#endif
