/* lot.h - with a seed: runnable tasks in no order, drawn at random. */
#ifndef WEFT_SCHED_LOT_H
#define WEFT_SCHED_LOT_H

#include "base/random.h"
#include "sched/task.h"

struct weft__lot {
    struct weft_task **tasks;
    size_t count, room;
};

static inline bool weft__lot_empty(const struct weft__lot *lot)
{
    return lot->count == 0;
}

void weft__lot_put(struct weft__lot *lot, struct weft_task *task);

/* NULL: the lot is empty. */
struct weft_task *weft__lot_draw(struct weft__lot *lot, uint64_t *random);

#endif
