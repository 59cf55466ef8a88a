/* weft/supervisor.h - supervisors: children that are started again when they fail.
 *
 *     static const weft_child_spec children[] = {
 *         { .name = "store", .fn = keep_store, .arg = &store },
 *         { .name = "web", .fn = serve, .arg = &web, .restart = WEFT_TRANSIENT },
 *     };
 *     static weft_supervisor_spec shop = {
 *         .name = "shop", .strategy = WEFT_REST_FOR_ONE, .children = children, .count = 2,
 *     };
 *
 *     rc = weft_supervise(&shop);
 *
 * A supervisor is run by a task or a plain thread, and is a group inside: it is not over
 * before its children have ended. They are actors (weft/actor.h), started in order, each
 * when the one before has said that it is ready, if it is one that says so; and stopped in
 * reverse order: cancelled, and waited for. Nobody can be killed: who has not ended after
 * its time of grace is named, and waited for all the same.
 *
 * Which children are started again says each's `restart`, which others with it the
 * strategy. When that happens too often the supervisor stops all its children, and fails
 * with -ELOOP, for which strerror() has words of its own ("Too many levels of symbolic
 * links"). A supervisor that is another one's child (weft_supervise() is a child's
 * function) is started again by that one, and so on: a tree.
 *
 * What cancels the supervisor, or its deadline, does not reach its children, which it stops
 * one after the other. weft_cancel_all() does reach them, and the supervisor, also one that a
 * plain thread runs; weft_stop() waits for that.
 *
 * What must survive a child's failure is kept outside of it: a mailbox (weft/mailbox.h)
 * that is not the child's own, but is handed to it by `arg`, keeps its messages for the
 * child's successor. */
#ifndef WEFT_SUPERVISOR_H
#define WEFT_SUPERVISOR_H

#include <weft/actor.h>
#include <weft/common.h>
#include <weft/task.h>

WEFT__BEGIN

/* A supervisor. */
typedef struct weft_supervisor weft_supervisor;

/* When a child that has ended, and was not stopped by its supervisor, is started again. */
enum weft_restart {
    WEFT_PERMANENT, /* always */
    WEFT_TRANSIENT, /* when it has failed, or somebody has cancelled it */
    WEFT_TEMPORARY, /* never; the supervisor forgets it */
};

/* Which children are stopped with the one that is started again, and then started, too; those
 * that have ended before as well, but not those that were terminated. */
enum weft_strategy {
    WEFT_ONE_FOR_ONE,  /* none */
    WEFT_ONE_FOR_ALL,  /* all others */
    WEFT_REST_FOR_ONE, /* those that come after it */
};

/* Calls weft_started() when it is ready; the next child is not started before. One that
 * ends without having done so has failed to start. */
#define WEFT_CHILD_STARTS 0x1u

/* A child. All zero but for `name` and `fn` means: the defaults. Copied, and the name too. */
typedef struct weft_child_spec {
    const char *name; /* unique among the supervisor's children */
    int (*fn)(void *arg);
    void *arg;
    enum weft_restart restart;
    unsigned flags;        /* WEFT_CHILD_STARTS */
    int64_t grace;         /* nanoseconds to end in, once cancelled; 0: 5 seconds */
    const weft_attr *attr; /* of its task; NULL: the defaults, and the child's name */
} weft_child_spec;

/* What happens to children. */
enum weft_supervisor_event_kind {
    WEFT_CHILD_STARTED,
    WEFT_CHILD_ENDED,         /* by itself or stopped: `result` and `reason` */
    WEFT_CHILD_REFUSES,       /* it was cancelled, and has not ended in its time of grace */
    WEFT_SUPERVISOR_GIVES_UP, /* because of this child, with the result that asked for a restart */
};

typedef struct weft_supervisor_event {
    enum weft_supervisor_event_kind kind;
    enum weft_end reason;
    const char *supervisor, *child;
    uint64_t actor; /* weft_actor_id() */
    int result;
    void *arg; /* the supervisor's `on_event_arg` */
} weft_supervisor_event;

/* Over when no child runs and none is to be started again; without this flag, when it is
 * stopped or cancelled. */
#define WEFT_SUPERVISOR_UNTIL_IDLE 0x1u

/* As `max_restarts`: none. (0 there is the default, 1.) */
#define WEFT_NO_RESTARTS ((unsigned)-1)

/* A supervisor's settings. All zero means: the defaults. Copied. */
typedef struct weft_supervisor_spec {
    const char *name; /* for reports; NULL: "supervisor" */
    enum weft_strategy strategy;
    unsigned flags; /* WEFT_SUPERVISOR_UNTIL_IDLE */
    /* So many restarts in `period` are allowed; 0: the default, which is 1;
     * WEFT_NO_RESTARTS: none; more than 2^20: 2^20. */
    unsigned max_restarts;
    int64_t period; /* nanoseconds; 0: 5 seconds */
    const weft_child_spec *children;
    size_t count;
    /* Called by whoever starts or stops the child, with the supervisor locked: must not call
     * functions of this supervisor that suspend. NULL: who refuses, and giving up, is
     * written to stderr. */
    void (*on_event)(const weft_supervisor_event *event);
    void *on_event_arg;
} weft_supervisor_spec;

