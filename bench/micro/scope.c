/* scope.c - what scopes and groups cost. */
#include <stdatomic.h>

#include <weft.h>

#include "bench.h"

#define GROUP 1000

struct sample scope_enter_leave(const struct load *load)
{
    size_t n = load_count(load, 10000000);
    struct meter meter = meter_start();
    for (size_t i = 0; i < n; i++) {
        weft_scope scope;
        weft_scope_enter(&scope, WEFT_NEVER);
        weft_scope_leave(&scope);
    }
    return meter_ns_per_op(&meter, n);
}

static int do_nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* spawn_join_one with a deadline around the join: a timer for each wait. */
struct sample scope_join_one(const struct load *load)
{
    size_t n = load_count(load, 1000000);
    struct meter meter = meter_start();
    for (size_t i = 0; i < n; i++) {
        weft_task *task;
        weft_scope scope;
        must(weft_spawn(do_nothing, NULL, &task));
        weft_scope_enter(&scope, weft_after(WEFT_S(10)));
        must(weft_join(task, NULL));
        weft_scope_leave(&scope);
    }
    return meter_ns_per_op(&meter, n);
}

/* spawn_many_local into groups of a thousand. */
struct sample group_spawn(const struct load *load)
{
    size_t n = load_count(load, 1000);
    struct meter meter = meter_start();
    for (size_t i = 0; i < n; i++) {
        weft_group group;
        weft_group_enter(&group, WEFT_NEVER);
        for (int j = 0; j < GROUP; j++)
            must(weft_group_spawn(&group, do_nothing, NULL));
        must(weft_group_leave(&group));
    }
    return meter_ns_per_op(&meter, n * GROUP);
}

static int sleep_long(void *begun)
{
    atomic_fetch_add((atomic_int *)begun, 1);
    return weft_sleep(WEFT_S(1000));
}

/* Per task: from spawning to having been cancelled while it sleeps. */
struct sample group_cancel(const struct load *load)
{
    size_t n = load_count(load, 200);
    struct meter meter = meter_start();
    for (size_t i = 0; i < n; i++) {
        weft_group group;
        atomic_int begun = 0;
        weft_group_enter(&group, WEFT_NEVER);
        for (int j = 0; j < GROUP; j++)
            must(weft_group_spawn(&group, sleep_long, (void *)&begun));
        while (atomic_load(&begun) < GROUP)
            must(weft_yield());
        weft_group_cancel(&group);
        must(weft_group_leave(&group));
    }
    return meter_ns_per_op(&meter, n * GROUP);
}
