/* weft/runtime.h - starting and stopping the runtime.
 *
 * A process has one runtime: descriptors, signal dispositions and libc itself
 * are the process's too. weft_run() is for programs that are weft from main()
 * on; weft_start() and weft_stop() embed it in a host that keeps its threads. */
#ifndef WEFT_RUNTIME_H
#define WEFT_RUNTIME_H

#include <weft/common.h>

/* Let time stand still while any task can run, and jump to the next timer when
 * none can: sleeping costs nothing. What others have posted, submitted or cancelled
 * before that is done first. Implies one worker. */
#define WEFT_VIRTUAL_CLOCK 0x1u
/* Leave SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT alone. Without this flag a
 * crash names the task it happened in before the previous disposition takes
 * over, and a stack overflow says so. */
#define WEFT_NO_CRASH_REPORT 0x2u
/* A task keeps its worker however long it blocks or computes, so that no more tasks
 * than there are workers run at the same time, whatever they do. Without this flag
 * another OS thread serves the worker of a task that sits in a blocking call, or
 * computes for 10 ms. */
#define WEFT_NO_HAND_OFF 0x4u

WEFT__BEGIN

/* What happens to a carrier, the OS thread that serves a worker. */
enum weft_carrier_event {
    WEFT_CARRIER_START,  /* first thing on the new thread */
    WEFT_CARRIER_STOP,   /* last thing before the thread ends */
    WEFT_CARRIER_PARK,   /* about to sleep in the kernel: nothing to run */
    WEFT_CARRIER_UNPARK, /* awake again */
};

/* How to run. All zero means: the defaults. Copied; need not outlive the call. */
typedef struct weft_config {
    /* How many tasks run at the same time. 0: the environment's WEFT_WORKERS,
     * else the CPUs this process may use (affinity and cgroup quota). */
    unsigned workers;
    /* WEFT_VIRTUAL_CLOCK, WEFT_NO_CRASH_REPORT, WEFT_NO_HAND_OFF. */
    unsigned flags;
    /* Bytes of address space for a task's stack, 32 KiB to 1 GiB, of which the lowest
     * 16 KiB (a page, where that is larger) are a guard. 0: the environment's
     * WEFT_STACK_SIZE, else 256 KiB. */
    size_t stack_size;
    /* Not 0: one worker runs the tasks in an order that is random and fixed by this number,
     * as far as nothing but the tasks decides what they do: those that yield, wait for each
     * other by whatever weft has for that, and draw a case of a select. How long anything
     * takes does not matter then. What comes from elsewhere comes when it comes: descriptors,
     * files, calls that block, plain threads, posts (weft/submit.h), signals, other processes; and
     * what goes by the clock, such as deadlines, sleeping, budgets and parallel loops
     * (weft/parallel.h), unless it is the virtual one. Another version of weft may have another
     * order for the same number. 0: the environment's WEFT_SEED, else off. */
    uint64_t seed;
    /* Called on the carrier concerned; must not call functions that suspend.
     * `carrier` counts from 0, and goes beyond the number of workers: a task that
     * blocks keeps its carrier, and another one serves its worker. The number of a carrier
     * that has ended is used again. May be NULL. */
    void (*on_carrier)(enum weft_carrier_event event, unsigned carrier, void *arg);
    void *on_carrier_arg;
    /* Nanoseconds after weft_cancel_all() in which tasks may clean up; then, and again each
     * time that it has gone by, those that have not ended are named on stderr. They are
     * waited for all the same. 0: 5 seconds; WEFT_NEVER: nothing is said. */
    int64_t grace;
    /* Calls that block a thread at the same time (weft/blocking.h): of no particular kind, and
     * such as look names up; up to 65536. 0: the environment's WEFT_BLOCKING_THREADS, else 512,
     * and WEFT_BLOCKING_DNS_THREADS, else 32. */
    unsigned blocking_threads;
    unsigned blocking_dns_threads;
    /* Nanoseconds after which a thread for such calls ends that has nothing to do. 0: 10
     * seconds; WEFT_NEVER: when the runtime stops. */
    int64_t blocking_idle;
    /* Bytes of address space for the stack of such a thread, 32 KiB to 1 GiB. 0: the
     * environment's WEFT_BLOCKING_STACK_SIZE, else what threads have in this process. */
    size_t blocking_stack_size;
    /* Nanoseconds after which a carrier ends that serves no worker, and that no task is pinned
     * to. 0: 10 seconds; WEFT_NEVER: when the runtime stops. */
    int64_t carrier_idle;
    /* How many carriers there may be beyond one for each worker, up to 1024; then a worker
     * whose task does not come back waits for it. 0: 1024. */
    unsigned carriers_more;
    uintptr_t reserved[2]; /* must be zero */
} weft_config;

/* Starts the runtime, runs fn(arg) as its first task, waits until that task and
 * all others have ended, and stops the runtime. `config` may be NULL. All tasks are one
 * group: when the first task fails, which is to return a negative number, the others are
 * cancelled (weft_cancel_all()). And so are all when a scope around the call is cancelled or
 * its time is up; the call waits for their end nevertheless, and for what fn returns. (So, in a
 * scope, tasks that all wait are no deadlock as long as it has not ended.) Another thread's
 * weft_stop() meanwhile waits with it.
 *
 * Plain threads only, one at a time; blocks the thread.
 * Returns what fn returned, or, when fn was not run: -EBUSY (a runtime is
 * running), -EINVAL (config or environment out of range), -EPERM (called by a
 * task), -ENOMEM, -EAGAIN or -EMFILE (no memory, threads or descriptors), -ETIMEDOUT (the
 * scope's time was up before) or -ECANCELED (the scope, or all tasks, were cancelled before fn
 * began). */
WEFT_API int weft_run(const weft_config *config, int (*fn)(void *arg), void *arg) WEFT__NONNULL(2);

/* Starts the runtime in the background and returns. Any plain thread may then
 * weft_spawn(). Plain threads only. Returns 0 or an error as weft_run(). */
WEFT_API int weft_start(const weft_config *config);

/* Waits until every task has ended and stops the runtime. Nothing must be
 * spawned from plain threads any more (weft_submit() and weft_post() know when they are too
 * late), and handles that were not joined or detached before are void after. Plain threads only;
 * blocks the thread.
 * Returns 0, -EINVAL (no runtime is running) or -EPERM (called by a task). */
WEFT_API int weft_stop(void);

/* Cancels all tasks of the runtime, as weft_cancel() does, and those that are spawned from
 * now on, which never run: for ending. weft_run() or weft_stop() wait for them; what happens
 * to those that do not end is said at weft_config's `grace`.
 *
 * Any task or plain thread; never suspends. Returns 0 or -EPERM (no runtime is running). */
WEFT_API int weft_cancel_all(void);

/* The number of workers, 0 while no runtime runs. Never suspends. */
WEFT_API unsigned weft_workers(void);

WEFT__END

#endif
