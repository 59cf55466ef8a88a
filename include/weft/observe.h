/* weft/observe.h - seeing what goes on. */
#ifndef WEFT_OBSERVE_H
#define WEFT_OBSERVE_H

#include <weft/common.h>

WEFT__BEGIN

/* Writes a line per task to the descriptor `fd`: number, name, state, where it
 * waits and since when, where it was spawned, whose group it is in, the deadline in
 * force and whether it is cancelled; and a line per worker. Nothing
 * stops meanwhile: each line is true of its own moment.
 *
 * Any caller, signal handlers included; blocks in write(2), never suspends.
 * Returns the number of tasks, or -EPERM (no runtime is running). */
WEFT_API int weft_dump(int fd);

/* One worker's counters since the runtime started. */
typedef struct weft_worker_stats {
    uint64_t switches; /* times it gave a task the CPU */
    uint64_t spawned;  /* tasks spawned by tasks that ran on it */
    uint64_t ended;    /* tasks that ended on it */
    uint64_t steals;   /* times it took work from another worker */
    uint64_t stolen;   /* tasks it got that way */
    uint64_t parks;    /* times it went to sleep in the kernel */
    uint64_t polls;    /* times it asked the kernel for descriptor events */
    uint64_t events;   /* descriptor events it got */
    uint64_t reserved[8];
} weft_worker_stats;

/* Reads the counters of worker `worker`, which counts from 0. They are a
 * moment's, and each its own moment's. Never suspends.
 * Returns 0 or -EINVAL (there is no such worker). */
WEFT_API int weft_stats(unsigned worker, weft_worker_stats *ret_stats) WEFT__NONNULL(2);

/* The process-wide counters. */
typedef struct weft_memory_stats {
    uint64_t tasks;         /* tasks alive */
    uint64_t task_bytes;    /* address space of control blocks */
    uint64_t stacks;        /* stacks there are, in use or kept */
    uint64_t stacks_cached; /* of them, in the common cache */
    uint64_t stack_bytes;   /* address space reserved for stacks */
    uint64_t reserved[4];
} weft_memory_stats;

/* Reads them. Never suspends. Returns 0 or -EPERM (no runtime is running). */
WEFT_API int weft_memory(weft_memory_stats *ret_stats) WEFT__NONNULL(1);

/* The threads for calls that block (weft/blocking.h). */
typedef struct weft_blocking_stats {
    uint64_t threads; /* that there are */
    uint64_t idle;    /* of them, that have nothing to do */
    uint64_t running; /* calls under way */
    uint64_t waiting; /* calls that have not begun; by kind: weft_blocking_look() */
    uint64_t reserved[4];
} weft_blocking_stats;

/* Reads them, all of one moment. Any task or plain thread; never suspends. */
WEFT_API void weft_blocking_counts(weft_blocking_stats *ret_stats) WEFT__NONNULL(1);

/* A task that keeps its OS thread to itself. What it points to is there during the call. */
typedef struct weft_stall {
    uint64_t task; /* its number, as weft_dump() has it */
    const char *name;
    const char *site; /* where it was spawned, "file:line function"; NULL: unknown */
    int64_t duration; /* nanoseconds, at least, since it was last seen to suspend */
    int thread;       /* the kernel's number of the OS thread */
    /* Whether it sleeps in the kernel, and in which system call and where: its number, or -1
     * when that cannot be told. Otherwise it computes, or waits for a CPU. */
    bool blocked;
    long call;
    const void *pc;
    /* The calls that it is in, the innermost first: where each goes on. Depth 0: that cannot be
     * told. Of one that is blocked they are read off the stack, unwound by nobody: each word that
     * points behind a call. Those that belong are among them, in order, but for the innermost
     * on aarch64; some may be what earlier calls have left. Of one that computes they are exact,
     * and there only with weft_watchdog_interrupt(). */
    const void *const *stack;
    unsigned depth;
    bool exact;
    uintptr_t reserved[2];
} weft_stall;

/* Watches for tasks that do not suspend, since they compute, or sit in a blocking call that
 * weft knows nothing of: has fn(stall, arg) called when one has not for `after` nanoseconds
 * (1 ms at least), and again each time that this has doubled. `fn` NULL: each is a line on
 * stderr. `after` 0: does not watch, as at first, unless the environment's WEFT_WATCHDOG says
 * after how many milliseconds there is to be a line (0: not at all). There is one watchdog in a
 * process; it stays through weft_stop() and weft_start(), and sleeps under the virtual clock.
 *
 * A section (weft_blocking_begin()) is expected to take long: who is in one is not told of.
 *
 * fn is called on a thread of the runtime's: it must be short and not suspend. Nobody is
 * stopped, nor interrupted but by weft_watchdog_interrupt(), so by then the task may have come
 * back. A call under way when the watchdog is changed or turned off ends after that.
 *
 * Any task or plain thread; never suspends. Returns 0, or -EINVAL (`after` is below 1 ms and
 * not 0). */
WEFT_API int weft_watchdog(int64_t after, void (*fn)(const weft_stall *stall, void *arg),
                           void *arg);

/* Whether the watchdog may interrupt a task that computes, to see its calls: not at first, unless
 * WEFT_WATCHDOG is "500,interrupt". For debugging. The signal is SIGPROF, which has a handler
 * from then on, for good; it does nothing unless it is asked. Who gives the signal another one
 * later is left alone: nobody is interrupted any more. A task that begins to block at that
 * very moment sees the signal: nanosleep(), poll() and semtimedop() return EINTR, though most
 * calls are restarted. Who does not get a CPU within 20 ms has not been seen.
 *
 * Any task or plain thread; never suspends. Returns 0, or -EBUSY (SIGPROF has a handler, as a
 * profiler's). */
WEFT_API int weft_watchdog_interrupt(bool allowed);

WEFT__END

#endif
