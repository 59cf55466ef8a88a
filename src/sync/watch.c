/* Monitors and links. The protocol is at the head of actor.h. */
#include <errno.h>
#include <stdlib.h>

#include "sync/actor.h"
#include "task/cancel.h"

static _Atomic(uint64_t) last_number;

static uint64_t new_number(void)
{
    return weft__add(&last_number, 1, relaxed) + 1; /* to be different is all */
}

/* NULL: memory is out. */
static struct weft__watcher *make(int kind, uint64_t number, void *arg)
{
    struct weft__watcher *watcher = calloc(1, sizeof *watcher);
    if (!watcher)
        return NULL;
    watcher->kind = kind;
    watcher->number = number;
    watcher->arg = arg;
    weft__list_init(&watcher->link);
    return watcher;
}

/* What it holds goes with it, but for a letter that was sent. */
static void forget(struct weft__watcher *watcher)
{
    if (watcher->kind == WEFT__PULLS)
        weft_actor_release(watcher->other);
    if (watcher->kind == WEFT__MAILS && watcher->letter)
        weft__mailbox_give_back(watcher->box, watcher->letter);
    free(watcher);
}

/* ACTOR-3. False: it has ended. */
static bool enlist(weft_actor *actor, struct weft__watcher *watcher)
{
    weft__lock_acquire(&actor->lock);
    bool ended = actor->state == WEFT__ACTOR_ENDED;
    if (!ended)
        weft__list_append(&actor->watchers, &watcher->link);
    weft__lock_release(&actor->lock);
    return !ended;
}

/* Under the lock. NULL: there is none. */
static struct weft__watcher *find(weft_actor *actor, uint64_t number)
{
    struct weft__list *link = actor->watchers.next;
    for (; link != &actor->watchers; link = link->next) {
        struct weft__watcher *watcher = weft__container_of(link, struct weft__watcher, link);
        if (watcher->number == number)
            return watcher;
    }
    return NULL;
}

static bool is_listed(weft_actor *actor, uint64_t number)
{
    weft__lock_acquire(&actor->lock);
    bool listed = find(actor, number);
    weft__lock_release(&actor->lock);
    return listed;
}

/* Takes it out and forgets it. False: there is none. */
static bool take_out(weft_actor *actor, uint64_t number)
{
    weft__lock_acquire(&actor->lock);
    struct weft__watcher *watcher = find(actor, number);
    if (watcher)
        weft__list_remove(&watcher->link);
    weft__lock_release(&actor->lock);
    if (watcher)
        forget(watcher);
    return watcher;
}

/* By a link. */
static void pull(weft_actor *actor)
{
    weft__lock_acquire(&actor->lock);
    if (actor->state != WEFT__ACTOR_ENDED)
        actor->pulled = true;
    struct weft_task *wave = weft__actor_cancel(actor);
    weft__lock_release(&actor->lock);
    weft__cancel_wake(wave);
}

/* Whether its end, which has come, cancels those that are linked to it. */
static bool pulls(const weft_actor *actor)
{
    return actor->down.reason == WEFT_END_FAILED ||
           (actor->down.reason == WEFT_END_CANCELLED && actor->pulled);
}

static void send(struct weft__watcher *watcher, const weft_down *down)
{
    if (watcher->make)
        watcher->make(down, watcher->arg, watcher->letter->message);
    else
        *(weft_down *)(void *)watcher->letter->message = *down;
    weft__mailbox_send_reserved(watcher->box, watcher->letter);
    watcher->letter = NULL;
}

/* The actor has ended. Uses the watcher up. */
static void tell(weft_actor *actor, struct weft__watcher *watcher)
{
    weft_down down = actor->down;
    down.monitor = watcher->number;
    down.arg = watcher->arg;
    if (watcher->kind == WEFT__CALLS)
        watcher->call(&down);
    else if (watcher->kind == WEFT__MAILS)
        send(watcher, &down);
    else {
        take_out(watcher->other, watcher->number); /* ACTOR-4 */
        if (pulls(actor))
            pull(watcher->other);
    }
    forget(watcher);
}

