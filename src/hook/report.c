/* Figures at the end of a process, on standard error: by exit(), quick_exit() and
 * _exit(). A process that a signal ends, or that becomes another program, has none.
 *
 * Programs close standard error by a function of atexit() (coreutils do, to see whether all was
 * written), which comes before the report's: so what it was at the start is kept. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/meter.h"
#include "hook/observe.h"
#include "observe/text.h"
#include "os/private_fd.h"
#include "sched/carrier.h"
#include "time/clock.h"
#include "weft/observe.h"

#define COLUMN 18

static struct {
    int64_t begin;
    pid_t process;
    _Atomic(bool) done;
    int kept; /* standard error's file, as it was at the start */
    int fd;   /* where the report goes */
} run;

static void begin(struct weft__line *line, const char *title)
{
    weft__line_string(line, "weft: ");
    weft__line_string(line, title);
    weft__line_pad(line, COLUMN);
}

static void put(struct weft__line *line, const char *before, uint64_t number, const char *after)
{
    weft__line_string(line, before);
    weft__line_number(line, number);
    weft__line_string(line, after);
}

static void end(struct weft__line *line)
{
    weft__line_write(line, run.fd);
}

static void report_process(struct weft__line *line)
{
    weft__line_string(line, "weft: ");
    weft__line_string(line, program_invocation_short_name);
    put(line, ", process ", (uint64_t)run.process, ": ");
    put(line, "", weft_workers(), weft_workers() == 1 ? " worker, " : " workers, ");
    weft__line_duration(line, weft__clock_now() - run.begin);
    end(line);
}

static void report_threads(struct weft__line *line)
{
    begin(line, "threads");
    put(line, "", weft__load(&weft__observed.threads, relaxed), " created beside the first, ");
    put(line, "at most ", weft__load(&weft__observed.most_alive, relaxed), " alive");
    end(line);
    begin(line, "carriers");
    put(line, "", weft__carriers_alive(), ", ");
    put(line, "hand-offs ", weft__load(&weft__rt.handoffs, relaxed), "");
    end(line);
}

static void report_workers(struct weft__line *line)
{
    uint64_t switches = 0, steals = 0;
    for (unsigned i = 0; i < weft_workers(); i++) {
        weft_worker_stats stats;
        weft_stats(i, &stats);
        switches += stats.switches;
        steals += stats.steals;
    }
    begin(line, "switches");
    put(line, "", switches, ", ");
    put(line, "steals ", steals, ", ");
    put(line, "waits ", weft__load(&weft__observed.waits, relaxed), "");
    end(line);
}

/* Returns where the next family begins. */
static size_t report_family(struct weft__line *line, size_t first)
{
    const struct weft__meter *meter = weft__meter_here;
    const char *family = meter->calls[first]->family;
    uint64_t sum = 0;
    size_t last = first;
    for (; last < meter->count && strcmp(meter->calls[last]->family, family) == 0; last++)
        sum += weft__load(&meter->calls[last]->count, relaxed);
    if (!sum)
        return last;
    begin(line, family);
    put(line, "", sum, " calls:");
    for (size_t i = first; i < last; i++) {
        uint64_t count = weft__load(&meter->calls[i]->count, relaxed);
        if (!count)
            continue;
        weft__line_string(line, " ");
        weft__line_string(line, meter->calls[i]->name);
        put(line, " ", count, "");
    }
    end(line);
    return last;
}

static void report(void)
{
    struct weft__line line = { 0 };
    int error = errno;
    /* A child that was forked and ends without another program has nothing to say. */
    if (getpid() != run.process || weft__exchange(&run.done, true, relaxed))
        return;
    run.fd = fcntl(STDERR_FILENO, F_GETFD) >= 0 ? STDERR_FILENO : run.kept;
    report_process(&line);
    report_threads(&line);
    report_workers(&line);
    for (size_t i = 0; weft__meter_here && i < weft__meter_here->count;)
        i = report_family(&line, i);
    errno = error;
}

/* It has nothing to say, and may stay. */
static void close_in_child(void)
{
    if (run.kept >= 0)
        weft__private_fd_close(run.kept);
    run.kept = -1;
}

void weft__report_start(void)
{
    run.begin = weft__clock_now();
    run.process = getpid();
    run.kept = weft__private_fd_take(dup(STDERR_FILENO));
    pthread_atfork(NULL, NULL, close_in_child);
    atexit(report);
    at_quick_exit(report);
    if (weft__meter_at_exit)
        weft__meter_at_exit(report);
}
