/* parallel.h - a loop on all workers, as its variants begin it. */
#ifndef WEFT_EXEC_PARALLEL_H
#define WEFT_EXEC_PARALLEL_H

#include "exec/range.h"
#include "weft/group.h"
#include "weft/parallel.h"

/* On the caller's stack. */
struct weft__loop {
    /* Constant, and the caller's to set. */
    int64_t begin;
    uint64_t count;
    const weft_parallel_attr *attr; /* but for its grain */
    uint64_t grain;                 /* 0: as weft_parallel_attr.grain */
    int (*fn)(int64_t first, int64_t last, void *arg);
    void *arg;
    uint64_t total, span; /* for telling: so many indices, so many for each here */

    /* weft__loop_run()'s. */
    weft_group group;
    weft_attr helper; /* how to spawn one */
    bool pinned;      /* pins itself then */
    unsigned limit;
    struct weft__range range;
    _Atomic(int) result;    /* the first error; others see it and stop */
    _Atomic(bool) inviting; /* somebody decides about another party, or has sent for it */
    unsigned parties;       /* whose flag that is */
};

extern const weft_parallel_attr weft__parallel_default;

bool weft__parallel_attr_valid(const weft_parallel_attr *attr);

/* `begin` to `end`, or 0. */
static inline uint64_t weft__parallel_count(int64_t begin, int64_t end)
{
    return begin < end ? (uint64_t)end - (uint64_t)begin : 0;
}

/* Runs it: as weft_parallel_for(). Suspends. */
int weft__loop_run(struct weft__loop *loop);

#endif
