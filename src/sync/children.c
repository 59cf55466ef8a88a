/* A supervisor's children: starting and stopping. The rules are at the head of
 * supervisor.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/supervisor.h"
#include "task/scope.h"
#include "weft/time.h"

/* Reports. */

static void write_line(const weft_supervisor *supervisor, const char *child, const weft_down *down,
                       enum weft_supervisor_event_kind kind, int64_t grace)
{
    char line[256];
    int length;
    if (kind == WEFT_CHILD_REFUSES)
        length =
            snprintf(line, sizeof line,
                     "weft: supervisor '%s': child '%s' (task %llu) has not ended %.3f s after "
                     "it was cancelled; it is waited for\n",
                     supervisor->name, child, (unsigned long long)down->actor, (double)grace / 1e9);
    else
        length =
            snprintf(line, sizeof line,
                     "weft: supervisor '%s' gives up: child '%s' (task %llu) has ended with %d, "
                     "and %u restarts in %.3f s are allowed\n",
                     supervisor->name, child, (unsigned long long)down->actor, down->result,
                     supervisor->max_restarts, (double)supervisor->period / 1e9);
    if (length >= (int)sizeof line)
        length = (int)sizeof line - 1;
    line[length - 1] = '\n';
    if (write(STDERR_FILENO, line, (size_t)length) < 0)
        return; /* nobody hears us */
}

void weft__super_say(weft_supervisor *supervisor, enum weft_supervisor_event_kind kind,
                     const struct weft__child *child, const weft_down *down)
{
    weft_supervisor_event event = {
        .kind = kind,
        .reason = down->reason,
        .supervisor = supervisor->name,
        .child = child->name,
        .actor = down->actor,
        .result = down->result,
        .arg = supervisor->on_event_arg,
    };
    if (supervisor->on_event)
        supervisor->on_event(&event);
    else if (kind == WEFT_CHILD_REFUSES || kind == WEFT_SUPERVISOR_GIVES_UP)
        write_line(supervisor, child->name, down, kind, child->spec.grace);
}

/* The list. */

struct weft__child *weft__child_find(weft_supervisor *supervisor, const char *name)
{
    struct weft__list *link = supervisor->children.next;
    for (; link != &supervisor->children; link = link->next) {
        if (strcmp(weft__child_at(link)->name, name) == 0)
            return weft__child_at(link);
    }
    return NULL;
}

static bool is_valid(const weft_child_spec *spec)
{
    return spec->name && spec->fn && (unsigned)spec->restart <= WEFT_TEMPORARY &&
           !(spec->flags & ~WEFT_CHILD_STARTS) && spec->grace >= 0;
}

int weft__child_make(weft_supervisor *supervisor, const weft_child_spec *spec)
{
    if (!is_valid(spec))
        return -EINVAL;
    if (weft__child_find(supervisor, spec->name))
        return -EEXIST;
    size_t length = strlen(spec->name) + 1;
    struct weft__child *child = calloc(1, sizeof *child + length);
    if (!child)
        return -ENOMEM;
    memcpy(child->name, spec->name, length);
    child->spec = *spec;
    if (spec->attr)
        child->attr = *spec->attr;
    const char *task_name = child->attr.name ? child->attr.name : child->name;
    child->attr.name = strncat(child->task_name, task_name, sizeof child->task_name - 1);
    if (spec->grace == 0)
        child->spec.grace = WEFT__CHILD_GRACE;
    weft__lock_acquire(&supervisor->lock);
    weft__list_append(&supervisor->children, &child->link);
    weft__lock_release(&supervisor->lock);
    return 0;
}

void weft__child_forget(weft_supervisor *supervisor, struct weft__child *child)
{
    weft__lock_acquire(&supervisor->lock);
    weft__list_remove(&child->link);
    weft__lock_release(&supervisor->lock);
    free(child);
}

/* Starting. */

/* SUPER-5. False: the supervisor is about to be over, or does not run. */
static bool set_starting(weft_supervisor *supervisor, weft_actor *actor)
{
    weft__lock_acquire(&supervisor->lock);
    bool runs = supervisor->state == WEFT__SUPER_RUNS;
    supervisor->starting = runs ? actor : NULL;
    weft__lock_release(&supervisor->lock);
    return runs;
}

