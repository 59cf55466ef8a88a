/* Supervisors: what others ask of one. The rules are at the head of supervisor.h. */
#include <errno.h>

#include "sync/supervisor.h"
#include "weft/scope.h"

/* The mutex. A cancellation point. */
static int enter(weft_supervisor *supervisor)
{
    int rc = weft_checkpoint();
    return rc ? rc : weft_mutex_lock(&supervisor->mutex);
}

static int leave(weft_supervisor *supervisor, int rc)
{
    weft_mutex_unlock(&supervisor->mutex);
    return rc;
}

static int state_of(weft_supervisor *supervisor)
{
    weft__lock_acquire(&supervisor->lock);
    int state = supervisor->state;
    weft__lock_release(&supervisor->lock);
    return state;
}

/* One that does not run yet starts it with the others. */
static int add(weft_supervisor *supervisor, const weft_child_spec *spec)
{
    int state = state_of(supervisor);
    if (state == WEFT__SUPER_ENDS)
        return -EPIPE;
    int rc = weft__child_make(supervisor, spec);
    if (rc || state == WEFT__SUPER_NEW)
        return rc;
    struct weft__child *child = weft__child_find(supervisor, spec->name);
    rc = weft__child_start(supervisor, child);
    if (rc)
        weft__child_forget(supervisor, child);
    return rc;
}

int weft_supervisor_add(weft_supervisor *supervisor, const weft_child_spec *child)
{
    int rc = enter(supervisor);
    return rc ? rc : leave(supervisor, add(supervisor, child));
}

static int terminate(weft_supervisor *supervisor, const char *name)
{
    struct weft__child *child = weft__child_find(supervisor, name);
    if (!child)
        return -ENOENT;
    if (!child->actor)
        return 0;
    if (child->actor == weft_actor_self())
        return -EDEADLK;
    if (state_of(supervisor) == WEFT__SUPER_ENDS)
        return -EPIPE;
    child->terminated = true;
    weft__child_stop(supervisor, child);
    if (child->spec.restart == WEFT_TEMPORARY)
        weft__child_forget(supervisor, child);
    return 0;
}

int weft_supervisor_terminate(weft_supervisor *supervisor, const char *name)
{
    int rc = enter(supervisor);
    return rc ? rc : leave(supervisor, terminate(supervisor, name));
}

static int restart(weft_supervisor *supervisor, const char *name)
{
    struct weft__child *child = weft__child_find(supervisor, name);
    if (!child)
        return -ENOENT;
    return child->actor ? -EBUSY : weft__child_start(supervisor, child);
}

int weft_supervisor_restart(weft_supervisor *supervisor, const char *name)
{
    int rc = enter(supervisor);
    return rc ? rc : leave(supervisor, restart(supervisor, name));
}

static int forget(weft_supervisor *supervisor, const char *name)
{
    struct weft__child *child = weft__child_find(supervisor, name);
    if (!child)
        return -ENOENT;
    if (child->actor)
        return -EBUSY;
    weft__child_forget(supervisor, child);
    return 0;
}

int weft_supervisor_remove(weft_supervisor *supervisor, const char *name)
{
    int rc = enter(supervisor);
    return rc ? rc : leave(supervisor, forget(supervisor, name));
}

/* Looking. */

weft_actor *weft_supervisor_find(weft_supervisor *supervisor, const char *name)
{
    weft__lock_acquire(&supervisor->lock);
    struct weft__child *child = weft__child_find(supervisor, name);
    weft_actor *actor = child && child->actor ? weft_actor_retain(child->actor) : NULL;
    weft__lock_release(&supervisor->lock);
    return actor;
}

void weft_supervisor_look(weft_supervisor *supervisor, weft_supervisor_info *ret_info)
{
    weft__lock_acquire(&supervisor->lock);
    struct weft__list *link = supervisor->children.next;
    *ret_info = supervisor->info;
    for (; link != &supervisor->children; link = link->next) {
        ret_info->children++;
        ret_info->running += weft__child_at(link)->actor != NULL;
    }
    weft__lock_release(&supervisor->lock);
}
