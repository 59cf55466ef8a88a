/* mutex.c - locking, alone and in a crowd. */
#include <weft.h>

#include "bench.h"

#define CROWD 16

struct sample mutex_uncontended(const struct load *load)
{
    size_t count = load_count(load, 20000000);
    weft_mutex mutex = WEFT_MUTEX_INIT;
    struct meter meter = meter_start();
    for (size_t i = 0; i < count; i++) {
        must(weft_mutex_lock(&mutex));
        must(weft_mutex_unlock(&mutex));
    }
    return meter_ns_per_op(&meter, count);
}

struct counter {
    weft_mutex mutex;
    size_t value; /* under the mutex */
};

WEFT_TASK(increase, struct counter *, counter, size_t, count)
{
    for (size_t i = 0; i < count; i++) {
        must(weft_mutex_lock(&counter->mutex));
        counter->value++;
        must(weft_mutex_unlock(&counter->mutex));
    }
    return 0;
}

struct sample mutex_16(const struct load *load)
{
    size_t each = load_count(load, 500000);
    struct counter counter = { .mutex = WEFT_MUTEX_INIT };
    weft_task *tasks[CROWD];
    struct meter meter = meter_start();
    for (int i = 0; i < CROWD; i++)
        must(weft_spawn_args(&tasks[i], increase, &counter, each));
    for (int i = 0; i < CROWD; i++)
        must(weft_join(tasks[i], NULL));
    struct sample sample = meter_ns_per_op(&meter, CROWD * each);
    check(counter.value == CROWD * each, "two have held the mutex");
    return sample;
}
