/* jobs.h - the blocking pool: threads, and the jobs that wait for them.
 *
 *     QUEUED --its turn--> READY --a thread--> RUNS --its function has ended--> ENDED
 *        |                   |
 *        +--- taken back ----+--> (nowhere: it never runs)
 *
 * JOB-1  A job is QUEUED in its kind, or READY in the pool, or has left both, for good,
 *         under the pool's lock: so whoever takes it back from there knows that it never
 *         runs, and nobody runs one twice.
 * JOB-2  Of a kind at most `limit` jobs are READY or RUN, and while some are QUEUED as many
 *         as that. A job waits for others of its kind, or for a thread, and for nothing
 *         else: kinds do not hold each other up.
 * JOB-3  For each READY job a thread is on its way: no thread is idle, and as many are being
 *         made, or one could not be made. Then some other thread will come by when it has
 *         ended what it is at; or there is none, and who has found that out fails the job.
 * JOB-4  A thread that is idle is in the list, and sleeps on a word of its own. Who takes it
 *         out has a job for it, or its end, and wakes it alone; it leaves by itself only
 *         when its time is up, under the lock.
 * JOB-5  Stopping the runtime ends all threads but those that RUN a job, which nobody of
 *         the runtime waits for: their job was abandoned, or is a plain thread's. A job is
 *         ENDED before the runtime can stop without it, and runs no code of the program's
 *         after; so who stops waits for the rest of it, which is short. Each thread joins the
 *         one that ended before it, and who stops joins the last; those that have outlived a
 *         runtime are detached. The end of the process does the same.
 * JOB-6  After weft_cancel_all() nothing begins that was `submitted`: the flag is set first,
 *         then what waits is taken out under the lock; whoever submits looks under it too. */
#ifndef WEFT_EXEC_JOBS_H
#define WEFT_EXEC_JOBS_H

#include "base/list.h"
#include "weft/blocking.h"
#include "weft/semaphore.h"

struct weft_blocking_kind {
    struct weft__list queued; /* jobs, oldest first */
    unsigned waiting;         /* of them */
    unsigned busy, limit;     /* JOB-2 */
    unsigned refs;            /* its creator and its jobs */
    weft_sem room;            /* for submitted jobs that have not begun: exec/submit.c */
    struct weft__list link;   /* among all */
};

enum weft__job_state { WEFT__JOB_QUEUED, WEFT__JOB_READY, WEFT__JOB_RUNS, WEFT__JOB_ENDED };

/* In memory of whoever submits it. Under the pool's lock while it is QUEUED or READY; then
 * run() is called, once, and the pool touches it no more but in weft__job_ended(). */
struct weft__job {
    /* `error` 0: on a thread of the pool. Else it is not to run: there is no thread (-EAGAIN
     * and the like) or it was `submitted` and all is cancelled (-ECANCELED). Calls
     * weft__job_ended() when it is through with it, before anybody may go on whom the runtime
     * would miss. */
    void (*run)(struct weft__job *job, int error);
    weft_blocking_kind *kind;
    bool submitted; /* weft_cancel_all() concerns it */
    enum weft__job_state state;
    struct weft__list link;
    struct weft__hand *thread; /* that runs it */
};

extern weft_blocking_kind weft__general_kind, weft__dns_kind, weft__files_kind;

/* Hands a job over. Never suspends. False: it is `submitted`, and never runs (JOB-6). */
bool weft__job_submit(struct weft__job *job);

/* True: it has not begun, and never will. */
bool weft__job_take_back(struct weft__job *job);

/* See run(). */
void weft__job_ended(struct weft__job *job);

/* A kind stays until who keeps it drops it. */
void weft__kind_keep(weft_blocking_kind *kind);
void weft__kind_drop(weft_blocking_kind *kind);

#endif
