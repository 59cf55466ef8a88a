/* weft/process_pool.h - functions that run in other processes.
 *
 * What may crash, leak, call a library that is not thread-safe, or has to be stopped for
 * certain at its deadline, runs in a process of its own; and for who calls it is a call:
 *
 *     weft_process_pool_attr attr = { .max = 8, .jobs_per_worker = 1000 };
 *     rc = weft_process_pool_create(&attr, &pool);           in main(), before any thread
 *     ...
 *     weft_process_call call = { .fn = render, .arg = page, .arg_size = sizeof *page,
 *                                .result = image, .result_max = sizeof image };
 *     WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_S(2)))
 *         rc = weft_process_pool_call(pool, &call, &outcome);
 *
 *     int render(weft_process_job *job)                      in a worker
 *     {
 *         const struct page *page = job->arg;
 *         job->result_size = draw(page, job->result, job->result_max);
 *         return 0;
 *     }
 *
 * Where workers come from. Creating a pool forks a process, the template, which has one
 * thread and does nothing but to fork workers, watch over them and reap them. So no worker
 * is the copy of a process in which a thread was just holding some lock, and that is why a
 * pool is created while the program has one thread only and no runtime: -EBUSY else. A
 * worker has the program's memory as it was at that moment, read-only files mapped and
 * tables built before included, which all share until they are written to; random numbers
 * that were seeded by then are the same in all. Functions have the same addresses, if their
 * library was loaded by then.
 *
 * Template and workers have descriptors 0, 1 and 2 and none of the program's others. In a
 * worker no signal is ignored, handled or blocked. Each worker leads a process group of its
 * own: a terminal's ^C is for the program alone, and what a job has started is killed with
 * its worker, unless it has left the group.
 *
 * How workers end. One that ends within a job, however, fails that job and no other
 * (-EOWNERDEAD, and the outcome says by which signal), and the next job that wants one gets
 * a new one. One that ends while it has nothing to do is noticed before it is given a job,
 * or the job goes to another one. All are killed and reaped when the pool is destroyed, or
 * the program has ended, by SIGKILL or otherwise. When somebody kills the template its
 * workers die with it, and the pool is of no more use: -EPIPE.
 *
 * A pool is the process's that has created it, not a forked child's. The template is a child
 * of the program's as others are: its end is told by SIGCHLD, too. */
#ifndef WEFT_PROCESS_POOL_H
#define WEFT_PROCESS_POOL_H

#include <sys/types.h>

#include <weft/common.h>

WEFT__BEGIN

/* A pool of processes. */
typedef struct weft_process_pool weft_process_pool;

/* Memory that processes share. */
typedef struct weft_shared weft_shared;

/* The most workers that a pool may have, and the most shared memories of one call. */
#define WEFT_PROCESS_POOL_MAX 1024u
#define WEFT_PROCESS_SHARED_MAX 16u

/* What kind of pool. All zero means: the defaults. Copied. */
typedef struct weft_process_pool_attr {
    unsigned max;             /* workers; 0: one for each CPU that the program may use */
    unsigned prefork;         /* so many are there from the beginning; others when wanted */
    unsigned jobs_per_worker; /* then it is replaced; 0: never */
    int64_t idle_lifetime;    /* ns; nor is one used that had nothing to do for so long; 0: is */
    /* Called in each worker before its first job, with `arg`, whose memory is as it was when
     * the pool was created. 0, or a negative errno value: then there is no worker, and who
     * has wanted one gets that. NULL: there is nothing to do. */
    int (*init)(void *arg);
    void *arg;
    uintptr_t reserved[4]; /* must be zero */
} weft_process_pool_attr;

/* Creates a pool, and its template.
 *
 * *ret_pool is the caller's. The program's only thread; never suspends, but blocks until the
 * first workers are there.
 * Returns 0, -EBUSY (the program has other threads, or the runtime runs, as it does under
 * `weft exec`), -EINVAL (numbers out of range), -EAGAIN or -ENOMEM (there is no process, or
 * no memory), -EMFILE or -ENFILE (descriptors), or of the first workers what
 * weft_process_pool_call() returns for lack of one. */
WEFT_API int weft_process_pool_create(const weft_process_pool_attr *attr,
                                      weft_process_pool **ret_pool) WEFT__NONNULL(1, 2);

/* Closes the pool if it is not closed, and ends its processes. Nobody is inside a call; else
 * it says so and aborts: to stop jobs, cancel the scopes of those who wait for them, first.
 * NULL is ignored. Any task or plain thread; never suspends, but blocks the thread until the
 * kernel has ended the processes. */
WEFT_API void weft_process_pool_destroy(weft_process_pool *pool);

/* Closes it: who waits for a worker gets -EPIPE, and so does who asks from now on. Workers
 * with nothing to do are ended, the others when their job has. Any task or plain thread;
 * never suspends.
 * Returns 0, or -EALREADY. */
WEFT_API int weft_process_pool_close(weft_process_pool *pool) WEFT__NONNULL(1);

/* Ends the workers that have had nothing to do for `idle_lifetime`. They are also found when
 * jobs come; there is no thread behind the pool. Any task or plain thread; never suspends. */
WEFT_API void weft_process_pool_trim(weft_process_pool *pool) WEFT__NONNULL(1);

