/* counters.h - what the service counts.
 *
 * Each connection counts in one of a few cache lines, so that workers do not
 * fight over one; reading adds them up. */
#ifndef WEB_COUNTERS_H
#define WEB_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

enum counter {
    COUNT_CONNECTIONS, /* accepted, and not refused */
    COUNT_REFUSED,     /* connections above the limit, answered 503 or dropped */
    COUNT_REQUESTS,    /* answered, whatever the status */
    COUNT_CLIENT_ERRORS,
    COUNT_SERVER_ERRORS,
    COUNT_BYTES_SENT,
    COUNT_IDLE_TIMEOUTS,
    COUNT_HEAD_TIMEOUTS,
    COUNT_BODY_TIMEOUTS,
    COUNT_WRITE_TIMEOUTS,
    COUNTERS,
};

#define COUNTER_SHARDS 16 /* a power of two */

struct counter_shard {
    _Alignas(64) atomic_uint_fast64_t values[COUNTERS];
};

struct counters {
    struct counter_shard shards[COUNTER_SHARDS];
};

/* Relaxed throughout: counters order nothing. */
static inline void counter_add(struct counter_shard *shard, enum counter counter, uint64_t amount)
{
    atomic_fetch_add_explicit(&shard->values[counter], amount, memory_order_relaxed);
}

static inline uint64_t counter_read(struct counters *counters, enum counter counter)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < COUNTER_SHARDS; i++)
        sum += atomic_load_explicit(&counters->shards[i].values[counter], memory_order_relaxed);
    return sum;
}

#endif
