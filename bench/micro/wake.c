/* wake.c - tasks that wake one another. */
#include <stdatomic.h>
#include <stdlib.h>

#include <weft.h>

#include "baton.h"
#include "bench.h"

#define WAITERS 64

/* Takes its own baton and gives the next one's, once more than is timed: the
 * first lap starts the tasks. */
WEFT_TASK(pass_on, struct baton *, own, struct baton *, next, size_t, laps)
{
    for (size_t i = 0; i < laps + 1; i++) {
        baton_take(own);
        baton_give(next);
    }
    return 0;
}

/* Passes a token round `count` tasks, of which the caller is one. A lap is
 * `ops_per_lap` operations. */
static struct sample pass_token(size_t count, size_t laps, size_t ops_per_lap)
{
    struct baton *batons = allocate(count, sizeof *batons);
    weft_task **tasks = allocate(count, sizeof *tasks);
    for (size_t i = 0; i < count; i++)
        baton_init(&batons[i]);
    for (size_t i = 1; i < count; i++)
        must(weft_spawn_args(&tasks[i], pass_on, &batons[i], &batons[(i + 1) % count], laps));
    baton_give(&batons[1]);
    baton_take(&batons[0]);
    struct meter meter = meter_start();
    for (size_t i = 0; i < laps; i++) {
        baton_give(&batons[1]);
        baton_take(&batons[0]);
    }
    struct sample sample = meter_ns_per_op(&meter, laps * ops_per_lap);
    for (size_t i = 1; i < count; i++)
        must(weft_join(tasks[i], NULL));
    free(tasks);
    free(batons);
    return sample;
}

struct sample ping_pong(const struct load *load)
{
    return pass_token(2, load_count(load, 1000000), 1);
}

struct sample ring(const struct load *load)
{
    return pass_token(1000, load_count(load, 2000), 1000);
}

struct wakeup {
    size_t rounds;
    int64_t delay;
    atomic_size_t remaining;
    struct baton done;
    struct baton permits[WAITERS];
};

WEFT_TASK(wait_and_spin, struct wakeup *, w, size_t, index)
{
    /* One round more than timed: the first one starts the tasks. */
    for (size_t i = 0; i < w->rounds + 1; i++) {
        baton_take(&w->permits[index]);
        if (w->delay > 0)
            spin(w->delay);
        if (atomic_fetch_sub(&w->remaining, 1) == 1)
            baton_give(&w->done);
    }
    return 0;
}

static void wake_all(struct wakeup *w)
{
    atomic_store(&w->remaining, WAITERS);
    for (size_t i = 0; i < WAITERS; i++)
        baton_give(&w->permits[i]);
    baton_take(&w->done);
}

static struct sample wakeup_parallel(size_t rounds, int64_t delay)
{
    struct wakeup w = { .rounds = rounds, .delay = delay };
    weft_task *tasks[WAITERS];
    baton_init(&w.done);
    for (size_t i = 0; i < WAITERS; i++)
        baton_init(&w.permits[i]);
    for (size_t i = 0; i < WAITERS; i++)
        must(weft_spawn_args(&tasks[i], wait_and_spin, &w, i));
    wake_all(&w);
    struct meter meter = meter_start();
    for (size_t i = 0; i < rounds; i++)
        wake_all(&w);
    struct sample sample = meter_ns_per_op(&meter, rounds * WAITERS);
    for (size_t i = 0; i < WAITERS; i++)
        must(weft_join(tasks[i], NULL));
    return sample;
}

struct sample wakeup_parallel_0(const struct load *load)
{
    return wakeup_parallel(load_count(load, 8000), 0);
}

struct sample wakeup_parallel_1(const struct load *load)
{
    return wakeup_parallel(load_count(load, 4000), WEFT_US(1));
}

struct sample wakeup_parallel_5(const struct load *load)
{
    return wakeup_parallel(load_count(load, 800), WEFT_US(5));
}

struct sample wakeup_parallel_10(const struct load *load)
{
    return wakeup_parallel(load_count(load, 400), WEFT_US(10));
}
