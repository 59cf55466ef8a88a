/* future.c - results that come once. */
#include <weft.h>

#include "bench.h"

WEFT_TASK(set_future, weft_future *, future, size_t, value)
{
    must(weft_future_set(future, (intptr_t)value));
    weft_future_release(future);
    return 0;
}

struct sample future_one_shot(const struct load *load)
{
    size_t count = load_count(load, 1000000);
    struct meter meter = meter_start();
    for (size_t i = 0; i < count; i++) {
        weft_future *future;
        intptr_t value;
        must(weft_future_create(&future));
        must(weft_spawn_args(NULL, set_future, weft_future_retain(future), i));
        must(weft_future_wait(future, &value));
        check(value == (intptr_t)i, "another future's value");
        weft_future_release(future);
    }
    return meter_ns_per_op(&meter, count);
}
