/* remote.c - spawning from a plain thread into an idle and into a busy runtime. */
#include <stdatomic.h>
#include <stdlib.h>

#include <weft.h>

#include "bench.h"

#define STALL 10000

static int do_nothing(void *arg)
{
    (void)arg;
    return 0;
}

static struct sample spawn_many_remote(size_t batches, size_t batch)
{
    weft_task **tasks = allocate(batch, sizeof *tasks);
    struct meter meter = meter_start();
    for (size_t round = 0; round < batches; round++) {
        for (size_t i = 0; i < batch; i++)
            must(weft_spawn(do_nothing, NULL, &tasks[i]));
        for (size_t i = 0; i < batch; i++)
            must(weft_join(tasks[i], NULL));
    }
    struct sample sample = meter_ns_per_op(&meter, batches * batch);
    free(tasks);
    return sample;
}

struct sample spawn_many_remote_idle(const struct load *load)
{
    return spawn_many_remote(load_count(load, 20), 10000);
}

static int stall_and_yield(void *arg)
{
    atomic_bool *busy = arg;
    while (atomic_load_explicit(busy, memory_order_relaxed)) {
        weft_yield();
        spin(STALL);
    }
    return 0;
}

struct sample spawn_many_remote_busy1(const struct load *load)
{
    size_t count = 2 * (size_t)load->workers;
    atomic_bool busy = true;
    weft_task **tasks = allocate(count, sizeof *tasks);
    for (size_t i = 0; i < count; i++)
        must(weft_spawn(stall_and_yield, &busy, &tasks[i]));
    struct sample sample = spawn_many_remote(load_count(load, 20), 10000);
    atomic_store(&busy, false);
    for (size_t i = 0; i < count; i++)
        must(weft_join(tasks[i], NULL));
    free(tasks);
    return sample;
}

struct chains {
    atomic_bool busy;
    atomic_uint running;
};

/* A task that stalls and spawns its successor, until it is no longer wanted. */
static int stall_and_spawn(void *arg)
{
    struct chains *chains = arg;
    spin(STALL);
    if (atomic_load_explicit(&chains->busy, memory_order_relaxed))
        must(weft_spawn(stall_and_spawn, chains, NULL));
    else
        atomic_fetch_sub(&chains->running, 1);
    return 0;
}

struct sample spawn_many_remote_busy2(const struct load *load)
{
    struct chains chains = { .busy = true, .running = load->workers };
    for (unsigned i = 0; i < load->workers; i++)
        must(weft_spawn(stall_and_spawn, &chains, NULL));
    struct sample sample = spawn_many_remote(1, load_count(load, 1000));
    atomic_store(&chains.busy, false);
    while (atomic_load(&chains.running) > 0)
        must(weft_sleep(WEFT_MS(1)));
    return sample;
}
