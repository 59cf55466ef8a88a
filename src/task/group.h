/* group.h - what a group and its members know of each other.
 *
 * GROUP-1  A task is a member from before it is published until it has left its
 *          function; it is linked and unlinked under the group's lock.
 * GROUP-2  The owner leaves when there are no members: he sees that under the lock, so
 *          the last member's access to the group, which is to release that, is over, but
 *          for a wake of the lock's futex, which does no harm to anybody.
 * GROUP-3  A failure is told while the task is still a member: it cancels a group that is
 *          there.
 * GROUP-4  Room under a limit is handed over: who ends gives its room to the first
 *          spawner that waits and can be claimed, or to nobody. */
#ifndef WEFT_TASK_GROUP_H
#define WEFT_TASK_GROUP_H

#include "os/lock.h"
#include "sched/task.h"
#include "task/scope.h"
#include "weft/group.h"

struct weft__failures;

/* A field is the owner's where nothing else is said. */
struct weft__group {
    weft_scope scope;
    struct weft__group *outer;       /* the next that the same owner has entered, or NULL */
    struct weft__failures *failures; /* under the lock */

    struct weft__lock lock;
    uint32_t count;             /* of members; under the lock, as all below */
    struct weft__list members;  /* by weft__member.link */
    struct weft__list spawners; /* who waits for room */
    uint64_t ticket;            /* of the owner's wait for the end; 0: he does not wait */
    uint32_t limit;             /* 0: none */
    uint32_t places;            /* taken, or given to a spawner that has been claimed */
    int result;                 /* the first failure's; after leaving: what that returned */
    bool open;
};

_Static_assert(sizeof(struct weft__group) <= sizeof(weft_group), "the public size");

/* Who waits for room, in its stack. Under the group's lock. */
struct weft__spawner {
    struct weft__list link;
    struct weft__waiter *waiter;
    uint64_t ticket;
};

/* Who waits in weft_group_start(). Under the group's lock. A start that was given up ends
 * with the task: it cannot become one that has happened any more. */
struct weft__starting {
    struct weft__waiter *waiter;
    uint64_t ticket;
    struct weft_task *task;
    enum { WEFT__STARTING, WEFT__GIVEN_UP, WEFT__STARTED, WEFT__NOT_STARTED } state;
    int result;
    intptr_t value;
};

/* What a task in a group has in place of most of its inline arguments. */
struct weft__member {
    struct weft__list link;
    struct weft__group *group; /* constant */
    union {
        int *ret_result;                 /* or NULL */
        struct weft__starting *starting; /* with WEFT__TASK_STARTING */
    };
    struct weft__failures *inner; /* of the last group that it has left with a failure */
};

_Static_assert(sizeof(struct weft__member) == WEFT__MEMBER_SIZE, "the scheduler knows it");

#define WEFT__MEMBER_ARGS (WEFT__ARGS_INLINE - sizeof(struct weft__member))

static inline struct weft__group *weft__group_of(struct weft_group *group)
{
    return (struct weft__group *)(void *)group;
}

static inline struct weft__waiter *weft__group_owner(struct weft__group *group)
{
    return weft__scope_of(&group->scope)->owner;
}

static inline struct weft__member *weft__member_of(struct weft_task *task)
{
    return (struct weft__member *)(void *)(task->args + WEFT__MEMBER_ARGS);
}

static inline struct weft_task *weft__member_task(struct weft__member *member)
{
    return (struct weft_task *)(void *)((char *)member - WEFT__MEMBER_ARGS -
                                        offsetof(struct weft_task, args));
}

/* For spawning: makes the task, which is not published, a member, unless the group has
 * been left; then -EINVAL. May be called with a seat. */
int weft__group_admit(struct weft__group *group, struct weft_task *task);

#endif
