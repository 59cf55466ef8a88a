#include "mem/region.h"

#include <string.h>

#include "base/annotate.h"
#include "os/memory.h"

#define FIRST ((size_t)16 << 20)
#define LARGEST ((size_t)1 << 30)
/* Of address space that is limited, for all that is not a stack. */
#define REST ((size_t)16 << 20)

/* Lies behind its stacks, in a page of its own. */
struct weft__region {
    struct weft__region *next;
    char *start;
    size_t size; /* of the stacks */
};

void weft__regions_init(struct weft__regions *regions, size_t stack_size)
{
    memset(regions, 0, sizeof *regions);
    regions->stack_size = stack_size;
    regions->next_size = FIRST;
}

/* Valgrind takes a thread's stack and what begins where it ends for one, unless that cannot
 * be read from the beginning: so there is always a page in front. */
static size_t gap(void)
{
    return weft__annotate_on_valgrind() ? weft__memory_page() : 0;
}

static char *map(size_t size)
{
    char *start = weft__annotate_on_valgrind() ? weft__memory_reserve(size + gap())
                                               : weft__memory_map(size, weft__memory_page(), true);
    if (!start || !gap())
        return start;
    if (weft__memory_open(start + gap(), size))
        return start + gap();
    weft__memory_unmap(start, size + gap());
    return NULL;
}

void weft__regions_finish(struct weft__regions *regions)
{
    for (struct weft__region *region = regions->newest, *next; region; region = next) {
        next = region->next;
        weft__memory_unmap(region->start - gap(), region->size + weft__memory_page() + gap());
    }
    weft__regions_init(regions, regions->stack_size);
}

/* Whole stacks, and at least one. */
static size_t region_size(const struct weft__regions *regions, size_t wanted)
{
    size_t stack = regions->stack_size;
    return wanted < stack ? stack : wanted - wanted % stack;
}

/* As large as asked for, or where address space is limited, what there is. */
static bool add(struct weft__regions *regions)
{
    size_t wanted = regions->next_size, size, page = weft__memory_page();
    char *start;
    do {
        size = region_size(regions, wanted);
        start = map(size + page + REST);
        wanted = size / 2;
    } while (!start && size > regions->stack_size);
    if (!start)
        return false;
    weft__memory_unmap(start + size + page, REST);
    struct weft__region *region = (void *)(start + size);
    *region = (struct weft__region){ regions->newest, start, size };
    regions->newest = region;
    regions->at = start;
    regions->end = start + size;
    regions->next_size = size < LARGEST / 2 ? 2 * size : LARGEST;
    return true;
}

bool weft__regions_reserve(struct weft__regions *regions, size_t most,
                           struct weft__reserve *ret_reserve)
{
    weft__lock_acquire(&regions->lock);
    bool full = regions->at == regions->end;
    bool room = !full || add(regions);
    if (room) {
        size_t count = (size_t)(regions->end - regions->at) / regions->stack_size;
        size_t wanted = regions->carved < most ? regions->carved : most;
        if (count > wanted)
            count = wanted > 0 ? wanted : 1;
        *ret_reserve = (struct weft__reserve){ .low = regions->at,
                                               .count = count,
                                               .first = regions->carved,
                                               .mapped = full ? regions->newest->size : 0 };
        regions->at += count * regions->stack_size;
        regions->carved += (unsigned)count;
    }
    weft__lock_release(&regions->lock);
    return room;
}

void weft__regions_unreserve(struct weft__regions *regions, const struct weft__reserve *reserve)
{
    weft__lock_acquire(&regions->lock);
    if (regions->at == reserve->low + reserve->count * regions->stack_size) {
        regions->at = reserve->low;
        regions->carved = reserve->first;
    }
    weft__lock_release(&regions->lock);
}
