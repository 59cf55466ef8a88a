#include "os/cpus.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* More than any kernel has. */
#define CPUS_MAX (1u << 16)

static unsigned round_up_quota(long long quota, long long period)
{
    if (quota <= 0 || period <= 0)
        return 0;
    return (unsigned)((quota + period - 1) / period);
}

unsigned weft__cpus_parse_max(const char *line)
{
    long long quota, period;
    if (sscanf(line, "%lld %lld", &quota, &period) != 2)
        return 0;
    return round_up_quota(quota, period);
}

static bool read_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool ok = fgets(line, size, file) != NULL;
    fclose(file);
    return ok;
}

static unsigned smaller_quota(unsigned a, unsigned b)
{
    if (!a || !b)
        return a ? a : b;
    return a < b ? a : b;
}

/* A quota may sit on any ancestor of our cgroup. */
static unsigned quota_v2(char *group)
{
    unsigned quota = 0;
    for (;;) {
        char path[PATH_MAX], line[64];
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
        if (read_line(path, line, sizeof line))
            quota = smaller_quota(quota, weft__cpus_parse_max(line));
        char *slash = strrchr(group, '/');
        if (!slash)
            return quota;
        *slash = 0;
    }
}

static unsigned quota_v1(const char *group)
{
    char path[PATH_MAX], quota[64], period[64];
    snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_quota_us", group);
    if (!read_line(path, quota, sizeof quota))
        return 0;
    snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_period_us", group);
    if (!read_line(path, period, sizeof period))
        return 0;
    long long q = 0, p = 0;
    sscanf(quota, "%lld", &q);
    sscanf(period, "%lld", &p);
    return round_up_quota(q, p);
}

/* /proc/self/cgroup: "0::/group" for v2, "4:cpu,cpuacct:/group" for v1. */
static unsigned quota_of_cgroup(void)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (!file)
        return 0;
    unsigned quota = 0;
    char line[PATH_MAX];
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = 0;
        controllers++;
        if (*controllers == 0)
            quota = smaller_quota(quota, quota_v2(group));
        else if (strcmp(controllers, "cpu") == 0 || strncmp(controllers, "cpu,", 4) == 0)
            quota = smaller_quota(quota, quota_v1(group));
    }
    fclose(file);
    return quota;
}

/* The kernel refuses sets that are smaller than its own. 0: it does not say. */
static unsigned cpus_of_mask(void)
{
    unsigned cpus = 0;
    for (unsigned room = CPU_SETSIZE; cpus == 0 && room <= CPUS_MAX; room *= 2) {
        cpu_set_t *set = CPU_ALLOC(room);
        size_t size = CPU_ALLOC_SIZE(room);
        if (!set)
            break;
        if (sched_getaffinity(0, size, set) == 0)
            cpus = (unsigned)CPU_COUNT_S(size, set);
        CPU_FREE(set);
    }
    return cpus;
}

unsigned weft__cpus_usable(void)
{
    unsigned cpus = cpus_of_mask();
    if (!cpus) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        cpus = online > 0 ? (unsigned)online : 1;
    }
    return smaller_quota(cpus, quota_of_cgroup());
}
