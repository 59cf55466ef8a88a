/* progress.c - a line each half second, so that one sees it live. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "load.h"

#define INTERVAL WEFT_MS(500)

int progress_main(void *arg)
{
    const struct progress *progress = arg;
    const struct load *load = progress->load;
    bool terminal = isatty(STDOUT_FILENO);
    int64_t begin = load->end - load->duration;
    int64_t due = begin + INTERVAL;
    int64_t previous_time = begin;
    uint64_t previous = 0;

    while (due <= load->end) {
        uint64_t answers = 0;
        uint64_t failed = 0;
        int64_t now;

        weft_sleep_until(due);
        now = weft_now();
        due += (now - due) / INTERVAL * INTERVAL + INTERVAL; /* none for missed ones */
        for (unsigned i = 0; i < progress->count; i++) {
            const struct client *client = &progress->clients[i];

            answers += atomic_load_explicit(&client->answers, memory_order_relaxed);
            failed += atomic_load_explicit(&client->failed, memory_order_relaxed);
        }
        printf("%s  %4.1f s  %9" PRIu64 " answers  %8.0f/s  %" PRIu64 " errors%s",
               terminal ? "\r" : "", (double)(now - begin) / 1e9, answers,
               (double)(answers - previous) * 1e9 / (double)(now - previous_time), failed,
               terminal ? "  " : "\n");
        fflush(stdout);
        previous = answers;
        previous_time = now;
    }
    if (terminal)
        putchar('\n');
    return 0;
}
