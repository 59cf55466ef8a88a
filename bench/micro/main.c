/* weft-bench: one scenario, one warm-up, one measured pass, one line of JSON.
 *
 *     weft-bench SCENARIO WORKERS [SCALE] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weft.h>

#include "bench.h"

/* Measures fresh memory, which a pass before would spoil. */
#define FRESH 0x1u
/* Runs on the main thread and not in a task. */
#define PLAIN_THREAD 0x2u
/* Leaves tasks behind that sleep for a minute. */
#define ABANDON 0x4u

struct scenario {
    const char *name;
    struct sample (*pass)(const struct load *load);
    unsigned flags;
};

#define SCENARIO(name) #name, name

static const struct scenario scenarios[] = {
    { SCENARIO(spawn_join_one), 0 },
    { SCENARIO(spawn_many_local), 0 },
    { SCENARIO(spawn_many_remote_idle), PLAIN_THREAD },
    { SCENARIO(spawn_many_remote_busy1), PLAIN_THREAD },
    { SCENARIO(spawn_many_remote_busy2), PLAIN_THREAD },
    { SCENARIO(chained_spawn), 0 },
    { SCENARIO(create_tasks_parallel), 0 },
    { SCENARIO(unstarted_bytes), FRESH },
    { SCENARIO(yield_many), 0 },
    { SCENARIO(yield_alone), 0 },
    { SCENARIO(ping_pong), 0 },
    { SCENARIO(ring), 0 },
    { SCENARIO(chan_uncontended), 0 },
    { SCENARIO(chan_ping_pong), 0 },
    { SCENARIO(chan_sync), 0 },
    { SCENARIO(chan_prod_cons_128), 0 },
    { SCENARIO(chan_fan_in), 0 },
    { SCENARIO(chan_fan_out), 0 },
    { SCENARIO(future_one_shot), 0 },
    { SCENARIO(select_uncontended), 0 },
    { SCENARIO(select_prod_cons), 0 },
    { SCENARIO(mutex_uncontended), 0 },
    { SCENARIO(mutex_16), 0 },
    { SCENARIO(wakeup_parallel_0), 0 },
    { SCENARIO(wakeup_parallel_1), 0 },
    { SCENARIO(wakeup_parallel_5), 0 },
    { SCENARIO(wakeup_parallel_10), 0 },
    { SCENARIO(skynet), 0 },
    { SCENARIO(strand_post), 0 },
    { SCENARIO(strand_fan_in), 0 },
    { SCENARIO(strand_chain), 0 },
    { SCENARIO(sleep_100k), 0 },
    { SCENARIO(asleep_1m), FRESH | ABANDON },
    { SCENARIO(timer_latency), 0 },
    { SCENARIO(virtual_spawn_join_one), 0 },
    { SCENARIO(pthread_create_join_one), PLAIN_THREAD },
    { SCENARIO(virtual_yield_many), 0 },
    { SCENARIO(virtual_yield_two), 0 },
    { SCENARIO(light_yield_two), 0 },
    { SCENARIO(array_index), 0 },
    { SCENARIO(local_get), 0 },
    { SCENARIO(specific_get), 0 },
    { SCENARIO(local_set), 0 },
    { SCENARIO(spawn_join_one_inheriting), 0 },
    { SCENARIO(scope_enter_leave), 0 },
    { SCENARIO(scope_join_one), 0 },
    { SCENARIO(group_spawn), 0 },
    { SCENARIO(group_cancel), 0 },
};

struct run {
    const struct scenario *scenario;
    struct load load;
    struct sample sample;
};

static int run_passes(void *arg)
{
    struct run *run = arg;
    if (!(run->scenario->flags & FRESH))
        run->scenario->pass(&run->load);
    run->sample = run->scenario->pass(&run->load);
    return 0;
}

static const struct scenario *find_scenario(const char *name)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    }
    return NULL;
}

static void print_run(const struct run *run)
{
    const struct sample *s = &run->sample;
    printf("{\"scenario\":\"%s\",\"impl\":\"weft\",\"workers\":%u,\"unit\":\"%s\","
           "\"better\":\"lower\",\"value\":%.3f,\"cpu_ns_per_op\":%.3f,\"extra\":{",
           run->scenario->name, run->load.workers, s->unit, s->value, s->cpu_ns_per_op);
    for (int i = 0; i < MAX_EXTRAS && s->extras[i].name; i++)
        printf("%s\"%s\":%.3f", i > 0 ? "," : "", s->extras[i].name, s->extras[i].value);
    puts("}}");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct run run = { .load.scale = 1 };
    if (argc == 3 || argc == 4) {
        run.scenario = find_scenario(argv[1]);
        run.load.workers = (unsigned)strtoul(argv[2], NULL, 10);
    }
    if (argc == 4)
        run.load.scale = strtod(argv[3], NULL);
    if (!run.scenario || run.load.workers < 1 || !(run.load.scale > 0)) {
        fprintf(stderr, "usage: weft-bench SCENARIO WORKERS [SCALE], SCENARIO one of\n");
        for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
            fprintf(stderr, "  %s\n", scenarios[i].name);
        return 2;
    }
    weft_config config = { .workers = run.load.workers };
    must(weft_start(&config));
    if (run.scenario->flags & PLAIN_THREAD) {
        run_passes(&run);
    } else {
        weft_task *task;
        must(weft_spawn(run_passes, &run, &task));
        must(weft_join(task, NULL));
    }
    print_run(&run);
    if (run.scenario->flags & ABANDON)
        _exit(0);
    must(weft_stop());
    return 0;
}
