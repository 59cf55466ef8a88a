/* spawn.c - spawning from tasks. */
#include <stdatomic.h>
#include <stdlib.h>

#include <weft.h>

#include "baton.h"
#include "bench.h"

static int do_nothing(void *arg)
{
    (void)arg;
    return 0;
}

struct sample spawn_join_one(const struct load *load)
{
    size_t n = load_count(load, 1000000);
    struct meter meter = meter_start();
    for (size_t i = 0; i < n; i++) {
        weft_task *task;
        must(weft_spawn(do_nothing, NULL, &task));
        must(weft_join(task, NULL));
    }
    return meter_ns_per_op(&meter, n);
}

struct sample spawn_many_local(const struct load *load)
{
    size_t n = load_count(load, 1000000);
    weft_task **tasks = allocate(n, sizeof *tasks);
    struct meter meter = meter_start();
    for (size_t i = 0; i < n; i++)
        must(weft_spawn(do_nothing, NULL, &tasks[i]));
    for (size_t i = 0; i < n; i++)
        must(weft_join(tasks[i], NULL));
    struct sample sample = meter_ns_per_op(&meter, n);
    free(tasks);
    return sample;
}

/* Each task of a chain spawns the next, and the last one gives the baton. */
WEFT_TASK(chain, struct baton *, done, size_t, n)
{
    if (n == 0)
        baton_give(done);
    else
        must(weft_spawn_args(NULL, chain, done, n - 1));
    return 0;
}

struct sample chained_spawn(const struct load *load)
{
    size_t chains = load_count(load, 1000);
    struct baton done;
    baton_init(&done);
    struct meter meter = meter_start();
    for (size_t i = 0; i < chains; i++) {
        chain(&done, 1000);
        baton_take(&done);
    }
    return meter_ns_per_op(&meter, chains * 1000);
}

struct sample create_tasks_parallel(const struct load *load)
{
    size_t length = load_count(load, 1000000 / load->workers);
    struct baton *done = allocate(load->workers, sizeof *done);
    for (unsigned i = 0; i < load->workers; i++)
        baton_init(&done[i]);
    struct meter meter = meter_start();
    for (unsigned i = 0; i < load->workers; i++)
        chain(&done[i], length);
    for (unsigned i = 0; i < load->workers; i++)
        baton_take(&done[i]);
    struct sample sample = meter_ns_per_op(&meter, length * load->workers);
    free(done);
    return sample;
}

static int note_start(void *arg)
{
    atomic_store_explicit((atomic_bool *)arg, true, memory_order_relaxed);
    return 0;
}

struct sample unstarted_bytes(const struct load *load)
{
    check(load->workers == 1, "other workers would start the tasks");
    size_t n = load_count(load, 5000);
    atomic_bool started = false;
    weft_task **tasks = allocate(n, sizeof *tasks);
    for (size_t i = 0; i < n; i++)
        tasks[i] = weft_self(); /* touches the array, which is not to be counted */
    memory_now();               /* what reading itself touches is not to be counted either */
    struct memory before = memory_now();
    struct meter meter = meter_start();
    for (size_t i = 0; i < n; i++)
        must(weft_spawn(note_start, &started, &tasks[i]));
    check(!atomic_load(&started), "a task started too early");
    struct sample sample = meter_sample(&meter, "bytes/task", 0, n);
    sample.value = (memory_now().resident - before.resident) / (double)n;
    for (size_t i = 0; i < n; i++)
        must(weft_join(tasks[i], NULL));
    free(tasks);
    return sample;
}
