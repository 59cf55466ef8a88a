/* Supervisors: being one. The rules are at the head of supervisor.h. */
#include "sync/supervisor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "task/root.h"
#include "task/scope.h"
#include "weft/time.h"

#define MOST_RESTARTS (1u << 20)

/* Making one. */

static bool is_valid(const weft_supervisor_spec *spec)
{
    return (unsigned)spec->strategy <= WEFT_REST_FOR_ONE &&
           !(spec->flags & ~WEFT_SUPERVISOR_UNTIL_IDLE) && spec->period >= 0 &&
           (spec->children || spec->count == 0);
}

/* All are remembered: weft_supervisor.times. */
static unsigned restarts_allowed(const weft_supervisor_spec *spec)
{
    if (spec->max_restarts == WEFT_NO_RESTARTS)
        return 0;
    if (spec->max_restarts > MOST_RESTARTS)
        return MOST_RESTARTS;
    return spec->max_restarts ? spec->max_restarts : 1;
}

static void settle(weft_supervisor *supervisor, const weft_supervisor_spec *spec, const char *name)
{
    strcpy(supervisor->own_name, name);
    supervisor->name = supervisor->own_name;
    supervisor->strategy = spec->strategy;
    supervisor->flags = spec->flags;
    supervisor->max_restarts = restarts_allowed(spec);
    supervisor->period = spec->period ? spec->period : WEFT_S(5);
    supervisor->on_event = spec->on_event;
    supervisor->on_event_arg = spec->on_event_arg;
}

static int make_children(weft_supervisor *supervisor, const weft_supervisor_spec *spec)
{
    int rc = 0;
    for (size_t i = 0; i < spec->count && rc == 0; i++)
        rc = weft__child_make(supervisor, &spec->children[i]);
    return rc;
}

int weft_supervisor_create(const weft_supervisor_spec *spec, weft_supervisor **ret_supervisor)
{
    const char *name = spec->name ? spec->name : "supervisor";
    if (!is_valid(spec))
        return -EINVAL;
    weft_supervisor *supervisor = calloc(1, sizeof *supervisor + strlen(name) + 1);
    if (!supervisor)
        return -ENOMEM;
    settle(supervisor, spec, name);
    weft__list_init(&supervisor->children);
    supervisor->times = calloc(supervisor->max_restarts + 1ul, sizeof *supervisor->times);
    int rc = supervisor->times ? weft__ends_create(0, &supervisor->ends) : -ENOMEM;
    if (rc == 0)
        rc = make_children(supervisor, spec);
    if (rc)
        weft_supervisor_destroy(supervisor);
    else
        *ret_supervisor = supervisor;
    return rc;
}

void weft_supervisor_destroy(weft_supervisor *supervisor)
{
    struct weft__list *link;
    if (!supervisor)
        return;
    while ((link = weft__list_first(&supervisor->children)))
        weft__child_forget(supervisor, weft__child_at(link));
    weft__ends_destroy(supervisor->ends);
    free(supervisor->times);
    free(supervisor);
}

/* By the supervisor, while it may be told to be over, as by now: who has the mutex may be
 * waiting for a child that never starts, and end() helps (SUPER-5). */
static int lock_unless_over(weft_supervisor *supervisor)
{
    struct weft__waiter *waiter = weft__waiter_self();
    struct weft_scope *stood = weft__scope_stand(waiter, supervisor->asked); /* SUPER-2 */
    int rc = weft_mutex_lock(&supervisor->mutex);
    weft__scope_stand(waiter, stood);
    return rc;
}

/* What is in force for the supervisor. */
static int in_force(weft_supervisor *supervisor)
{
    return weft__scope_look(weft__waiter_self(), supervisor->asked, NULL);
}

/* Restarting. */

static bool may_restart(weft_supervisor *supervisor)
{
    int64_t now = weft_now(), *oldest = &supervisor->times[supervisor->next_time];
    bool full = supervisor->time_count == supervisor->max_restarts;
    if (supervisor->max_restarts == 0 || (full && now - *oldest < supervisor->period))
        return false;
    *oldest = now;
    supervisor->next_time = (supervisor->next_time + 1) % supervisor->max_restarts;
    if (!full)
        supervisor->time_count++;
    weft__lock_acquire(&supervisor->lock);
    supervisor->info.restarts++;
    weft__lock_release(&supervisor->lock);
    return true;
}

/* Behind which children are started with it. */
static struct weft__list *before_all(weft_supervisor *supervisor, struct weft__child *child)
{
    return supervisor->strategy == WEFT_ONE_FOR_ALL ? &supervisor->children : child->link.prev;
}

static int start_again(weft_supervisor *supervisor, struct weft__child *child)
{
    if (supervisor->strategy == WEFT_ONE_FOR_ONE)
        return weft__child_start(supervisor, child);
    weft__children_stop(supervisor, before_all(supervisor, child));
    int rc = in_force(supervisor); /* stopping may have taken its time */
    return rc ? rc : weft__children_start(supervisor, before_all(supervisor, child));
}

/* One that does not start counts as one that has ended. */
static int restart(weft_supervisor *supervisor, struct weft__child *child, const weft_down *down)
{
    int rc;
    do {
        rc = in_force(supervisor);
        if (rc)
            return rc;
        if (!may_restart(supervisor)) {
            weft__super_say(supervisor, WEFT_SUPERVISOR_GIVES_UP, child, down);
            return -ELOOP;
        }
    } while (start_again(supervisor, child));
    return 0;
}

static struct weft__child *whose(weft_supervisor *supervisor, uint64_t actor)
{
    struct weft__list *link = supervisor->children.next;
    for (; link != &supervisor->children; link = link->next) {
        struct weft__child *child = weft__child_at(link);
        if (child->actor && child->actor->id == actor)
            return child;
    }
    return NULL;
}

