/* range.h - a range of which several take parts, and who says how far they are.
 *
 * RANGE-1  `next` goes from 0 to `count`, and no further: who moves it by compare-and-swap
 *          has what it has passed, alone. So each index is taken once.
 * RANGE-2  Who has the flag `telling` has `told`, and tells. Who does not get it goes on:
 *          what he has added is told by the next, or when all have left. So one tells at a
 *          time, and the numbers grow.
 *
 * What the parts have written is seen by who waits for the tasks that took them. */
#ifndef WEFT_EXEC_RANGE_H
#define WEFT_EXEC_RANGE_H

#include "base/atomic.h"

struct weft__range {
    uint64_t count, grain; /* constant; the grain is not 0 */
    _Atomic(uint64_t) next;
    _Atomic(uint64_t) done;
    _Atomic(bool) telling;
    uint64_t told;
};

static inline bool weft__range_taken(struct weft__range *range)
{
    return weft__load(&range->next, relaxed) == range->count; /* a hint */
}

/* How much to take of `left` indices: up to `batch` grains, fewer when it comes to the end, so
 * that `parties` are done at about the same time. */
static inline uint64_t weft__range_portion(const struct weft__range *range, uint64_t left,
                                           uint64_t batch, unsigned parties)
{
    uint64_t grains = left / range->grain + (left % range->grain != 0);
    uint64_t portion = grains / (4 * (uint64_t)parties);
    if (portion < batch / 8)
        portion = batch / 8;
    if (portion > batch)
        portion = batch;
    if (portion == 0)
        portion = 1;
    return portion < grains ? portion * range->grain : left;
}

/* Takes some from *ret_first on. Returns how many; 0: all are taken. */
static inline uint64_t weft__range_take(struct weft__range *range, uint64_t batch, unsigned parties,
                                        uint64_t *ret_first)
{
    uint64_t next = weft__load(&range->next, relaxed), portion;
    do {
        if (next == range->count)
            return 0;
        portion = weft__range_portion(range, range->count - next, batch, parties);
        /* relaxed: the number is all that is passed (RANGE-1) */
    } while (!weft__cas_weak(&range->next, &next, next + portion, relaxed, relaxed));
    *ret_first = next;
    return portion;
}

/* The caller may tell, and has told when it calls weft__range_told(); false: not now. *ret_done:
 * what is new. */
static inline bool weft__range_tells(struct weft__range *range, uint64_t *ret_done)
{
    /* acquire: pairs with the release in weft__range_told() */
    if (weft__exchange(&range->telling, true, acquire))
        return false;
    *ret_done = weft__load(&range->done, relaxed);
    if (*ret_done > range->told) {
        range->told = *ret_done;
        return true;
    }
    weft__store(&range->telling, false, release); /* pairs as below */
    return false;
}

static inline void weft__range_told(struct weft__range *range)
{
    /* release: pairs with the acquire in weft__range_tells() */
    weft__store(&range->telling, false, release);
}

#endif
