/* channel.c - elements through channels, and waiting for the first of several. */
#include <stdlib.h>

#include <weft.h>

#include "bench.h"

#define CROWD 16

static weft_channel *make_channel(size_t capacity)
{
    weft_channel *channel;
    must(weft_channel_create(sizeof(int64_t), capacity, &channel));
    return channel;
}

struct sample chan_uncontended(const struct load *load)
{
    size_t rounds = load_count(load, 50000);
    weft_channel *channel = make_channel(100);
    int64_t element = 0;
    struct meter meter = meter_start();
    for (size_t round = 0; round < rounds; round++) {
        for (int i = 0; i < 100; i++)
            must(weft_channel_send(channel, &element));
        for (int i = 0; i < 100; i++)
            must(weft_channel_receive(channel, &element));
    }
    struct sample sample = meter_ns_per_op(&meter, 100 * rounds);
    weft_channel_destroy(channel);
    return sample;
}

/* One lap more than timed: the first one starts the task. */
WEFT_TASK(answer, weft_channel *, questions, weft_channel *, answers, size_t, laps)
{
    int64_t element;
    for (size_t i = 0; i < laps + 1; i++) {
        must(weft_channel_receive(questions, &element));
        must(weft_channel_send(answers, &element));
    }
    return 0;
}

struct sample chan_ping_pong(const struct load *load)
{
    size_t laps = load_count(load, 1000000);
    weft_channel *there = make_channel(1), *back = make_channel(1);
    weft_task *task;
    int64_t element = 0;
    must(weft_spawn_args(&task, answer, there, back, laps));
    must(weft_channel_send(there, &element));
    must(weft_channel_receive(back, &element));
    struct meter meter = meter_start();
    for (size_t i = 0; i < laps; i++) {
        must(weft_channel_send(there, &element));
        must(weft_channel_receive(back, &element));
    }
    struct sample sample = meter_ns_per_op(&meter, laps);
    must(weft_join(task, NULL));
    weft_channel_destroy(there);
    weft_channel_destroy(back);
    return sample;
}

WEFT_TASK(produce, weft_channel *, channel, size_t, count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t element = (int64_t)i;
        must(weft_channel_send(channel, &element));
    }
    return 0;
}

WEFT_TASK(consume, weft_channel *, channel)
{
    int64_t element;
    while (weft_channel_receive(channel, &element) == 0)
        continue;
    return 0;
}

/* `count` elements in all from each of the producers, by each of the consumers. */
static struct sample pass_through(size_t capacity, size_t producers, size_t consumers, size_t count)
{
    weft_task *tasks[2 * CROWD];
    weft_channel *channel = make_channel(capacity);
    struct meter meter = meter_start();
    for (size_t i = 0; i < producers; i++)
        must(weft_spawn_args(&tasks[i], produce, channel, count / producers));
    for (size_t i = 0; i < consumers; i++)
        must(weft_spawn_args(&tasks[CROWD + i], consume, channel));
    for (size_t i = 0; i < producers; i++)
        must(weft_join(tasks[i], NULL));
    must(weft_channel_close(channel));
    for (size_t i = 0; i < consumers; i++)
        must(weft_join(tasks[CROWD + i], NULL));
    struct sample sample = meter_ns_per_op(&meter, count / producers * producers);
    weft_channel_destroy(channel);
    return sample;
}

struct sample chan_sync(const struct load *load)
{
    return pass_through(0, 1, 1, load_count(load, 1000000));
}

struct sample chan_prod_cons_128(const struct load *load)
{
    return pass_through(128, 1, 1, load_count(load, 5000000));
}

struct sample chan_fan_in(const struct load *load)
{
    return pass_through(128, CROWD, 1, CROWD * load_count(load, 150000));
}

struct sample chan_fan_out(const struct load *load)
{
    return pass_through(128, 1, CROWD, load_count(load, 2400000));
}

struct sample select_uncontended(const struct load *load)
{
    size_t count = load_count(load, 3000000);
    weft_channel *channels[2] = { make_channel(1), make_channel(1) };
    int64_t element = 0;
    weft_case cases[] = { weft_case_receive(channels[0], &element),
                          weft_case_receive(channels[1], &element) };
    must(weft_channel_send(channels[0], &element));
    struct meter meter = meter_start();
    for (size_t i = 0; i < count; i++) {
        int chosen = weft_select(cases, 2);
        must(chosen);
        must(weft_channel_send(channels[!chosen], &element));
    }
    struct sample sample = meter_ns_per_op(&meter, count);
    weft_channel_destroy(channels[0]);
    weft_channel_destroy(channels[1]);
    return sample;
}

/* Both sides also look for the end. */
WEFT_TASK(select_produce, weft_channel *, channel, weft_channel *, end, size_t, count)
{
    int64_t element = 0, nothing;
    weft_case cases[] = { weft_case_send(channel, &element), weft_case_receive(end, &nothing) };
    for (size_t i = 0; i < count; i++)
        check(weft_select(cases, 2) == 0, "the end came too soon");
    return 0;
}

struct sample select_prod_cons(const struct load *load)
{
    size_t count = load_count(load, 2000000);
    weft_channel *channel = make_channel(128), *end = make_channel(0);
    weft_task *task;
    int64_t element, nothing;
    weft_case cases[] = { weft_case_receive(channel, &element), weft_case_receive(end, &nothing) };
    struct meter meter = meter_start();
    must(weft_spawn_args(&task, select_produce, channel, end, count));
    for (size_t i = 0; i < count; i++)
        check(weft_select(cases, 2) == 0, "the end came too soon");
    must(weft_join(task, NULL));
    struct sample sample = meter_ns_per_op(&meter, count);
    weft_channel_destroy(channel);
    weft_channel_destroy(end);
    return sample;
}
