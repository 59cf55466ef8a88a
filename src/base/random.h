/* random.h - small pseudo-random numbers: for choosing victims and orders, not
 * for secrets. splitmix64: any state is a good state. */
#ifndef WEFT_BASE_RANDOM_H
#define WEFT_BASE_RANDOM_H

#include <stdint.h>

static inline uint64_t weft__random(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* Below `n`, which is not 0. */
static inline uint32_t weft__random_below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(((weft__random(state) >> 32) * n) >> 32);
}

#endif
