/* spawn.h - what can be asked for when a task is spawned. */
#ifndef WEFT_TASK_SPAWN_H
#define WEFT_TASK_SPAWN_H

#include "sched/task.h"
#include "weft/group.h"

struct weft__ending;
struct weft__group;
struct weft__starting;

struct weft__request {
    const char *site;
    const weft_attr *attr;
    int (*fn)(void *arg);
    void *arg;
    const void *args; /* copied, unless size is 0 */
    size_t size;
    bool callback; /* of a strand, by the library: any strand */
    int64_t when;  /* not 0: args is a struct weft__timed, and this its point in time */
    struct weft__epilogue epilogue; /* if it has one: then it is in no group */
    bool service;                   /* WEFT__TASK_SERVICE: has an epilogue, inherits nothing */
    struct weft__ending *ending;    /* or NULL; else it is what `arg` points to */
    /* In a group: */
    struct weft__group *group;
    int *ret_result;
    struct weft__starting *starting; /* or NULL */
};

/* `ret_task` NULL: detached. Returns as weft_spawn(); in a group also an error of
 * weft__group_admit(). Never suspends. */
int weft__spawn(const struct weft__request *request, weft_task **ret_task);

/* weft_group_spawn_at() and weft_group_start_at() of what is asked for, but for the group and
 * `starting`, which are filled in. */
int weft__group_spawn(weft_group *group, struct weft__request *request);
int weft__group_start(weft_group *group, struct weft__request *request, intptr_t *ret_value);

#endif