/* SUPER-2: who calls may be the supervisor itself. */
static int wait_for_start(weft_supervisor *supervisor, struct weft__request *request)
{
    struct weft__waiter *waiter = weft__waiter_self();
    bool own = weft__scope_of(supervisor->asked)->owner == waiter;
    struct weft_scope *stood = own ? weft__scope_stand(waiter, supervisor->asked) : NULL;
    int rc = weft__group_start(supervisor->group, request, NULL);
    if (own)
        weft__scope_stand(waiter, stood);
    return rc;
}

/* It is `starting`. */
static int spawn(weft_supervisor *supervisor, const struct weft__child *child, weft_actor *actor)
{
    struct weft__request request = weft__actor_request(actor, "supervisor child", &child->attr);
    int rc = child->spec.flags & WEFT_CHILD_STARTS ? wait_for_start(supervisor, &request)
                                                   : weft__group_spawn(supervisor->group, &request);
    if (!weft__actor_launched(actor))
        weft__watchers_forget(actor);
    else if (rc == -EPROTO && actor->down.result < 0) /* it has ended; and SUPER-4 */
        rc = actor->down.result;
    if (!set_starting(supervisor, NULL) && rc)
        rc = -EPIPE;
    return rc;
}

static void set_actor(weft_supervisor *supervisor, struct weft__child *child, weft_actor *actor)
{
    weft__lock_acquire(&supervisor->lock);
    child->actor = actor;
    child->terminated = false;
    supervisor->info.starts++;
    weft__lock_release(&supervisor->lock);
    weft_down started = { .actor = actor->id };
    weft__super_say(supervisor, WEFT_CHILD_STARTED, child, &started);
}

int weft__child_start(weft_supervisor *supervisor, struct weft__child *child)
{
    weft_actor *actor = weft__actor_make(child->spec.fn, child->spec.arg, NULL);
    if (!actor)
        return -ENOMEM;
    actor->supervised = true;
    /* SUPER-3 */
    int rc = weft_actor_monitor(actor, weft__ends_untyped(supervisor->ends), NULL, NULL, NULL);
    if (rc == 0 && !set_starting(supervisor, actor)) {
        weft__watchers_forget(actor);
        rc = -EPIPE;
    } else if (rc == 0) {
        rc = spawn(supervisor, child, actor);
    }
    if (rc)
        weft_actor_release(actor);
    else
        set_actor(supervisor, child, actor);
    return rc;
}

int weft__children_start(weft_supervisor *supervisor, struct weft__list *before)
{
    struct weft__list *link = before->next;
    int rc = 0;
    for (; link != &supervisor->children && rc == 0; link = link->next) {
        struct weft__child *child = weft__child_at(link);
        if (!child->actor && !child->terminated)
            rc = weft__child_start(supervisor, child);
    }
    return rc;
}

/* Stopping. */

void weft__child_ended(weft_supervisor *supervisor, struct weft__child *child,
                       const weft_down *down)
{
    weft__super_say(supervisor, WEFT_CHILD_ENDED, child, down);
    weft__lock_acquire(&supervisor->lock);
    weft_actor *actor = child->actor;
    child->actor = NULL;
    weft__lock_release(&supervisor->lock);
    weft_actor_release(actor);
}

static void name_refuser(weft_supervisor *supervisor, const struct weft__child *child)
{
    weft_down still = { .actor = child->actor->id };
    weft__lock_acquire(&supervisor->lock);
    supervisor->info.refusals++;
    weft__lock_release(&supervisor->lock);
    weft__super_say(supervisor, WEFT_CHILD_REFUSES, child, &still);
}

void weft__child_stop(weft_supervisor *supervisor, struct weft__child *child)
{
    weft_scope shield;
    int rc = -EAGAIN;
    if (!child->actor)
        return;
    weft_actor_cancel(child->actor);
    while (rc) {
        weft_scope_enter_shielded(&shield, weft_after(child->spec.grace)); /* SUPER-6 */
        rc = weft_actor_wait(child->actor, NULL);
        weft_scope_leave(&shield);
        if (rc == -ETIMEDOUT)
            name_refuser(supervisor, child);
    }
    weft_down down = child->actor->down;
    weft__child_ended(supervisor, child, &down);
}

void weft__children_stop(weft_supervisor *supervisor, struct weft__list *before)
{
    struct weft__list *previous, *link = supervisor->children.prev;
    for (; link != before; link = previous) {
        struct weft__child *child = weft__child_at(link);
        bool ran = child->actor;
        previous = link->prev;
        weft__child_stop(supervisor, child);
        if (ran && child->spec.restart == WEFT_TEMPORARY)
            weft__child_forget(supervisor, child);
    }
}
