/* task.h - the control block of a task.
 *
 * 256 bytes, in four cache lines: what queues and wakers touch, what a switch
 * touches, what begins and ends a task, and the rest. Memory is
 * type-stable (mem/pool.h): a stale pointer may be looked at.
 *
 * Who may touch what: `waiter.word`, `on_cpu`, `joiner` follow their protocols;
 * the identity (id, site, name) is written before the task is published and by
 * the task itself; everything else belongs to whoever the task belongs to at
 * the moment: the queue that holds it, or the worker that runs it. */
#ifndef WEFT_SCHED_TASK_H
#define WEFT_SCHED_TASK_H

#include <assert.h>

#include "arch/context.h"
#include "base/annotate.h"
#include "base/list.h"
#include "lockfree/inbox.h"
#include "lockfree/seat.h"
#include "mem/stack.h"
#include "sched/self.h"
#include "sched/thread.h"
#include "weft/task.h"

#define WEFT__TASK_DETACHED ((struct weft__waiter *)1)    /* nobody will join */
#define WEFT__TASK_DONE ((struct weft__waiter *)2)        /* ended, may be released */
#define WEFT__TASK_ACKED ((struct weft__waiter *)3)       /* see sched/bury.c: JOIN-3, */
#define WEFT__TASK_ENDING_SOON ((struct weft__waiter *)4) /* JOIN-4, */
#define WEFT__TASK_RELEASED ((struct weft__waiter *)5)    /* JOIN-7 */
#define WEFT__JOINER_FIRM ((uintptr_t)8)                  /* JOIN-5, */
#define WEFT__JOINER_MANY ((uintptr_t)4)                  /* and JOIN-6 */

#define WEFT__ARGS_INLINE 48
#define WEFT__MEMBER_SIZE 40 /* of a struct weft__member */

enum weft__task_flags {
    WEFT__TASK_IDLE = 1,     /* a carrier's own context, not a task */
    WEFT__TASK_ENDING = 2,   /* has left its function and will not run again */
    WEFT__TASK_NO_STACK = 4, /* ended without having run: memory was out */
    WEFT__TASK_HEAP_ARGS = 8,
    WEFT__TASK_SAW_JOINER = 16, /* while ending: see JOIN-4 */
    WEFT__TASK_HANDED = 32,     /* while ending: it switches to its joiner itself */
    WEFT__TASK_VIRTUAL = 64,    /* a virtual thread: context.thread_pointer is its own */
    WEFT__TASK_MEMBER = 128,    /* of a group; args end with a struct weft__member */
    WEFT__TASK_STARTING = 256,  /* weft_group_start() waits for it; the task's own */
    WEFT__TASK_EXITS = 512,     /* a virtual thread that weft_exit() unwinds */
    WEFT__TASK_STRAND = 1024,   /* of a strand, which stands behind the arguments */
    WEFT__TASK_TIMED = 2048,    /* args begin with a struct weft__timed */
    WEFT__TASK_EPILOGUE = 4096, /* args end with a struct weft__epilogue */
    WEFT__TASK_SERVICE = 8192,  /* the library's own: begins though it is cancelled */
    WEFT__TASK_WATCHED = 16384, /* arg is its struct weft__ending: task/ending.h */
    /* Somebody is told of its end: */
    WEFT__TASK_TELLS = WEFT__TASK_MEMBER | WEFT__TASK_EPILOGUE | WEFT__TASK_WATCHED,
};

struct weft_task {
    /* line 0: queues and wakers */
    struct weft__waiter waiter;
    union {
        struct weft_task *next;        /* in a private queue or bundle */
        struct weft__inbox_node inbox; /* in a carrier's inbox, or in line for a baton */
    };
    _Atomic(uint32_t) on_cpu; /* 1 until its context has been saved */
    uint16_t pins;            /* depth of weft_pin() */
    uint16_t flags;

    /* line 1: the switch */
    union {
        struct weft__context context;
        struct {         /* before it starts, in the first task of a bundle (sched/queue.h) */
            void *no_pc; /* NULL */
            struct weft__list node;
        } bundle;
    };
    union {
        struct weft__stack *stack;     /* NULL: not started */
        struct weft_task *bundle_tail; /* before it starts, as above */
    };
    struct weft__carrier *carrier; /* PIN-1: while not NULL, no other runs it */
    struct weft__seat *seat;       /* of the carrier that runs it, or ran it last */
    struct weft__worker *worker;   /* the same */

    /* line 2: beginning and end */
    union {
        int (*fn)(void *arg);
        struct cleanup *cleanups;     /* while it runs: see task/cleanup.c */
        struct weft__waiter *claimed; /* while ending: the joiner whose wait it has ended */
    };
    void *arg;
    _Atomic(struct weft__waiter *) joiner; /* NULL: not joined yet */
    const char *site;
    size_t stack_size;
    int result;
    union {
        uint32_t bundle_count;      /* before it starts, as above */
        struct {                    /* in debug builds */
            uint16_t interposed;    /* a light task's depth in interposed calls */
            _Atomic(uint16_t) held; /* pthread mutexes: HELD-1 in src/hook/held.h */
        };
    };
    char name[WEFT_NAME_MAX + 1]; /* "": the function's name */

    /* line 3: what few tasks have, and the arguments */
    _Atomic(uint64_t) id;        /* 0: not in use */
    struct weft__locals *locals; /* the task's own */
    WEFT_ALIGNED(16) char args[WEFT__ARGS_INLINE];

    struct weft__annotation annotation;
};

#if !defined(WEFT__TSAN) && !defined(WEFT__ASAN)
static_assert(sizeof(struct weft_task) == 256, "a task is four cache lines");
#endif

static inline struct weft_task *weft__task_of(struct weft__waiter *waiter)
{
    return weft__container_of(waiter, struct weft_task, waiter);
}

/* What a task with WEFT__TASK_EPILOGUE has in place of some of its inline arguments: what
 * is to be done when it has left its function, by itself, or has ended without having run
 * (NO_STACK), under a seat. Before it is buried: its result is there, and it may have a
 * handle still. */
struct weft__epilogue {
    void (*fn)(struct weft_task *task);
    void *object;
};

#define WEFT__EPILOGUE_ARGS (WEFT__ARGS_INLINE - sizeof(struct weft__epilogue))

static inline struct weft__epilogue *weft__epilogue_of(struct weft_task *task)
{
    return (struct weft__epilogue *)(void *)(task->args + WEFT__EPILOGUE_ARGS);
}

static inline bool weft__task_started(const struct weft_task *task)
{
    return task->context.pc != NULL;
}

/* Whether it is a virtual thread that has started. Of itself: its errno is its own
 * for good, and public functions leave it alone (VT-8). */
static inline bool weft__is_virtual(const struct weft_task *task)
{
    return task->context.thread_pointer != NULL;
}

/* The calling task's or thread's waiter. NULL: a plain thread for which memory is out. */
static inline struct weft__waiter *weft__waiter_self(void)
{
    struct weft_task *self = weft__self();
    return weft__likely(self != NULL) ? &self->waiter : weft__thread_waiter();
}

static inline bool weft__waiter_is_virtual(struct weft__waiter *waiter)
{
    return !weft__is_thread(waiter) && weft__is_virtual(weft__task_of(waiter));
}

#endif
