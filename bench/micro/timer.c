/* timer.c - sleeping: many at once, and punctually. */
#include <stdatomic.h>
#include <stdlib.h>

#include <weft.h>

#include "baton.h"
#include "bench.h"

#define SLEEPERS 10

WEFT_TASK(sleep_once, int64_t, duration)
{
    return weft_sleep(duration);
}

struct sample sleep_100k(const struct load *load)
{
    size_t n = load_count(load, 100000);
    weft_task **tasks = allocate(n, sizeof *tasks);
    struct meter meter = meter_start();
    for (size_t i = 0; i < n; i++)
        must(weft_spawn_args(&tasks[i], sleep_once, WEFT_MS(i * 7919 % 100 + 1)));
    for (size_t i = 0; i < n; i++)
        must(weft_join(tasks[i], NULL));
    struct sample sample = meter_millis(&meter, n);
    free(tasks);
    return sample;
}

/* Static: the tasks still sleep when the scenario has returned. */
static struct {
    atomic_size_t remaining;
    struct baton all_asleep;
} crowd;

static int sleep_long(void *arg)
{
    (void)arg;
    if (atomic_fetch_sub(&crowd.remaining, 1) == 1)
        baton_give(&crowd.all_asleep);
    return weft_sleep(WEFT_S(60));
}

struct sample asleep_1m(const struct load *load)
{
    size_t n = load_count(load, 1000000);
    baton_init(&crowd.all_asleep);
    atomic_store(&crowd.remaining, n);
    struct memory before = memory_now();
    struct meter meter = meter_start();
    for (size_t i = 0; i < n; i++)
        must(weft_spawn(sleep_long, NULL, NULL));
    baton_take(&crowd.all_asleep);
    struct sample sample = meter_millis(&meter, n);
    must(weft_sleep(WEFT_MS(50)));
    struct memory after = memory_now();
    check(now_ns() - meter.wall < WEFT_S(60), "the first tasks woke up already");
    sample.extras[0].name = "bytes_per_task";
    sample.extras[0].value = (after.resident - before.resident) / (double)n;
    sample.extras[1].name = "page_table_bytes_per_task";
    sample.extras[1].value = (after.page_tables - before.page_tables) / (double)n;
    return sample;
}

static int stall(void *arg)
{
    atomic_bool *busy = arg;
    while (atomic_load_explicit(busy, memory_order_relaxed)) {
        spin(WEFT_US(50));
        weft_yield();
    }
    return 0;
}

WEFT_TASK(nap, int64_t *, late, size_t, naps)
{
    for (size_t i = 0; i < naps; i++) {
        int64_t due = now_ns() + WEFT_MS(1);
        must(weft_sleep(WEFT_MS(1)));
        int64_t woken = now_ns();
        late[i] = woken > due ? woken - due : 0;
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

struct sample timer_latency(const struct load *load)
{
    size_t naps = load_count(load, 200);
    size_t n = SLEEPERS * naps;
    int64_t *late = allocate(n, sizeof *late);
    weft_task **stallers = allocate(load->workers, sizeof *stallers);
    weft_task *sleepers[SLEEPERS];
    atomic_bool busy = true;
    struct meter meter = meter_start();
    for (unsigned i = 0; i < load->workers; i++)
        must(weft_spawn(stall, &busy, &stallers[i]));
    for (size_t i = 0; i < SLEEPERS; i++)
        must(weft_spawn_args(&sleepers[i], nap, late + i * naps, naps));
    for (size_t i = 0; i < SLEEPERS; i++)
        must(weft_join(sleepers[i], NULL));
    atomic_store(&busy, false);
    for (unsigned i = 0; i < load->workers; i++)
        must(weft_join(stallers[i], NULL));
    qsort(late, n, sizeof *late, compare);
    struct sample sample = meter_sample(&meter, "us", (double)late[(n - 1) * 99 / 100] / 1e3, n);
    sample.extras[0].name = "p50_us";
    sample.extras[0].value = (double)late[(n - 1) / 2] / 1e3;
    free(stallers);
    free(late);
    return sample;
}
