/* region.h - the address space that stacks of one size are carved from.
 *
 * Regions are large mappings, each twice as large as the one before, so that the number of
 * stacks does not approach vm.max_map_count. They go away together. */
#ifndef WEFT_MEM_REGION_H
#define WEFT_MEM_REGION_H

#include <stdbool.h>
#include <stddef.h>

#include "os/lock.h"

struct weft__region;

struct weft__regions {
    size_t stack_size;
    struct weft__lock lock; /* what follows */
    struct weft__region *newest;
    char *at, *end;   /* what nobody has had of it yet */
    size_t next_size; /* of the next region */
    unsigned carved;  /* stacks, of all regions */
};

/* Address space for stacks, without guards yet. */
struct weft__reserve {
    char *low;
    size_t count;
    unsigned first; /* its number among all of that size */
    size_t mapped;  /* bytes of a region that was made for it */
};

void weft__regions_init(struct weft__regions *regions, size_t stack_size);

/* Unmaps everything. */
void weft__regions_finish(struct weft__regions *regions);

/* As many stacks as there are already, so that a program of three tasks has three or four, but
 * at most `most`, and no more than the region has room for. False when memory is out. */
bool weft__regions_reserve(struct weft__regions *regions, size_t most,
                           struct weft__reserve *ret_reserve);

/* Takes it back, unless another's follows; then the address space stays unused. */
void weft__regions_unreserve(struct weft__regions *regions, const struct weft__reserve *reserve);

#endif
