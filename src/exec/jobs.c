/* Jobs and their kinds. The rules are at the head of jobs.h. */
#include "exec/jobs.h"

#include <errno.h>
#include <stdlib.h>

#include "exec/crew.h"
#include "sched/hooks.h"
#include "sched/idle.h"
#include "sched/settings.h"
#include "sched/worker.h"
#include "weft/observe.h"

#define WAITING 1024 /* submitted jobs of a kind that wait, unless it says otherwise */

/* Files: more in flight than a disk works on at a time, and few enough threads. */
#define KIND_INIT(kind, limit_) \
    { \
        .queued = WEFT__LIST_INIT((kind).queued), .limit = limit_, .refs = 1, \
        .room = WEFT_SEM_INIT(WAITING) \
    }

weft_blocking_kind weft__general_kind = KIND_INIT(weft__general_kind, WEFT__BLOCKING_THREADS);
weft_blocking_kind weft__dns_kind = KIND_INIT(weft__dns_kind, WEFT__BLOCKING_DNS_THREADS);
weft_blocking_kind weft__files_kind = KIND_INIT(weft__files_kind, 64);

static void lock(void)
{
    weft__latch_acquire(&weft__crew.lock);
}

void weft__crew_unlock(void)
{
    struct weft__list gone = WEFT__LIST_INIT(gone), *link;
    while ((link = weft__list_first(&weft__crew.gone))) {
        weft__list_remove(link);
        weft__list_append(&gone, link);
    }
    weft__latch_release(&weft__crew.lock);
    while ((link = weft__list_first(&gone))) {
        weft__list_remove(link);
        free(weft__container_of(link, weft_blocking_kind, link));
    }
}

static void unlock(void)
{
    weft__crew_unlock();
}

/* Under the lock; freed when it is released. */
static void drop(weft_blocking_kind *kind)
{
    if (--kind->refs)
        return;
    weft__list_remove(&kind->link);
    weft__list_append(&weft__crew.gone, &kind->link);
}

void weft__kind_keep(weft_blocking_kind *kind)
{
    lock();
    kind->refs++;
    unlock();
}

void weft__kind_drop(weft_blocking_kind *kind)
{
    lock();
    drop(kind);
    unlock();
}

static struct weft__job *first_queued(weft_blocking_kind *kind)
{
    struct weft__list *link = weft__list_first(&kind->queued);
    return link ? weft__container_of(link, struct weft__job, link) : NULL;
}

static void take_queued(struct weft__job *job)
{
    weft__list_remove(&job->link);
    job->kind->waiting--;
}

void weft__kind_leave(weft_blocking_kind *kind)
{
    struct weft__job *next = kind->busy <= kind->limit ? first_queued(kind) : NULL; /* JOB-2 */
    if (next) {
        take_queued(next);
        weft__crew_put_ready(next); /* who leaves comes by, or another is on its way: JOB-3 */
    } else {
        kind->busy--;
    }
    drop(kind);
}

bool weft__job_submit(struct weft__job *job)
{
    weft_blocking_kind *kind = job->kind;
    lock();
    if (job->submitted && weft__load(&weft__rt.cancelled, seq_cst)) { /* JOB-6 */
        job->state = WEFT__JOB_ENDED;
        unlock();
        return false;
    }
    kind->refs++;
    if (kind->busy < kind->limit) {
        kind->busy++;
        weft__crew_take_on(job);
        return true;
    }
    job->state = WEFT__JOB_QUEUED;
    weft__list_append(&kind->queued, &job->link);
    kind->waiting++;
    unlock();
    return true;
}

/* Under the lock. False: it has begun. */
static bool take_out(struct weft__job *job)
{
    weft_blocking_kind *kind = job->kind;
    if (job->state == WEFT__JOB_QUEUED) {
        take_queued(job);
        drop(kind);
    } else if (job->state == WEFT__JOB_READY) {
        weft__list_remove(&job->link);
        weft__crew.ready_count--;
        weft__kind_leave(kind);
    } else {
        return false;
    }
    job->state = WEFT__JOB_ENDED;
    return true;
}

bool weft__job_take_back(struct weft__job *job)
{
    lock();
    bool done = take_out(job);
    unlock();
    return done;
}

/* The runtime. */

/* Under the lock: takes those of a list out, for good. */
static void take_submitted(struct weft__list *list, struct weft__list *taken)
{
    struct weft__list *next;
    for (struct weft__list *at = list->next; at != list; at = next) {
        struct weft__job *job = weft__container_of(at, struct weft__job, link);
        next = at->next;
        if (job->submitted && take_out(job))
            weft__list_append(taken, &job->link);
    }
}

/* What is READY comes last: then those that take its place were not submitted. A kind stays
 * for a job that was, until that has run. */
