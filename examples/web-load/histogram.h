/* histogram.h - latencies in buckets that grow with them, 6% wide each.
 *
 * A client writes into its own; they are added up when all have ended. So
 * counting takes no lock and no memory that others write to. */
#ifndef LOAD_HISTOGRAM_H
#define LOAD_HISTOGRAM_H

#include <stdint.h>

/* 16 buckets to each power of two, up to 2^32 us. */
#define HISTOGRAM_BUCKETS (16 * 29)

struct histogram {
    uint32_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    int64_t longest; /* ns, exact */
};

void histogram_add(struct histogram *histogram, int64_t duration);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The duration in ns that a share of all stay below: 0.99 for the p99. */
int64_t histogram_quantile(const struct histogram *histogram, double share);

#endif