/* Creates a supervisor; *ret_supervisor is the caller's. Any caller; never suspends.
 * Returns 0, -EINVAL (settings out of range; a child without name or function), -EEXIST (two
 * children of one name) or -ENOMEM. */
WEFT_API int weft_supervisor_create(const weft_supervisor_spec *spec,
                                    weft_supervisor **ret_supervisor) WEFT__NONNULL(1, 2);

/* Destroys a supervisor that is not running, when nobody is inside a call. NULL is ignored.
 * Any caller; never suspends. */
WEFT_API void weft_supervisor_destroy(weft_supervisor *supervisor);

/* Runs it: starts its children, calls weft_started(), and is with them until it is over.
 * Once.
 *
 * Suspends (blocks a plain thread); a cancellation point: then its children have been
 * stopped when it returns.
 * Returns 0 (stopped by weft_supervisor_stop(), or idle), -ELOOP (it gave up), the result of
 * a child that failed to start at first (-EPROTO if that was not negative), an error of
 * weft_spawn(), -ETIMEDOUT or -ECANCELED (the surrounding scope), -EALREADY (it runs, or has
 * run) or -ENOMEM. */
WEFT_API int weft_supervisor_run(weft_supervisor *supervisor) WEFT__NONNULL(1);

/* Creates a supervisor, runs and destroys it. `spec` is a const weft_supervisor_spec *; so
 * this is a task's function, or a child's.
 *
 * Suspends (blocks a plain thread); a cancellation point.
 * Returns as weft_supervisor_create() and weft_supervisor_run(). */
WEFT_API int weft_supervise(void *spec) WEFT__NONNULL(1);

/* Asks it to stop its children and be over; before it runs: it will be at once. Any task or
 * plain thread, while it is not destroyed; never suspends. */
WEFT_API void weft_supervisor_stop(weft_supervisor *supervisor) WEFT__NONNULL(1);

/* Adds a child, behind the others, and starts it; before the supervisor runs, it is started
 * then. One that fails to start is not added.
 *
 * Suspends (blocks a plain thread) until others who change the children are done, and until
 * the child is ready; a cancellation point: then the child has ended when it returns.
 * Returns 0, -EINVAL or -EEXIST as weft_supervisor_create(), -EPIPE (the supervisor is about
 * to be over), an error of weft_spawn(), the child's result (-EPROTO if that is not
 * negative), -ETIMEDOUT, -ECANCELED (the surrounding scope) or -ENOMEM. */
WEFT_API int weft_supervisor_add(weft_supervisor *supervisor, const weft_child_spec *child)
    WEFT__NONNULL(1, 2);

/* Stops a child, which is not started again but by weft_supervisor_restart(); a temporary
 * one is forgotten. One that does not run is left as it is.
 *
 * Suspends (blocks a plain thread) until others who change the children are done, and until
 * the child has ended; a cancellation point only before the child is cancelled.
 * Returns 0, -ENOENT (no such child), -EDEADLK (the child itself calls), -EPIPE (as above),
 * -ETIMEDOUT or -ECANCELED (the surrounding scope; it did not happen) or -ENOMEM. */
WEFT_API int weft_supervisor_terminate(weft_supervisor *supervisor, const char *name)
    WEFT__NONNULL(1, 2);

/* Starts a child that does not run.
 *
 * Suspends (blocks a plain thread), and is a cancellation point, as weft_supervisor_add().
 * Returns as that, -ENOENT (no such child), -EBUSY (it runs) or -EPIPE (also: the supervisor
 * does not run). */
WEFT_API int weft_supervisor_restart(weft_supervisor *supervisor, const char *name)
    WEFT__NONNULL(1, 2);

/* Forgets a child that does not run.
 *
 * Suspends (blocks a plain thread) until others who change the children are done; a
 * cancellation point.
 * Returns 0, -ENOENT, -EBUSY (it runs), -ETIMEDOUT or -ECANCELED (the surrounding scope; it did
 * not happen) or -ENOMEM. */
WEFT_API int weft_supervisor_remove(weft_supervisor *supervisor, const char *name)
    WEFT__NONNULL(1, 2);

/* The actor that is the child `name` now; a reference, the caller's. NULL: no such child, or
 * it does not run. Any task or plain thread; never suspends. */
WEFT_API weft_actor *weft_supervisor_find(weft_supervisor *supervisor, const char *name)
    WEFT__NONNULL(1, 2);

/* What can be said of a supervisor at a moment. */
typedef struct weft_supervisor_info {
    unsigned children, running;
    uint64_t starts;   /* of children, all together */
    uint64_t restarts; /* how often it had to start again, counting as `max_restarts` does */
    uint64_t refusals; /* times of grace that a child has let pass */
} weft_supervisor_info;

/* Looks at it. Any task or plain thread; never suspends. */
WEFT_API void weft_supervisor_look(weft_supervisor *supervisor, weft_supervisor_info *ret_info)
    WEFT__NONNULL(1, 2);

WEFT__END

#endif
