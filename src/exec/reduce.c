/* Reductions: a loop over segments, each of which is some grains that one party adds to an
 * accumulator in order. The segments follow from the range and the grain alone, and their
 * accumulators are combined from left to right at the end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "exec/parallel.h"
#include "weft/cleanup.h"

/* Enough for many workers, and so much memory. */
#define SEGMENTS 1024
/* Without a grain that the program asks for. */
#define PIECES 256
#define PIECE_MAX 65536

struct reduction {
    const weft_reduction *how;
    void *arg;
    int64_t begin;
    uint64_t count, grain;
    uint64_t segments, span; /* indices in each but the last */
    size_t stride;
    char *accumulators;
};

static uint64_t divide_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

static void *accumulator(const struct reduction *reduction, uint64_t segment)
{
    return reduction->accumulators + segment * reduction->stride;
}

static int reduce_segment(const struct reduction *reduction, uint64_t segment, weft_budget *budget)
{
    uint64_t at = segment * reduction->span;
    uint64_t left =
        reduction->count - at < reduction->span ? reduction->count - at : reduction->span;
    void *sum = accumulator(reduction, segment);
    memcpy(sum, reduction->how->identity, reduction->how->size);
    for (;;) {
        uint64_t piece = left < reduction->grain ? left : reduction->grain;
        uint64_t first = (uint64_t)reduction->begin + at;
        int rc = reduction->how->fn((int64_t)first, (int64_t)(first + piece), sum, reduction->arg);
        if (rc < 0)
            return rc;
        at += piece;
        left -= piece;
        if (left == 0)
            return 0;
        if ((rc = weft_budget_spend(budget)))
            return rc;
    }
}

static int reduce_segments(int64_t first, int64_t last, void *arg)
{
    weft_budget budget = WEFT_BUDGET_INIT;
    int rc = 0;
    for (int64_t i = first; rc == 0 && i < last; i++)
        rc = reduce_segment(arg, (uint64_t)i, &budget);
    return rc;
}

static void cut_up(struct reduction *reduction, uint64_t grain)
{
    uint64_t piece = divide_up(reduction->count, PIECES);
    if (piece > PIECE_MAX)
        piece = PIECE_MAX;
    reduction->grain = grain ? grain : piece ? piece : 1;
    uint64_t grains = divide_up(reduction->count, reduction->grain);
    uint64_t each = divide_up(grains, SEGMENTS);
    reduction->segments = grains ? divide_up(grains, each) : 0;
    reduction->span = each * reduction->grain; /* segments - 1 of them are fewer than all */
}

static bool make_room(struct reduction *reduction)
{
    size_t size;
    reduction->stride = (reduction->how->size + WEFT_CACHE_LINE - 1) & -(size_t)WEFT_CACHE_LINE;
    if (reduction->stride < reduction->how->size ||
        __builtin_mul_overflow(reduction->segments, reduction->stride, &size))
        return false;
    reduction->accumulators = aligned_alloc(WEFT_CACHE_LINE, size ? size : WEFT_CACHE_LINE);
    return reduction->accumulators;
}

static void combine(const struct reduction *reduction, void *ret_result)
{
    const weft_reduction *how = reduction->how;
    if (reduction->segments == 0) {
        memcpy(ret_result, how->identity, how->size);
        return;
    }
    void *sum = accumulator(reduction, 0);
    for (uint64_t i = 1; i < reduction->segments; i++)
        how->combine(sum, accumulator(reduction, i), reduction->arg);
    memcpy(ret_result, sum, how->size);
}

int weft_parallel_reduce(int64_t begin, int64_t end, const weft_parallel_attr *attr,
                         const weft_reduction *how, void *arg, void *ret_result)
{
    struct reduction reduction = {
        .how = how, .arg = arg, .begin = begin, .count = weft__parallel_count(begin, end)
    };
    if (!attr)
        attr = &weft__parallel_default;
    if (!weft__parallel_attr_valid(attr))
        return -EINVAL;
    cut_up(&reduction, attr->grain);
    if (!make_room(&reduction))
        return -ENOMEM;
    struct weft__loop loop = { .count = reduction.segments,
                               .attr = attr,
                               .grain = 1,
                               .fn = reduce_segments,
                               .arg = &reduction,
                               .total = reduction.count,
                               .span = reduction.span };
    weft_cleanup cleanup;
    weft_cleanup_push(&cleanup, free, reduction.accumulators);
    int rc = weft__loop_run(&loop);
    if (rc == 0)
        combine(&reduction, ret_result);
    weft_cleanup_pop(&cleanup, true);
    return rc;
}
