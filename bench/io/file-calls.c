/* What a call on a file costs, by who makes it:
 *
 *     file-calls ENGINE CALL TASKS CALLS
 *
 * ENGINE: direct (by the carrier that is here, which blocks), pool, ring. CALL: cold-read (4 KiB
 * that are not in the page cache), warm-read, write (4 KiB into the cache), sync (fdatasync
 * after that), open (and close), stat. Prints microseconds per call: of the clock, and of all
 * CPUs, the kernel's threads for the ring included. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/jobs.h"
#include "io/file_call.h"
#include "sched/task.h"
#include "weft.h"

#define PAGE 4096
#define PAGES 32768 /* of the file: 128 MiB */

static const char *engine, *verb;
static int file, tasks, calls;
static char path[] = "/var/tmp/weft-file-calls-XXXXXX";

static void fail(const char *what, int64_t error)
{
    fprintf(stderr, "file-calls: %s: %s\n", what, strerror((int)-error));
    exit(1);
}

struct errand {
    const struct weft__file_call *call;
    int64_t result;
};

static int run_errand(void *arg)
{
    struct errand *errand = arg;
    errand->result = weft__file_run(errand->call);
    return 0;
}

static int64_t run_in_pool(const struct weft__file_call *call)
{
    static const weft_blocking_attr attr = { .kind = &weft__files_kind };
    struct errand errand = { .call = call };
    int rc = weft_blocking_at("file-calls", &attr, run_errand, &errand, NULL);
    return rc ? rc : errand.result;
}

static int64_t run(struct weft__file_call call)
{
    int64_t result;
    if (*engine == 'd')
        result = weft__file_run(&call);
    else if (*engine == 'p')
        result = run_in_pool(&call);
    else
        result = weft__file_ring_takes(call.verb) ? weft__file_ring_run(&call, weft__waiter_self())
                                                  : WEFT__FILE_ELSEWHERE;
    if (result == WEFT__FILE_ELSEWHERE)
        return run_in_pool(&call);
    if (result < 0)
        fail(verb, result);
    return result;
}

static void transfer(enum weft__file_verb what, char *page, int number)
{
    int64_t offset = (int64_t)(number * 7919LL % PAGES) * PAGE; /* each once, far from the last */
    run((struct weft__file_call){
        .verb = what, .fd = file, .buf = page, .size = PAGE, .offset = offset });
}

static void open_and_close(void)
{
    int fd = (int)run((struct weft__file_call){
        .verb = WEFT__FILE_OPEN, .fd = AT_FDCWD, .path = path, .flags = O_RDONLY | O_CLOEXEC });
    run((struct weft__file_call){ .verb = WEFT__FILE_CLOSE, .fd = fd });
}

static void call_once(char *page, int number)
{
    struct statx seen;
    switch (*verb) {
    case 'c':
    case 'w':
        transfer(strcmp(verb, "write") ? WEFT__FILE_READ : WEFT__FILE_WRITE, page, number);
        break;
    case 'o':
        open_and_close();
        break;
    default:
        if (strcmp(verb, "sync") == 0) {
            if (pwrite(file, page, PAGE, (off_t)(number % 64) * PAGE) != PAGE)
                fail("write", -errno);
            run((struct weft__file_call){ .verb = WEFT__FILE_FDATASYNC, .fd = file });
        } else {
            run((struct weft__file_call){ .verb = WEFT__FILE_STAT,
                                          .fd = AT_FDCWD,
                                          .path = path,
                                          .mask = STATX_BASIC_STATS,
                                          .buf = &seen });
        }
    }
}

static int call_often(void *first)
{
    char *page = aligned_alloc(PAGE, PAGE);
    memset(page, 1, PAGE);
    for (int i = (int)(intptr_t)first; i < calls; i += tasks)
        call_once(page, i);
    free(page);
    return 0;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static int measure(void *unused)
{
    weft_task **all = calloc((size_t)tasks, sizeof *all);
    int warm = calls;
    (void)unused;
    calls = tasks; /* threads are made, and the ring */
    for (int round = 0; round < 2; round++) {
        int64_t start = weft_now();
        double cpu = cpu_seconds();
        for (int i = 0; i < tasks; i++)
            weft_spawn(call_often, (void *)(intptr_t)i, &all[i]);
        for (int i = 0; i < tasks; i++)
            weft_join(all[i], NULL);
        if (round)
            printf("%-7s %-10s %3d tasks: %8.1f us, %6.1f us of CPU\n", engine, verb, tasks,
                   (double)(weft_now() - start) * 1e-3 / calls,
                   (cpu_seconds() - cpu) * 1e6 / calls);
        calls = warm;
    }
    free(all);
    return 0;
}

static void make_file(void)
{
    static char page[PAGE] = { 1 };
    file = mkstemp(path);
    for (int i = 0; i < PAGES; i++) {
        if (write(file, page, PAGE) != PAGE)
            fail("write", -errno);
    }
    fsync(file);
    posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM);
    if (strcmp(verb, "cold-read") == 0)
        posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: file-calls ENGINE CALL TASKS CALLS\n");
        return 2;
    }
    engine = argv[1];
    verb = argv[2];
    tasks = atoi(argv[3]);
    calls = atoi(argv[4]);
    setenv("WEFT_FILES", "ring", 1);
    make_file();
    int rc = weft_run(NULL, measure, NULL);
    unlink(path);
    return rc;
}