/* What a job's function gets, in a worker, and gives. It is gone when it returns. */
typedef struct weft_process_job {
    const void *arg; /* a copy, aligned for any type */
    size_t arg_size;
    void *result; /* room for result_max bytes, aligned as well */
    size_t result_max;
    size_t result_size;  /* the function's to set: how many there are; 0 at first */
    void *const *shared; /* the call's shared memory, in its order, mapped */
    const size_t *shared_sizes;
    unsigned shared_count;
} weft_process_job;

/* What to call. `arg` is copied; `result` receives result_max bytes at most. Pointers in
 * them mean something in the other process only if they are to what was there when the pool
 * was created. */
typedef struct weft_process_call {
    /* Its one thread is the worker's. It may block, start threads, and use weft. What it
     * leaves behind, such as static variables, signal handlers or open files, the worker's
     * next jobs find. What it has printed is flushed when it returns. */
    int (*fn)(weft_process_job *job);
    const void *arg;
    size_t arg_size;
    void *result;
    size_t result_max;
    weft_shared *const *shared;
    unsigned shared_count; /* up to WEFT_PROCESS_SHARED_MAX */
    uintptr_t reserved[4]; /* must be zero */
} weft_process_call;

/* What has become of a job. */
typedef struct weft_process_outcome {
    int value;          /* what the function has returned */
    size_t result_size; /* bytes of the result; -EMSGSIZE: how many there would be */
    bool begun;         /* if not, the function was certainly not called */
    pid_t worker;       /* that had it, last; 0: none */
    int code;   /* -EOWNERDEAD: what the worker has exited with; -1: a signal has ended it */
    int signal; /* that one; 0: none */
} weft_process_outcome;

/* Runs a job on a worker that has nothing to do; else on a new one; else, when there are
 * `max`, on the next that has ended its job: first come, first served.
 *
 * Until the job has begun it can be cancelled as any wait. After that its worker is killed:
 * what the function was about to do stays half done, and its result is lost. In any case
 * nobody runs it, or writes to the shared memory, any more when the call has returned, and
 * it has not been begun twice. (Processes that the job has started are killed, but not waited
 * for; not even killed when somebody has killed the template, whose workers are not waited for
 * either where the kernel has no pidfd_open(), or there was no descriptor left for one.)
 * `ret_outcome` may be NULL; what is in the result is undefined
 * unless the call returns 0.
 *
 * For a future of it submit a task that makes this call (weft/submit.h): cancelling the
 * future kills the worker then.
 *
 * Any task or plain thread. Suspends (blocks a plain thread) until the job has ended; a
 * cancellation point.
 * Returns 0 (the function has returned, whatever: outcome.value); -EOWNERDEAD (the worker
 * has ended before that; or several new ones, one after the other, before they were ready or
 * had begun it: then the job was not begun); -ETIMEDOUT or -ECANCELED (the surrounding scope;
 * outcome.begun says whether it was killed); -EMSGSIZE (the function has set a larger result_size
 * than there is room for); -EPIPE (the pool is closed, or its template has ended; if the job had
 * begun then, it was killed); -EPROTO (the function has meddled with its worker's socket;
 * it was killed);
 * -EAGAIN, -EMFILE or -ENFILE (there is no process for it, or no descriptor) or -ENOMEM:
 * it was not begun; -EINVAL (no function, or too many shared memories); or what the
 * attribute's init() has returned. */
WEFT_API int weft_process_pool_call(weft_process_pool *pool, const weft_process_call *call,
                                    weft_process_outcome *ret_outcome) WEFT__NONNULL(1, 2);

/* What can be said of a pool at a moment. */
typedef struct weft_process_pool_info {
    unsigned max;
    unsigned busy;      /* workers that have a job, or are being made */
    unsigned idle;      /* that have none */
    unsigned waiting;   /* jobs, for a worker */
    uint64_t started;   /* workers, */
    uint64_t ended;     /* of which so many are no more */
    uint64_t completed; /* jobs whose function has returned, */
    uint64_t crashed;   /* whose worker has ended, */
    uint64_t killed;    /* that were cut short */
    uint64_t moved;     /* how often one was given to another worker, since the first had ended */
    int64_t total_wait; /* of jobs for a worker, in nanoseconds, together; and the longest */
    int64_t longest_wait;
    pid_t process; /* the template */
    bool broken;   /* it has ended */
} weft_process_pool_info;

/* Looks at it. Any task or plain thread; never suspends. */
WEFT_API void weft_process_pool_look(weft_process_pool *pool, weft_process_pool_info *ret_info)
    WEFT__NONNULL(1, 2);

/* Creates memory that can be given to jobs, for arguments and results that are too large to
 * be copied. The program has it until it destroys it, each job while it runs; who reads what
 * another one writes at that time has to see to the order, as between threads. It is all
 * zero at first, and its size stays, whatever a job does.
 *
 * *ret_shared is the caller's. Any caller but a signal's handler; never suspends.
 * Returns 0, -EINVAL (a size of 0), -EMFILE, -ENFILE, or -ENOMEM. */
WEFT_API int weft_shared_create(size_t size, weft_shared **ret_shared) WEFT__NONNULL(2);

/* Destroys it; no call has it. NULL is ignored. Any task or plain thread; never suspends. */
WEFT_API void weft_shared_destroy(weft_shared *shared);

/* Where it is in this process, and how large. Any caller; never suspend. */
WEFT_API void *weft_shared_data(const weft_shared *shared) WEFT__NONNULL(1);
WEFT_API size_t weft_shared_size(const weft_shared *shared) WEFT__NONNULL(1);

WEFT__END

#endif
