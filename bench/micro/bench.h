/* bench.h - what the scenarios share: how much to do, and how to measure it. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

#define MAX_EXTRAS 2

/* How much work one pass does. */
struct load {
    unsigned workers;
    double scale;
};

/* The result of one pass, ready to be printed. */
struct sample {
    const char *unit;
    double value;
    double cpu_ns_per_op;
    struct {
        const char *name;
        double value;
    } extras[MAX_EXTRAS];
};

struct meter {
    int64_t wall;
    int64_t cpu;
};

struct memory {
    double resident; /* exact: the counters in statm are batched per CPU */
    double page_tables;
};

/* `full` iterations at scale 1, at least one at any scale. */
size_t load_count(const struct load *load, size_t full);

/* Wall and CPU time from meter_start() on, divided by the number of operations. */
struct meter meter_start(void);
struct sample meter_ns_per_op(const struct meter *meter, size_t ops);
struct sample meter_millis(const struct meter *meter, size_t ops);
/* For scenarios whose figure is not the elapsed time. */
struct sample meter_sample(const struct meter *meter, const char *unit, double value, size_t ops);

struct memory memory_now(void);

/* Keeps the CPU busy for `duration` nanoseconds. */
void spin(int64_t duration);
int64_t now_ns(void);

/* The benchmark is void when one of its calls fails: these end the process. */
void fail(int rc);
static inline void must(int rc)
{
    if (__builtin_expect(rc < 0, 0))
        fail(rc);
}
void check(int holds, const char *message);
void *allocate(size_t count, size_t size);

/* The scenarios, one function for each; bench/README.md specifies them. */
struct sample spawn_join_one(const struct load *load);
struct sample spawn_many_local(const struct load *load);
struct sample spawn_many_remote_idle(const struct load *load);
struct sample spawn_many_remote_busy1(const struct load *load);
struct sample spawn_many_remote_busy2(const struct load *load);
struct sample chained_spawn(const struct load *load);
struct sample create_tasks_parallel(const struct load *load);
struct sample unstarted_bytes(const struct load *load);
struct sample yield_many(const struct load *load);
struct sample yield_alone(const struct load *load);
struct sample ping_pong(const struct load *load);
struct sample ring(const struct load *load);
struct sample chan_uncontended(const struct load *load);
struct sample chan_ping_pong(const struct load *load);
struct sample chan_sync(const struct load *load);
struct sample chan_prod_cons_128(const struct load *load);
struct sample chan_fan_in(const struct load *load);
struct sample chan_fan_out(const struct load *load);
struct sample future_one_shot(const struct load *load);
struct sample select_uncontended(const struct load *load);
struct sample select_prod_cons(const struct load *load);
struct sample mutex_uncontended(const struct load *load);
struct sample mutex_16(const struct load *load);
struct sample wakeup_parallel_0(const struct load *load);
struct sample wakeup_parallel_1(const struct load *load);
struct sample wakeup_parallel_5(const struct load *load);
struct sample wakeup_parallel_10(const struct load *load);
struct sample skynet(const struct load *load);
struct sample strand_post(const struct load *load);
struct sample strand_fan_in(const struct load *load);
struct sample strand_chain(const struct load *load);
struct sample sleep_100k(const struct load *load);
struct sample asleep_1m(const struct load *load);
struct sample timer_latency(const struct load *load);
struct sample virtual_spawn_join_one(const struct load *load);
struct sample pthread_create_join_one(const struct load *load);
struct sample virtual_yield_many(const struct load *load);
struct sample virtual_yield_two(const struct load *load);
struct sample light_yield_two(const struct load *load);
struct sample array_index(const struct load *load);
struct sample local_get(const struct load *load);
struct sample specific_get(const struct load *load);
struct sample local_set(const struct load *load);
struct sample spawn_join_one_inheriting(const struct load *load);

/* scope.c */
struct sample scope_enter_leave(const struct load *load);
struct sample scope_join_one(const struct load *load);
struct sample group_spawn(const struct load *load);
struct sample group_cancel(const struct load *load);

#endif
