/* measure.c - clocks, memory, and giving up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench.h"

size_t load_count(const struct load *load, size_t full)
{
    size_t count = (size_t)((double)full * load->scale);
    return count > 0 ? count : 1;
}

int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t timeval_ns(struct timeval t)
{
    return ((int64_t)t.tv_sec * 1000000 + t.tv_usec) * 1000;
}

static int64_t cpu_ns(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime);
}

struct meter meter_start(void)
{
    struct meter meter = { .cpu = cpu_ns() };
    meter.wall = now_ns();
    return meter;
}

struct sample meter_ns_per_op(const struct meter *meter, size_t ops)
{
    double value = (double)(now_ns() - meter->wall) / (double)ops;
    return meter_sample(meter, "ns/op", value, ops);
}

struct sample meter_millis(const struct meter *meter, size_t ops)
{
    double value = (double)(now_ns() - meter->wall) / 1e6;
    return meter_sample(meter, "ms", value, ops);
}

struct sample meter_sample(const struct meter *meter, const char *unit, double value, size_t ops)
{
    return (struct sample){
        .unit = unit,
        .value = value,
        .cpu_ns_per_op = (double)(cpu_ns() - meter->cpu) / (double)ops,
    };
}

static double proc_bytes(const char *path, const char *key)
{
    char line[256];
    double kib = -1;
    FILE *file = fopen(path, "re");
    check(file != NULL, "cannot open a file in /proc");
    while (kib < 0 && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key)) == 0)
            kib = strtod(line + strlen(key), NULL);
    }
    fclose(file);
    check(kib >= 0, "a file in /proc lacks a line");
    return kib * 1024;
}

struct memory memory_now(void)
{
    return (struct memory){
        .resident = proc_bytes("/proc/self/smaps_rollup", "Rss:"),
        .page_tables = proc_bytes("/proc/self/status", "VmPTE:"),
    };
}

void spin(int64_t duration)
{
    int64_t end = now_ns() + duration;
    while (now_ns() < end)
        continue;
}

void check(int holds, const char *message)
{
    if (holds)
        return;
    fprintf(stderr, "weft-bench: %s\n", message);
    exit(1);
}

void fail(int rc)
{
    fprintf(stderr, "weft-bench: %s\n", strerror(-rc));
    exit(1);
}

void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    check(memory != NULL, "out of memory");
    return memory;
}
