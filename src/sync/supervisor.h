/* supervisor.h - supervisors.
 *
 * SUPER-1  Who changes the children, or what runs of them, holds the mutex, across all
 *          suspensions that this takes: the supervisor, when a child has ended; callers who
 *          add, terminate, restart, remove. What others look at changes under the lock, too,
 *          which is held for moments.
 * SUPER-2  The supervisor stands in three scopes: `asked`, which weft_supervisor_stop()
 *          cancels; a shield inside it; and in the shield the group of the children. So
 *          nothing that cancels the supervisor reaches them. It waits as one who stands in
 *          `asked` (weft__scope_stand()): for an end, and for a child that starts. All else it
 *          does in the shield. Around all three a plain thread has the scope in which it stands
 *          in the root group (task/root.h).
 * SUPER-3  A child is an actor, whose monitor is in `ends` before it is spawned: no end is
 *          missed. Its number says whose end it was; one that is no child's any more was
 *          stopped, and is nobody's concern.
 * SUPER-4  A child's failure is not the group's: an actor that is supervised leaves 0 there.
 * SUPER-5  When the supervisor is about to end nothing is started any more: that is said under
 *          the lock, under which a child becomes `starting` too, and that one is cancelled. So
 *          who holds the mutex to start a child that never says that it is ready gives it back.
 * SUPER-6  Who is cancelled to stop it is waited for in a shield: from there on it happens. */
#ifndef WEFT_SYNC_SUPERVISOR_H
#define WEFT_SYNC_SUPERVISOR_H

#include "sync/actor.h"
#include "weft/mutex.h"
#include "weft/supervisor.h"

#define WEFT__CHILD_GRACE 5000000000 /* ns */

struct weft__child {
    struct weft__list link; /* in the order of starting */
    weft_child_spec spec;
    weft_attr attr;
    weft_actor *actor; /* a reference; NULL: it does not run */
    bool terminated;
    char task_name[16];
    char name[];
};

WEFT_MAILBOX(weft__ends, weft_down);

struct weft_supervisor {
    weft_mutex mutex; /* SUPER-1 */
    const char *name;
    enum weft_strategy strategy;
    unsigned flags, max_restarts;
    int64_t period;
    void (*on_event)(const weft_supervisor_event *event);
    void *on_event_arg;
    int64_t *times; /* of the last restarts, max_restarts of them, a ring */
    unsigned next_time, time_count;
    weft__ends *ends;

    struct weft__lock lock; /* of all below */
    enum { WEFT__SUPER_NEW, WEFT__SUPER_RUNS, WEFT__SUPER_ENDS } state;
    bool stopped;
    weft_scope *asked; /* while it may be cancelled */
    weft_group *group; /* while it runs */
    weft_actor *starting;
    struct weft__list children; /* by weft__child.link */
    weft_supervisor_info info;  /* but for what is counted in the list */
    char own_name[];
};

/* In children.c. All with the mutex. */

int weft__child_make(weft_supervisor *supervisor, const weft_child_spec *spec);
void weft__child_forget(weft_supervisor *supervisor, struct weft__child *child);
struct weft__child *weft__child_find(weft_supervisor *supervisor, const char *name);

/* Starts it. A cancellation point where it waits for the child to be ready. */
int weft__child_start(weft_supervisor *supervisor, struct weft__child *child);

/* Stops it, if it runs: SUPER-6. */
void weft__child_stop(weft_supervisor *supervisor, struct weft__child *child);

/* It has ended. */
void weft__child_ended(weft_supervisor *supervisor, struct weft__child *child,
                       const weft_down *down);

/* All behind `before`, in the order of starting, but for those that run or were terminated;
 * and in reverse, temporary ones for good. */
int weft__children_start(weft_supervisor *supervisor, struct weft__list *before);
void weft__children_stop(weft_supervisor *supervisor, struct weft__list *before);

void weft__super_say(weft_supervisor *supervisor, enum weft_supervisor_event_kind kind,
                     const struct weft__child *child, const weft_down *down);

static inline struct weft__child *weft__child_at(struct weft__list *link)
{
    return weft__container_of(link, struct weft__child, link);
}

#endif
