#include <errno.h>
#include <string.h>

#include "sched/worker.h"
#include "weft/observe.h"

static void look(struct weft__worker *w, weft_worker_stats *ret_stats)
{
    memset(ret_stats, 0, sizeof *ret_stats);
    ret_stats->switches = weft__load(&w->switches, relaxed); /* each its own moment's */
    ret_stats->spawned = weft__load(&w->spawned, relaxed);
    ret_stats->ended = weft__load(&w->ended, relaxed);
    ret_stats->steals = weft__load(&w->steals, relaxed);
    ret_stats->stolen = weft__load(&w->stolen, relaxed);
    ret_stats->parks = weft__load(&w->parks, relaxed);
    ret_stats->polls = weft__load(&w->polls, relaxed);
    ret_stats->events = weft__load(&w->events, relaxed);
}

int weft_stats(unsigned worker, weft_worker_stats *ret_stats)
{
    if (!weft__visit_begin())
        return -EINVAL;
    bool exists = worker < weft__rt.workers;
    if (exists)
        look(&weft__rt.worker[worker], ret_stats);
    weft__visit_end();
    return exists ? 0 : -EINVAL;
}

int weft_memory(weft_memory_stats *ret_stats)
{
    if (!weft__visit_begin())
        return -EPERM;
    memset(ret_stats, 0, sizeof *ret_stats);
    ret_stats->tasks = weft__tasks_alive();
    ret_stats->task_bytes = weft__load(&weft__rt.tasks.bytes, relaxed);
    ret_stats->stacks = weft__load(&weft__rt.stacks.count, relaxed);
    ret_stats->stacks_cached = weft__stacks_cached(&weft__rt.stacks);
    ret_stats->stack_bytes = weft__load(&weft__rt.stacks.bytes, relaxed);
    weft__visit_end();
    return 0;
}
