/* yield.c - tasks that only yield. */
#include <stdlib.h>

#include <weft.h>

#include "bench.h"

#define TASKS 1000

static int yield_often(void *arg)
{
    size_t n = *(const size_t *)arg;
    for (size_t i = 0; i < n; i++)
        weft_yield();
    return 0;
}

struct sample yield_many(const struct load *load)
{
    size_t yields = load_count(load, 2000);
    weft_task *tasks[TASKS];
    struct meter meter = meter_start();
    for (size_t i = 0; i < TASKS; i++)
        must(weft_spawn(yield_often, &yields, &tasks[i]));
    for (size_t i = 0; i < TASKS; i++)
        must(weft_join(tasks[i], NULL));
    return meter_ns_per_op(&meter, TASKS * yields);
}

struct sample yield_alone(const struct load *load)
{
    size_t n = load_count(load, 1000000);
    struct meter meter = meter_start();
    yield_often(&n);
    return meter_ns_per_op(&meter, n);
}
