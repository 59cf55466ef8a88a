/* What is the same for every kind of crowd. */
#include "crowd.h"

#include <dirent.h>
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

double crowd_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
