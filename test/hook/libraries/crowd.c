/* What is the same for every kind of crowd. */
#include "crowd.h"

#include <dirent.h>
#include <stdatomic.h>
#include <time.h>

static unsigned kernel_threads(void)
{
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    MUST(tasks, "no /proc");
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

void crowd_count(size_t waiting)
{
    fprintf(stderr, "kernel threads: %u while %zu wait\n", kernel_threads(), waiting);
}

static bool (*sleep_a_second)(void);
static atomic_uint slept;

static void sleep_as_member(size_t number)
{
    (void)number;
    slept += sleep_a_second();
}

void crowd_sleep(size_t count, bool (*fn)(void))
{
    double begin = crowd_clock();
    sleep_a_second = fn;
    slept = 0;
    crowd_run(count, sleep_as_member);
    double passed = crowd_clock() - begin;
    fprintf(stderr, "%zu sessions slept a second each in %.3f s\n", count, passed);
    printf("sleeps: %u of %zu, %s\n", slept, count,
           passed < (double)count - 1 ? "at once" : "in turn");
}

double crowd_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
