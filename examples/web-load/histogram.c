/* histogram.c - latencies in buckets that grow with them. */
#include "histogram.h"

#include <weft.h>

/* Below 16 us a bucket is 1 us wide. From there on the leading five bits of the
 * number choose the bucket: one leading 1, and four for 16 steps. */
static unsigned bucket_of(int64_t duration)
{
    uint64_t us = duration > 0 ? (uint64_t)(duration / WEFT_US(1)) : 0;
    unsigned shift = 0;
    unsigned bucket;

    while (us >> shift >= 32)
        shift++;
    bucket = shift * 16 + (unsigned)(us >> shift);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The first duration that is too long for the bucket. */
static int64_t upper_end(unsigned bucket)
{
    unsigned shift = bucket < 32 ? 0 : bucket / 16 - 1;

    return WEFT_US((uint64_t)(bucket - shift * 16 + 1) << shift);
}

void histogram_add(struct histogram *histogram, int64_t duration)
{
    histogram->counts[bucket_of(duration)]++;
    histogram->total++;
    if (duration > histogram->longest)
        histogram->longest = duration;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->counts[i] += from->counts[i];
    into->total += from->total;
    if (from->longest > into->longest)
        into->longest = from->longest;
}

int64_t histogram_quantile(const struct histogram *histogram, double share)
{
    uint64_t rank = (uint64_t)((double)histogram->total * share);
    uint64_t seen = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen > rank)
            return upper_end(i) < histogram->longest ? upper_end(i) : histogram->longest;
    }
    return histogram->longest;
}