static void cancel_submitted(void)
{
    struct weft__list *kinds = &weft__crew.kinds, taken = WEFT__LIST_INIT(taken), *link;
    lock();
    for (struct weft__list *at = kinds->next; at != kinds; at = at->next)
        take_submitted(&weft__container_of(at, weft_blocking_kind, link)->queued, &taken);
    take_submitted(&weft__crew.ready, &taken);
    unlock();
    while ((link = weft__list_first(&taken))) {
        struct weft__job *job = weft__container_of(link, struct weft__job, link);
        weft__list_remove(link);
        job->run(job, -ECANCELED);
    }
}

/* Under the lock, which it leaves meanwhile: JOB-2, where there may be more now. */
static void set_limit(weft_blocking_kind *kind, unsigned limit)
{
    struct weft__job *next;
    kind->limit = limit;
    while (kind->busy < kind->limit && (next = first_queued(kind))) {
        take_queued(next);
        kind->busy++;
        weft__crew_take_on(next);
        lock();
    }
}

static void configure(void)
{
    const weft_config *config = &weft__rt.config;
    lock();
    weft__crew.keep = config->blocking_idle;
    weft__crew.stack_size = config->blocking_stack_size;
    set_limit(&weft__general_kind, config->blocking_threads);
    set_limit(&weft__dns_kind, config->blocking_dns_threads);
    unlock();
}

static void on_runtime(enum weft__hook_event event)
{
    switch (event) {
    case WEFT__HOOK_STARTED:
        configure();
        break;
    case WEFT__HOOK_CANCELLED:
        cancel_submitted();
        break;
    case WEFT__HOOK_STOPPED:
        weft__crew_dismiss();
        break;
    }
}

/* A forked child has no threads, so nothing under way. */
static void forget(void)
{
    struct weft__list *kinds = &weft__crew.kinds;
    for (struct weft__list *at = kinds->next; at != kinds; at = at->next) {
        weft_blocking_kind *kind = weft__container_of(at, weft_blocking_kind, link);
        weft__list_init(&kind->queued);
        kind->waiting = kind->busy = 0;
    }
    weft__threads_rest(-(int)weft__crew.idle_count);
    weft__threads_work(-(int)weft__crew.running);
    weft__list_init(&weft__crew.ready);
    weft__list_init(&weft__crew.idle);
    weft__crew.ready_count = weft__crew.idle_count = 0;
    weft__crew.threads = weft__crew.starting = weft__crew.running = 0;
    weft__crew.has_ended = false;
    weft__crew.closing = 0;
    unlock();
}

__attribute__((constructor)) static void set_up(void)
{
    static struct weft__hook hook = { .fn = on_runtime };
    weft_blocking_kind *kinds[] = { &weft__general_kind, &weft__dns_kind, &weft__files_kind };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        weft__list_append(&weft__crew.kinds, &kinds[i]->link);
    weft__crew.keep = WEFT__BLOCKING_IDLE;
    weft__hooks_add(&hook);
    pthread_atfork(lock, unlock, forget);
}

/* The public part. */

int weft_blocking_kind_create(unsigned limit, unsigned waiting, weft_blocking_kind **ret_kind)
{
    if (limit == 0)
        return -EINVAL;
    weft_blocking_kind *kind = calloc(1, sizeof *kind);
    if (!kind)
        return -ENOMEM;
    kind->limit = limit;
    kind->refs = 1;
    weft__list_init(&kind->queued);
    weft_sem_init(&kind->room, waiting == 0             ? WAITING
                               : waiting < WEFT_SEM_MAX ? waiting
                                                        : WEFT_SEM_MAX);
    lock();
    weft__list_append(&weft__crew.kinds, &kind->link);
    unlock();
    *ret_kind = kind;
    return 0;
}

void weft_blocking_kind_destroy(weft_blocking_kind *kind)
{
    if (kind)
        weft__kind_drop(kind);
}

weft_blocking_kind *weft_blocking_dns(void)
{
    return &weft__dns_kind;
}

weft_blocking_kind *weft_blocking_files(void)
{
    return &weft__files_kind;
}

void weft_blocking_look(weft_blocking_kind *kind, weft_blocking_info *ret_info)
{
    kind = kind ? kind : &weft__general_kind;
    lock();
    *ret_info = (weft_blocking_info){ kind->limit, kind->busy, kind->waiting };
    unlock();
}

void weft_blocking_counts(weft_blocking_stats *ret_stats)
{
    struct weft__list *kinds = &weft__crew.kinds;
    *ret_stats = (weft_blocking_stats){ 0 };
    lock();
    ret_stats->threads = weft__crew.threads;
    ret_stats->idle = weft__crew.idle_count;
    ret_stats->running = weft__crew.running;
    ret_stats->waiting = weft__crew.ready_count;
    for (struct weft__list *at = kinds->next; at != kinds; at = at->next)
        ret_stats->waiting += weft__container_of(at, weft_blocking_kind, link)->waiting;
    unlock();
}
