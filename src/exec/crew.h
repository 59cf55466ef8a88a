/* crew.h - the threads of the blocking pool: jobs.h has the rules. */
#ifndef WEFT_EXEC_CREW_H
#define WEFT_EXEC_CREW_H

#include <pthread.h>

#include "exec/jobs.h"
#include "os/latch.h"

struct weft__crew {
    struct weft__latch lock; /* for all of the pool */
    struct weft__list ready; /* jobs, oldest first */
    struct weft__list idle;  /* threads, the newest first: it is the warmest */
    struct weft__list kinds; /* all */
    struct weft__list gone;  /* kinds that are to be freed, without the lock */
    unsigned ready_count, idle_count;
    unsigned threads;    /* that there are, or that are being made, */
    unsigned starting;   /* of them */
    unsigned running;    /* of them, that run a job: JOB-5 */
    uint64_t generation; /* counts the runtimes that have stopped */
    unsigned closing;    /* who end all threads: nobody rests */
    bool has_ended;      /* JOB-5: nobody has joined `ended` */
    pthread_t ended;
    _Atomic(int) pid;          /* of who has made threads: a child has none of them */
    _Atomic(uint32_t) changes; /* for who closes: of `threads`, and of `running` then */
    int64_t keep;              /* nanoseconds that a thread rests */
    size_t stack_size;         /* 0: the system's */
};

extern struct weft__crew weft__crew;

/* Releases the lock, and then frees the kinds that are gone: the program's free() may
 * suspend. */
void weft__crew_unlock(void);

/* Under the lock, which it releases: a job whose turn it is gets a thread. */
void weft__crew_take_on(struct weft__job *job);

/* Under the lock: a job is READY, and JOB-3 holds. */
void weft__crew_put_ready(struct weft__job *job);

/* Ends all threads but those of JOB-5. */
void weft__crew_dismiss(void);

/* Under the lock: a job of this kind does not stand in `ready` any more, or its thread is
 * through with it. The next one is READY. */
void weft__kind_leave(weft_blocking_kind *kind);

#endif
