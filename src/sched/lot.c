#include "sched/lot.h"

#include <stdlib.h>

#include "base/assert.h"

void weft__lot_put(struct weft__lot *lot, struct weft_task *task)
{
    if (lot->count == lot->room) {
        size_t room = lot->room ? 2 * lot->room : 64;
        struct weft_task **tasks = realloc(lot->tasks, room * sizeof *tasks);
        WEFT_CHECK(tasks); /* a mode for tests: a wake cannot fail */
        lot->tasks = tasks;
        lot->room = room;
    }
    lot->tasks[lot->count++] = task;
}

struct weft_task *weft__lot_draw(struct weft__lot *lot, uint64_t *random)
{
    if (lot->count == 0)
        return NULL;
    /* No number for no choice: how often one task draws itself depends on its ticks. */
    size_t at = lot->count > 1 ? weft__random_below(random, (uint32_t)lot->count) : 0;
    struct weft_task *task = lot->tasks[at];
    lot->tasks[at] = lot->tasks[--lot->count];
    return task;
}
