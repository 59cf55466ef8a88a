/* strand.c - callbacks that are posted to a strand. */
#include <weft.h>

#include "baton.h"
#include "bench.h"

#define BATCH 100

struct counted {
    struct baton done;
    size_t count; /* the strand's */
};

static void count(void *arg)
{
    struct counted *counted = arg;
    if (++counted->count % BATCH == 0)
        baton_give(&counted->done);
}

struct sample strand_post(const struct load *load)
{
    size_t rounds = load_count(load, 10000);
    struct counted counted = { .count = 0 };
    weft_strand *strand;
    must(weft_strand_create(&strand));
    baton_init(&counted.done);
    struct meter meter = meter_start();
    for (size_t i = 0; i < rounds; i++) {
        for (int k = 0; k < BATCH; k++)
            must(weft_strand_post(strand, count, &counted));
        baton_take(&counted.done);
    }
    struct sample sample = meter_ns_per_op(&meter, BATCH * rounds);
    must(weft_strand_destroy(strand));
    check(counted.count == BATCH * rounds, "callbacks are lost");
    return sample;
}
