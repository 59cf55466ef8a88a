/* strand.c - callbacks that are posted to strands. */
#include <stdlib.h>

#include <weft.h>

#include "baton.h"
#include "bench.h"

#define BATCH 100
#define SENDERS 16

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

/* Each has its own count; the strand, that of all. */
struct sender {
    weft_strand *strand;
    struct counted counted;
    size_t *all;
};

static void count_for(void *arg)
{
    struct sender *sender = arg;
    ++*sender->all;
    count(&sender->counted);
}

WEFT_TASK(post_batches, struct sender *, sender, size_t, rounds)
{
    for (size_t i = 0; i < rounds; i++) {
        for (int k = 0; k < BATCH; k++)
            must(weft_strand_post(sender->strand, count_for, sender));
        baton_take(&sender->counted.done);
    }
    return 0;
}

struct sample strand_fan_in(const struct load *load)
{
    size_t rounds = load_count(load, 1000), ops = SENDERS * BATCH * rounds, all = 0;
    struct sender *senders = allocate(SENDERS, sizeof *senders);
    weft_task *tasks[SENDERS];
    weft_strand *strand;
    must(weft_strand_create(&strand));
    for (int i = 0; i < SENDERS; i++) {
        senders[i].strand = strand;
        senders[i].all = &all;
        baton_init(&senders[i].counted.done);
    }
    struct meter meter = meter_start();
    for (int i = 0; i < SENDERS; i++)
        must(weft_spawn_args(&tasks[i], post_batches, &senders[i], rounds));
    for (int i = 0; i < SENDERS; i++)
        must(weft_join(tasks[i], NULL));
    struct sample sample = meter_ns_per_op(&meter, ops);
    must(weft_strand_destroy(strand));
    check(all == ops, "callbacks are lost");
    free(senders);
    return sample;
}

struct chain {
    weft_strand *strand;
    size_t left;
    struct baton done;
};

static void post_next(void *arg)
{
    struct chain *chain = arg;
    if (--chain->left == 0)
        baton_give(&chain->done);
    else
        must(weft_strand_post(chain->strand, post_next, chain));
}

struct sample strand_chain(const struct load *load)
{
    size_t length = load_count(load, 1000000 / load->workers);
    struct chain *chains = allocate(load->workers, sizeof *chains);
    for (unsigned i = 0; i < load->workers; i++) {
        must(weft_strand_create(&chains[i].strand));
        chains[i].left = length;
        baton_init(&chains[i].done);
    }
    struct meter meter = meter_start();
    for (unsigned i = 0; i < load->workers; i++)
        must(weft_strand_post(chains[i].strand, post_next, &chains[i]));
    for (unsigned i = 0; i < load->workers; i++)
        baton_take(&chains[i].done);
    struct sample sample = meter_ns_per_op(&meter, load->workers * length);
    for (unsigned i = 0; i < load->workers; i++)
        must(weft_strand_destroy(chains[i].strand));
    free(chains);
    return sample;
}
