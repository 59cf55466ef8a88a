/* Actors: their lives. The protocol is at the head of actor.h. */
#include "sync/actor.h"

#include <errno.h>
#include <stdlib.h>

#include "task/cancel.h"

static weft_actor *actor_of(struct weft__ending *ending)
{
    return weft__container_of(ending, weft_actor, ending);
}

static void begin(struct weft__ending *ending, struct weft_task *task)
{
    weft_actor *actor = actor_of(ending);
    weft__lock_acquire(&actor->lock);
    actor->state = WEFT__ACTOR_ALIVE;
    actor->task = task;
    actor->id = weft_task_id(task);
    if (actor->cancelled) /* ACTOR-2 */
        weft__cancel_set(&task->waiter);
    weft__lock_release(&actor->lock);
}

/* END-2: the task is there. */
static enum weft_end reason_of(struct weft_task *task)
{
    if (task->result >= 0)
        return WEFT_END_NORMAL;
    return weft__has_failed(task) ? WEFT_END_FAILED : WEFT_END_CANCELLED;
}

static void move_watchers(struct weft__list *to, struct weft__list *from)
{
    struct weft__list *link;
    weft__list_init(to);
    while ((link = weft__list_first(from))) {
        weft__list_remove(link);
        weft__list_append(to, link);
    }
}

static void end(struct weft__ending *ending, struct weft_task *task)
{
    weft_actor *actor = actor_of(ending);
    struct weft__list watchers;
    enum weft_end reason = reason_of(task);
    if (actor->box)
        weft_mailbox_destroy(weft_mailbox_retain(actor->box)); /* ACTOR-5; we have a reference */
    weft__lock_acquire(&actor->lock);
    actor->state = WEFT__ACTOR_ENDED;
    actor->task = NULL;
    actor->down = (weft_down){ .actor = actor->id, .result = task->result, .reason = reason };
    move_watchers(&watchers, &actor->watchers); /* ACTOR-3 */
    weft__lock_release(&actor->lock);
    if (actor->supervised)
        task->result = 0; /* END-3 */
    weft__watchers_tell(actor, &watchers);
    weft_event_set(&actor->over);
    weft_actor_release(actor);
}

weft_actor *weft__actor_make(int (*fn)(void *arg), void *arg, weft_mailbox *box)
{
    weft_actor *actor = calloc(1, sizeof *actor);
    if (!actor)
        return NULL;
    actor->ending = (struct weft__ending){ begin, end };
    actor->fn = fn;
    actor->arg = arg;
    actor->box = box;
    weft__store(&actor->refs, 1, relaxed); /* nobody knows it yet */
    weft__list_init(&actor->watchers);
    weft_event_init(&actor->over);
    return actor;
}

static int run(void *ending)
{
    weft_actor *actor = actor_of(ending);
    return actor->fn(actor->arg);
}

struct weft__request weft__actor_request(weft_actor *actor, const char *site, const weft_attr *attr)
{
    weft_actor_retain(actor); /* the task's: ACTOR-1 */
    return (struct weft__request){
        .site = site, .attr = attr, .fn = run, .arg = &actor->ending, .ending = &actor->ending
    };
}

bool weft__actor_launched(weft_actor *actor)
{
    weft__lock_acquire(&actor->lock);
    bool published = actor->state != WEFT__ACTOR_NEW;
    weft__lock_release(&actor->lock);
    if (!published)
        weft_actor_release(actor);
    return published;
}

int weft_actor_spawn_at(const char *site, const weft_attr *attr, weft_group *group,
                        int (*fn)(void *arg), void *arg, weft_mailbox *box, weft_actor **ret_actor)
{
    weft_actor *actor = weft__actor_make(fn, arg, box);
    if (!actor)
        return -ENOMEM;
    struct weft__request request = weft__actor_request(actor, site, attr);
    int rc = group ? weft__group_spawn(group, &request) : weft__spawn(&request, NULL);
    if (weft__actor_launched(actor) && ret_actor)
        *ret_actor = actor;
    else
        weft_actor_release(actor);
    return rc;
}

weft_actor *weft_actor_retain(weft_actor *actor)
{
    weft__add(&actor->refs, 1, relaxed); /* who calls has one */
    return actor;
}

void weft_actor_release(weft_actor *actor)
{
    /* acq_rel: the last one sees what the others have done */
    if (!actor || weft__add(&actor->refs, (uint32_t)-1, acq_rel) != 1)
        return;
    if (actor->state == WEFT__ACTOR_ENDED) /* else it is its maker's still */
        weft_mailbox_release(actor->box);
    free(actor);
}

weft_actor *weft_actor_self(void)
{
    struct weft_task *self = weft_self();
    return self && self->flags & WEFT__TASK_WATCHED ? actor_of(self->arg) : NULL;
}

uint64_t weft_actor_id(const weft_actor *actor)
{
    return actor->id;
}

weft_mailbox *weft_actor_mailbox(const weft_actor *actor)
{
    return actor->box;
}

weft_mailbox *weft_inbox(void)
{
    const weft_actor *self = weft_actor_self();
    return self ? self->box : NULL;
}

struct weft_task *weft__actor_cancel(weft_actor *actor)
{
    if (actor->state == WEFT__ACTOR_NEW)
        actor->cancelled = true;
    return actor->state == WEFT__ACTOR_ALIVE ? weft__cancel_claim(actor->task) : NULL;
}

void weft_actor_cancel(weft_actor *actor)
{
    weft__lock_acquire(&actor->lock);
    struct weft_task *wave = weft__actor_cancel(actor);
    weft__lock_release(&actor->lock);
    weft__cancel_wake(wave);
}

int weft_actor_wait(weft_actor *actor, int *ret_result)
{
    if (actor == weft_actor_self())
        return -EDEADLK;
    int rc = weft_event_wait(&actor->over);
    if (rc == 0 && ret_result)
        *ret_result = actor->down.result;
    return rc;
}
