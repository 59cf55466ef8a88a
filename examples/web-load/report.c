/* report.c - the results of a run. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "load.h"

static const char *const failure_names[FAILURES] = {
    [FAILED_CONNECT] = "not connected", [FAILED_WRITE] = "not written",
    [FAILED_READ] = "not readable",     [FAILED_CLOSED] = "closed early",
    [FAILED_TIMEOUT] = "not in time",   [FAILED_STATUS] = "wrong status",
    [FAILED_CONTENT] = "wrong content",
};

/* Takes the unit that leaves a number one can read. */
static void print_duration(const char *name, int64_t duration)
{
    double us = (double)duration / 1e3;

    if (us < 1000)
        printf("  %s %.0f us", name, us);
    else if (us < 1e6)
        printf("  %s %.1f ms", name, us / 1e3);
    else
        printf("  %s %.2f s", name, us / 1e6);
}

static uint64_t add(uint64_t *into, const uint64_t *from)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < FAILURES; i++) {
        into[i] += from[i];
        sum += from[i];
    }
    return sum;
}

static void report_slow(const struct load *load, const struct slow_client *slow)
{
    struct slow_client sum = { 0 };

    for (unsigned i = 0; i < load->slow; i++) {
        sum.attempts += slow[i].attempts;
        sum.answered += slow[i].answered;
        sum.timed_out += slow[i].timed_out;
        sum.turned_away += slow[i].turned_away;
        sum.closed += slow[i].closed;
        sum.unfinished += slow[i].unfinished;
    }
    printf("slow clients  %u, a byte each %.0f to %.0f ms: %u requests begun\n", load->slow,
           (double)slow[0].delay / 1e6, (double)slow[load->slow - 1].delay / 1e6, sum.attempts);
    printf("              %u answered, %u refused with 408, %u turned away with 503,\n"
           "              %u closed, %u unfinished at the end\n",
           sum.answered, sum.timed_out, sum.turned_away, sum.closed, sum.unfinished);
}

bool load_report(const struct load *load, const struct client *clients, unsigned client_count,
                 const struct slow_client *slow, int64_t elapsed)
{
    static struct histogram latencies;
    uint64_t failures[FAILURES] = { 0 };
    uint64_t failed = 0;
    uint64_t received = 0;

    for (unsigned i = 0; i < client_count; i++) {
        histogram_merge(&latencies, &clients[i].latencies);
        received += clients[i].wire.received;
        failed += add(failures, clients[i].failures);
    }
    for (unsigned i = 0; i < load->slow; i++)
        failed += add(failures, slow[i].failures);

    printf("requests      %" PRIu64 " in %.2f s: %.0f per second\n", latencies.total,
           (double)elapsed / 1e9, (double)latencies.total * 1e9 / (double)elapsed);
    printf("latency     ");
    print_duration("p50", histogram_quantile(&latencies, 0.5));
    print_duration("p99", histogram_quantile(&latencies, 0.99));
    print_duration("p99.9", histogram_quantile(&latencies, 0.999));
    print_duration("longest", latencies.longest);
    printf("\nreceived      %.1f MB, %.1f MB per second\n", (double)received / 1e6,
           (double)received * 1e3 / (double)elapsed);
    if (load->slow > 0)
        report_slow(load, slow);
    printf("errors        ");
    for (unsigned i = 0; i < FAILURES; i++) {
        if (failures[i] > 0)
            printf("%" PRIu64 " %s  ", failures[i], failure_names[i]);
    }
    puts(failed > 0 ? "" : "none: each status and each body was what it had to be");
    return failed == 0 && latencies.total > 0;
}
