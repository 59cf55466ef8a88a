/* virtual.c - virtual threads, beside what they replace. */
#include <pthread.h>

#include <weft.h>

#include "bench.h"

#define THREADS 1000

static const weft_attr as_virtual = { .flags = WEFT_VIRTUAL_THREAD };

static int do_nothing(void *arg)
{
    (void)arg;
    return 0;
}

struct sample virtual_spawn_join_one(const struct load *load)
{
    size_t n = load_count(load, 200000);
    struct meter meter = meter_start();
    for (size_t i = 0; i < n; i++) {
        weft_task *task;
        must(weft_spawn_with(&as_virtual, do_nothing, NULL, &task));
        must(weft_join(task, NULL));
    }
    return meter_ns_per_op(&meter, n);
}

static void *do_nothing_on_thread(void *arg)
{
    return arg;
}

struct sample pthread_create_join_one(const struct load *load)
{
    size_t n = load_count(load, 20000);
    struct meter meter = meter_start();
    for (size_t i = 0; i < n; i++) {
        pthread_t thread;
        must(-pthread_create(&thread, NULL, do_nothing_on_thread, NULL));
        must(-pthread_join(thread, NULL));
    }
    return meter_ns_per_op(&meter, n);
}

static int yield_often(void *arg)
{
    size_t n = *(const size_t *)arg;
    for (size_t i = 0; i < n; i++)
        weft_yield();
    return 0;
}

/* Of the threads every `stride`-th is a virtual one, the others are light. */
static struct sample yield_with(const struct load *load, size_t threads, size_t stride)
{
    size_t yields = load_count(load, 2000000 / threads);
    weft_task *tasks[THREADS];
    struct meter meter = meter_start();
    for (size_t i = 0; i < threads; i++)
        must(weft_spawn_with(stride && i % stride == 0 ? &as_virtual : NULL, yield_often, &yields,
                             &tasks[i]));
    for (size_t i = 0; i < threads; i++)
        must(weft_join(tasks[i], NULL));
    return meter_ns_per_op(&meter, threads * yields);
}

struct sample virtual_yield_many(const struct load *load)
{
    return yield_with(load, THREADS, 1);
}

struct sample virtual_yield_two(const struct load *load)
{
    return yield_with(load, 2, 1);
}

struct sample light_yield_two(const struct load *load)
{
    return yield_with(load, 2, 0);
}
