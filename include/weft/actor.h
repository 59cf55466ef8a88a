/* weft/actor.h - actors: tasks with a mailbox, that are watched, and fall together.
 *
 * An actor is a task that others know by a handle, for as long as they like, beyond its end:
 *
 *     static int bake(void *oven)
 *     {
 *         struct order order;
 *         while (orders_receive(orders_inbox(), &order) == 0)
 *             ...
 *         return 0;
 *     }
 *
 *     rc = orders_create(16, &box);
 *     rc = weft_actor_spawn(bake, oven, orders_untyped(box), &baker);
 *     ...
 *     rc = orders_send(box, order);               while the caller has `baker`
 *     weft_actor_release(baker);                 the baker goes on
 *
 * When an actor ends, however it does (also when it never ran, since it was cancelled
 * before or memory was out), in this order: its mailbox is destroyed; who monitors it is
 * told; if it has failed, those that are linked to it are cancelled.
 *
 * To have failed is to return a negative number, but for -ECANCELED or -ETIMEDOUT while,
 * at its end, either is in force for the whole task: then it was cancelled.
 *
 * Monitors go one way: the watcher gets a message. Links go both ways: of two that are
 * linked, the failure of one cancels the other; and when that ends because of it, those
 * that are linked to it as well. An actor that is told rather than cancelled monitors
 * instead. Children that are to be restarted have a supervisor: weft/supervisor.h. */
#ifndef WEFT_ACTOR_H
#define WEFT_ACTOR_H

#include <weft/common.h>
#include <weft/group.h>
#include <weft/mailbox.h>
#include <weft/task.h>

WEFT__BEGIN

/* An actor. A handle is a reference, and outlives it. */
typedef struct weft_actor weft_actor;

/* Spawns an actor that runs fn(arg), owned by the runtime's root group, like a detached
 * task. `box`, which may be NULL, is its mailbox from now on: the caller's ownership passes
 * to it, and it is destroyed when the actor ends. `ret_actor` receives a reference; NULL:
 * none is wanted. Never suspends.
 * Returns 0 or an error of weft_spawn(); then the box is the caller's still. */
#define weft_actor_spawn(fn, arg, box, ret_actor) \
    weft_actor_spawn_at(WEFT__SITE(fn), NULL, NULL, fn, arg, box, ret_actor)

/* The same with attributes, which may be NULL, and in a group, which may be NULL. In a
 * group its failure is one of the group's, and it is waited for there.
 *
 * Suspends (blocks a plain thread) only where the group has a limit, until there is room; a
 * cancellation point of the caller if there is a group.
 * Returns also the errors of weft_group_spawn(). */
#define weft_actor_spawn_with(attr, group, fn, arg, box, ret_actor) \
    weft_actor_spawn_at(WEFT__SITE(fn), attr, group, fn, arg, box, ret_actor)

/* What the macros above call. `site`: as for weft_spawn_at(). */
WEFT_API int weft_actor_spawn_at(const char *site, const weft_attr *attr, weft_group *group,
                                 int (*fn)(void *arg), void *arg, weft_mailbox *box,
                                 weft_actor **ret_actor) WEFT__NONNULL(1, 4);

/* One reference more; returns the actor. And one less; NULL is ignored. The actor runs on
 * without any. Any caller that has one; never suspend. */
WEFT_API weft_actor *weft_actor_retain(weft_actor *actor) WEFT__NONNULL(1);
WEFT_API void weft_actor_release(weft_actor *actor);

/* The actor that calls, for as long as it runs; to keep it, or give it to others, take a
 * reference. NULL: no actor calls, but another task or a plain thread. Never suspends. */
WEFT_API weft_actor *weft_actor_self(void);

/* Its task's number: weft_task_id(). Any caller; never suspends. */
WEFT_API uint64_t weft_actor_id(const weft_actor *actor) WEFT__NONNULL(1);

/* Its mailbox, or NULL. There as long as the reference to the actor is, unless the caller
 * takes one of the box. Any caller; never suspends. */
WEFT_API weft_mailbox *weft_actor_mailbox(const weft_actor *actor) WEFT__NONNULL(1);

/* Cancels it, as weft_cancel() does; nothing when it has ended. Any task or plain thread;
 * never suspends. */
WEFT_API void weft_actor_cancel(weft_actor *actor) WEFT__NONNULL(1);

/* Waits until it has ended; `ret_result`, which may be NULL, receives what it returned,
 * -ECANCELED or -ENOMEM when it never ran. Any number may wait, and again.
 *
 * Suspends (blocks a plain thread); a cancellation point.
 * Returns 0, -EDEADLK (the actor itself calls), -ETIMEDOUT or -ECANCELED (the surrounding
 * scope), or -ENOMEM (a plain thread's first wait, and memory is out). */
WEFT_API int weft_actor_wait(weft_actor *actor, int *ret_result) WEFT__NONNULL(1);

/* How an actor has ended. */
enum weft_end {
    WEFT_END_NORMAL,    /* it returned 0 or more */
    WEFT_END_FAILED,    /* a negative number */
    WEFT_END_CANCELLED, /* likewise, but what was in force for it */
};

/* What a monitor is told. */
typedef struct weft_down {
    uint64_t actor;   /* weft_actor_id() */
    uint64_t monitor; /* which one */
    int result;
    enum weft_end reason;
    void *arg; /* the monitor's */
} weft_down;

/* Monitors an actor: when it ends, one message goes to `box`, which keeps a place for it, so
 * that it comes even when the box is full; if it has ended, at once. make(down, arg,
 * ret_message) writes that message, in the type of the box, where the actor ends; it must
 * not suspend. NULL: the box is one of weft_down. A box that was closed gets nothing.
 * `ret_monitor`, which may be NULL, receives the monitor's number. Any task or plain thread;
 * never suspends.
 * Returns 0, -EINVAL (no `make`, and messages of another size) or -ENOMEM. */
WEFT_API int weft_actor_monitor(weft_actor *actor, weft_mailbox *box,
                                void (*make)(const weft_down *down, void *arg, void *ret_message),
                                void *arg, uint64_t *ret_monitor) WEFT__NONNULL(1, 2);

/* The same with a function: fn(down) is called where the actor ends, or here if it has. It
 * must not suspend. Any task or plain thread; never suspends.
 * Returns 0 or -ENOMEM. */
WEFT_API int weft_actor_monitor_call(weft_actor *actor, void (*fn)(const weft_down *down),
                                     void *arg, uint64_t *ret_monitor) WEFT__NONNULL(1, 2);

/* Ends a monitor. Any task or plain thread; never suspends.
 * Returns 0, or -ENOENT (none of this number: the actor has ended, and its message has been
 * sent or is about to be). */
WEFT_API int weft_actor_demonitor(weft_actor *actor, uint64_t monitor) WEFT__NONNULL(1);

/* Links two actors; twice is once. If one of them has failed already, the other is cancelled
 * now. Any task or plain thread; never suspends.
 * Returns 0, -EINVAL (both are the same) or -ENOMEM. */
WEFT_API int weft_actor_link(weft_actor *actor, weft_actor *other) WEFT__NONNULL(1, 2);

/* Undoes that. If one has failed at this moment, the other may be cancelled all the same. Any
 * task or plain thread; never suspends.
 * Returns 0, or -ENOENT (they are not linked). */
WEFT_API int weft_actor_unlink(weft_actor *actor, weft_actor *other) WEFT__NONNULL(1, 2);

WEFT__END

#endif
