/* actor.h - actors: what outlives the task.
 *
 * ACTOR-1  The record is there as long as somebody has a reference: the handles, the links of
 *          others, and the task, from its spawning to the end of its ending (END-1).
 * ACTOR-2  It is new, alive, and ended, in this order, under the lock. While it is alive its
 *          task may be touched by the lock's holder: the ending passes the lock before the
 *          task goes. So cancelling needs no handle of the task. Who cancels a new one leaves
 *          word, and its task will not run.
 * ACTOR-3  Each watcher gets its message once: either it is in the list when the ending, under
 *          the lock, takes that away, or it comes later and finds what it asks for. Who takes
 *          one out of the list gets no message.
 * ACTOR-4  A link is two watchers of one number, one with each actor. Who links puts in one
 *          and then the other, and takes that out again if the first is there no more; an
 *          ending actor takes its partner's out, who unlinks both. So no half is left alone,
 *          and no two locks are ever held.
 * ACTOR-5  The ending's order: the box is destroyed, then the watchers are told, then those
 *          who wait. Whoever is told finds the box closed. */
#ifndef WEFT_SYNC_ACTOR_H
#define WEFT_SYNC_ACTOR_H

#include "os/lock.h"
#include "sync/mailbox.h"
#include "task/ending.h"
#include "task/spawn.h"
#include "weft/actor.h"
#include "weft/event.h"

struct weft_actor {
    struct weft__ending ending; /* first: the task's argument */
    int (*fn)(void *arg);       /* constant, as the next three */
    void *arg;
    weft_mailbox *box; /* or NULL */
    bool supervised;   /* its failure is its supervisor's, and not the group's */
    _Atomic(uint32_t) refs;

    struct weft__lock lock; /* of all below */
    enum { WEFT__ACTOR_NEW, WEFT__ACTOR_ALIVE, WEFT__ACTOR_ENDED } state;
    struct weft_task *task;     /* while it is alive */
    uint64_t id;                /* constant since it became so */
    bool cancelled, pulled;     /* before it was alive; by a link */
    struct weft__list watchers; /* by weft__watcher.link */
    weft_down down;             /* once it has ended; for no monitor in particular */
    weft_event over;
};

/* A monitor, or one half of a link. Under the actor's lock while it is in the list. */
struct weft__watcher {
    struct weft__list link;
    uint64_t number;
    enum { WEFT__CALLS, WEFT__MAILS, WEFT__PULLS } kind;
    void *arg;
    union {
        void (*call)(const weft_down *down);
        struct {
            void (*make)(const weft_down *down, void *arg, void *ret_message);
            weft_mailbox *box;
            struct weft__letter *letter; /* reserved */
        };
        weft_actor *other; /* a reference */
    };
};

/* A new actor, which nobody knows; one reference, the caller's. Takes the box only when it
 * is launched. NULL: memory is out. */
weft_actor *weft__actor_make(int (*fn)(void *arg), void *arg, weft_mailbox *box);

/* To spawn its task with; and what follows that, whatever came of it. True: the task was
 * published. */
struct weft__request weft__actor_request(weft_actor *actor, const char *site,
                                         const weft_attr *attr);
bool weft__actor_launched(weft_actor *actor);

/* Under the lock: as weft_cancel(). Returns those who are to be woken, when no lock is held. */
struct weft_task *weft__actor_cancel(weft_actor *actor);

/* The actor has ended: to each of its watchers what it is to be told. Uses them up. */
void weft__watchers_tell(weft_actor *actor, struct weft__list *watchers);

/* Of an actor that nobody else knows, and will not be spawned: forgets them. */
void weft__watchers_forget(weft_actor *actor);

#endif
