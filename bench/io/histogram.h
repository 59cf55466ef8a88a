/* A latency histogram: 64 steps per power of two, so a bucket is within 1.6 %. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS 64
#define HISTOGRAM_BUCKETS (HISTOGRAM_STEPS * 59)

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
};

static inline void histogram_add(struct histogram *h, uint64_t value)
{
    /* Values below 64 are their own bucket; above, `shift` low bits are dropped. */
    unsigned shift = value < HISTOGRAM_STEPS ? 0 : 57 - (unsigned)__builtin_clzll(value);
    h->counts[shift * HISTOGRAM_STEPS + (value >> shift)]++;
    h->total++;
}

/* The upper end of the bucket that holds the `percent`th percentile. */
static inline uint64_t histogram_percentile(const struct histogram *h, double percent)
{
    uint64_t wanted = (uint64_t)((double)h->total * percent / 100.0);
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->counts[i];
        if (seen > wanted) {
            unsigned shift = i < 2 * HISTOGRAM_STEPS ? 0 : i / HISTOGRAM_STEPS - 1;
            return ((uint64_t)(i - shift * HISTOGRAM_STEPS + 1) << shift) - 1;
        }
    }
    return 0;
}

#endif