/* With the mutex: an actor that was a child has ended. 0, or why the supervisor is over. */
static int follow(weft_supervisor *supervisor, const weft_down *down)
{
    struct weft__child *child = whose(supervisor, down->actor);
    if (!child)
        return 0; /* SUPER-3 */
    weft__child_ended(supervisor, child, down);
    enum weft_restart when = child->spec.restart;
    if (when == WEFT_PERMANENT || (when == WEFT_TRANSIENT && down->reason != WEFT_END_NORMAL))
        return restart(supervisor, child, down);
    if (when == WEFT_TEMPORARY)
        weft__child_forget(supervisor, child);
    return 0;
}

/* Running. */

static bool is_idle(weft_supervisor *supervisor)
{
    weft_supervisor_info info;
    if (!(supervisor->flags & WEFT_SUPERVISOR_UNTIL_IDLE))
        return false;
    weft_supervisor_look(supervisor, &info);
    return info.running == 0;
}

static int await_end(weft_supervisor *supervisor, weft_down *ret_down)
{
    struct weft__waiter *waiter = weft__waiter_self();
    struct weft_scope *stood = weft__scope_stand(waiter, supervisor->asked); /* SUPER-2 */
    int rc = weft__ends_receive(supervisor->ends, ret_down);
    weft__scope_stand(waiter, stood);
    return rc;
}

static int supervise(weft_supervisor *supervisor)
{
    weft_down down;
    int rc = lock_unless_over(supervisor);
    if (rc)
        return rc;
    rc = in_force(supervisor);
    if (rc == 0)
        rc = weft__children_start(supervisor, &supervisor->children);
    weft_mutex_unlock(&supervisor->mutex);
    if (rc == 0)
        weft_started(0);
    while (rc == 0 && !is_idle(supervisor)) {
        rc = await_end(supervisor, &down);
        if (rc == 0)
            rc = lock_unless_over(supervisor);
        if (rc)
            break;
        rc = follow(supervisor, &down);
        weft_mutex_unlock(&supervisor->mutex);
    }
    return rc;
}

/* 0 or -EALREADY. */
static int begin(weft_supervisor *supervisor, weft_scope *asked, weft_group *group)
{
    weft__lock_acquire(&supervisor->lock);
    bool first = supervisor->state == WEFT__SUPER_NEW, stopped = supervisor->stopped;
    if (first) {
        supervisor->state = WEFT__SUPER_RUNS;
        supervisor->asked = asked;
        supervisor->group = group;
    }
    weft__lock_release(&supervisor->lock);
    if (first && stopped)
        weft_scope_cancel(asked);
    return first ? 0 : -EALREADY;
}

static void end(weft_supervisor *supervisor)
{
    weft__lock_acquire(&supervisor->lock);
    supervisor->state = WEFT__SUPER_ENDS; /* SUPER-5 */
    weft_actor *starting = supervisor->starting ? weft_actor_retain(supervisor->starting) : NULL;
    weft__lock_release(&supervisor->lock);
    if (starting)
        weft_actor_cancel(starting);
    weft_actor_release(starting);
    weft_mutex_lock(&supervisor->mutex); /* in the shield: nothing cuts it short */
    weft__children_stop(supervisor, &supervisor->children);
    weft__lock_acquire(&supervisor->lock);
    supervisor->asked = NULL;
    supervisor->group = NULL;
    weft__lock_release(&supervisor->lock);
    weft_mutex_unlock(&supervisor->mutex);
}

/* What a supervisor that was cut short returns. */
static int outcome(int rc, const weft_scope *asked)
{
    int around = weft_checkpoint();
    if (rc != -ECANCELED && rc != -ETIMEDOUT)
        return rc;
    if (around)
        return around;
    return weft_scope_cancelled(asked) ? 0 : rc; /* else a child has failed to start with it */
}

static int run(weft_supervisor *supervisor)
{
    weft_scope asked, shield;
    weft_group group;
    int rc = weft_checkpoint();
    if (rc)
        return rc;
    weft_scope_enter(&asked, WEFT_NEVER);
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    weft_group_enter(&group, WEFT_NEVER);
    rc = begin(supervisor, &asked, &group);
    if (rc == 0) {
        rc = supervise(supervisor);
        end(supervisor);
    }
    weft_group_leave(&group);
    weft_scope_leave(&shield);
    weft_scope_leave(&asked);
    return outcome(rc, &asked);
}

/* A plain thread is cancelled with all tasks, as it were one. */
int weft_supervisor_run(weft_supervisor *supervisor)
{
    struct weft__root_guest guest;
    if (weft_self())
        return run(supervisor);
    int rc = weft_checkpoint();
    if (rc)
        return rc;
    if (!weft__root_enter(&guest))
        return -EPERM;
    rc = run(supervisor);
    weft__root_leave(&guest);
    return rc;
}

int weft_supervise(void *spec)
{
    weft_supervisor *supervisor;
    int rc = weft_checkpoint();
    if (rc == 0)
        rc = weft_supervisor_create(spec, &supervisor);
    if (rc)
        return rc;
    rc = weft_supervisor_run(supervisor);
    weft_supervisor_destroy(supervisor);
    return rc;
}

/* Under the lock, so that the scope is there; nothing that cancels or wakes wants that. */
void weft_supervisor_stop(weft_supervisor *supervisor)
{
    weft__lock_acquire(&supervisor->lock);
    supervisor->stopped = true;
    if (supervisor->asked)
        weft_scope_cancel(supervisor->asked);
    weft__lock_release(&supervisor->lock);
}