void weft__watchers_tell(weft_actor *actor, struct weft__list *watchers)
{
    struct weft__list *link;
    while ((link = weft__list_first(watchers))) {
        weft__list_remove(link);
        tell(actor, weft__container_of(link, struct weft__watcher, link));
    }
}

void weft__watchers_forget(weft_actor *actor)
{
    struct weft__list *link;
    while ((link = weft__list_first(&actor->watchers))) {
        weft__list_remove(link);
        forget(weft__container_of(link, struct weft__watcher, link));
    }
}

/* Monitors. */

static void begin_to_watch(weft_actor *actor, struct weft__watcher *watcher, uint64_t *ret_monitor)
{
    if (ret_monitor)
        *ret_monitor = watcher->number;
    if (!enlist(actor, watcher))
        tell(actor, watcher);
}

int weft_actor_monitor(weft_actor *actor, weft_mailbox *box,
                       void (*make_message)(const weft_down *down, void *arg, void *ret_message),
                       void *arg, uint64_t *ret_monitor)
{
    if (!make_message && box->size != sizeof(weft_down))
        return -EINVAL;
    struct weft__watcher *watcher = make(WEFT__MAILS, new_number(), arg);
    if (!watcher)
        return -ENOMEM;
    watcher->make = make_message;
    watcher->box = box;
    watcher->letter = weft__mailbox_reserve(box);
    if (!watcher->letter) {
        forget(watcher);
        return -ENOMEM;
    }
    begin_to_watch(actor, watcher, ret_monitor);
    return 0;
}

int weft_actor_monitor_call(weft_actor *actor, void (*fn)(const weft_down *down), void *arg,
                            uint64_t *ret_monitor)
{
    struct weft__watcher *watcher = make(WEFT__CALLS, new_number(), arg);
    if (!watcher)
        return -ENOMEM;
    watcher->call = fn;
    begin_to_watch(actor, watcher, ret_monitor);
    return 0;
}

int weft_actor_demonitor(weft_actor *actor, uint64_t monitor)
{
    return take_out(actor, monitor) ? 0 : -ENOENT;
}

/* Links. */

static struct weft__watcher *make_half(weft_actor *other, uint64_t number)
{
    struct weft__watcher *half = make(WEFT__PULLS, number, NULL);
    if (half)
        half->other = weft_actor_retain(other);
    return half;
}

/* The number of a link with `other`; 0: there is none. */
static uint64_t link_with(weft_actor *actor, const weft_actor *other)
{
    uint64_t number = 0;
    weft__lock_acquire(&actor->lock);
    struct weft__list *link = actor->watchers.next;
    for (; link != &actor->watchers && !number; link = link->next) {
        struct weft__watcher *watcher = weft__container_of(link, struct weft__watcher, link);
        if (watcher->kind == WEFT__PULLS && watcher->other == other)
            number = watcher->number;
    }
    weft__lock_release(&actor->lock);
    return number;
}

int weft_actor_link(weft_actor *actor, weft_actor *other)
{
    if (actor == other)
        return -EINVAL;
    if (link_with(actor, other))
        return 0;
    uint64_t number = new_number();
    struct weft__watcher *half = make_half(other, number), *others = make_half(actor, number);
    if (!half || !others) {
        if (half || others)
            forget(half ? half : others);
        return -ENOMEM;
    }
    if (!enlist(actor, half)) {
        forget(others);
        tell(actor, half);
    } else if (!enlist(other, others)) {
        tell(other, others);                /* takes the half out, too */
    } else if (!is_listed(actor, number)) { /* ACTOR-4 */
        take_out(other, number);
    }
    return 0;
}

/* Those who have linked them at the same moment have not seen each other. */
int weft_actor_unlink(weft_actor *actor, weft_actor *other)
{
    uint64_t number;
    int rc = -ENOENT;
    while ((number = link_with(actor, other))) {
        if (take_out(actor, number))
            rc = 0;
        take_out(other, number);
    }
    return rc;
}
