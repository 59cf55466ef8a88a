#include "task/failure.h"

#include <stdlib.h>
#include <string.h>

#include "task/group.h"

struct weft__failure *weft__failure_make(const struct weft_task *task, int result)
{
    struct weft__failure *failure = calloc(1, sizeof *failure);
    if (!failure)
        return NULL;
    failure->what.task = weft_task_id(task);
    failure->what.site = task->site;
    failure->what.result = result;
    memcpy(failure->what.name, task->name, sizeof failure->what.name);
    return failure;
}

struct weft__failures *weft__failures_make(void)
{
    return calloc(1, sizeof(struct weft__failures));
}

bool weft__failures_add(struct weft__failures *failures, struct weft__failure *failure)
{
    if (!failures)
        return false;
    failures->count++;
    if (!failure || failures->kept == WEFT__FAILURES_KEPT)
        return false;
    failures->kept++;
    if (failures->last)
        failures->last->next = failure;
    else
        failures->first = failure;
    failures->last = failure;
    return true;
}

/* Without recursion, however deep the groups were: what is inside a failure is put
 * behind the list that is being freed. */
void weft__failures_free(struct weft__failures *failures)
{
    if (!failures)
        return;
    struct weft__failure *first = failures->first, *last = failures->last;
    free(failures);
    while (first) {
        struct weft__failure *failure = first;
        struct weft__failures *inner = failure->inner;
        if (inner && inner->first) {
            last->next = inner->first;
            last = inner->last;
        }
        free(inner);
        first = failure->next;
        free(failure);
    }
}

void weft__failure_free(struct weft__failure *failure)
{
    if (!failure)
        return;
    struct weft__failures *inner = failure->inner;
    free(failure);
    weft__failures_free(inner);
}

size_t weft_group_failures(weft_group *public, weft_failure *failures, size_t count)
{
    struct weft__group *group = weft__group_of(public);
    size_t total = 0, i = 0;
    weft__lock_acquire(&group->lock);
    struct weft__failure *at = group->failures ? group->failures->first : NULL;
    for (; at && i < count; at = at->next)
        failures[i++] = at->what;
    total = group->failures ? group->failures->count : 0;
    weft__lock_release(&group->lock);
    return total;
}
