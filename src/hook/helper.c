#include "hook/helper.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "hook/limit.h"
#include "hook/lot.h"
#include "hook/park.h"
#include "os/lock.h"
#include "time/clock.h"
#include "weft/time.h"

#define HELPERS 16
#define KEPT WEFT_S(10) /* a helper that has nothing to do */

static struct {
    struct weft__lock lock;
    struct weft__errand *first, **last;
    unsigned queued, idle, threads;
    _Atomic(uint32_t) news; /* changes with each job, for those who are idle */
} pool = { .last = &pool.first };

void *weft__errand_create(size_t size, void (*work)(struct weft__errand *job))
{
    struct weft__errand *job = calloc(1, size);
    if (!job)
        return NULL;
    job->work = work;
    weft__store(&job->owners, 1, relaxed);
    return job;
}

void weft__errand_drop(struct weft__errand *job)
{
    /* acq_rel: what the other owner did comes before */
    if (weft__add(&job->owners, (uint32_t)-1, acq_rel) != 1)
        return;
    if (job->lose)
        job->lose(job);
    free(job);
}

char *weft__errand_copy(char **room, const void *from, size_t size)
{
    char *to = *room;
    if (!from)
        return NULL;
    memcpy(to, from, size);
    *room += size;
    return to;
}

size_t weft__errand_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

/* Never inlined: either's place may be another thread's after a suspension. */
WEFT_NOINLINE void weft__errand_errors(const struct weft__errand *job)
{
    errno = job->error;
    h_errno = job->h_error;
}

/* The helpers. */

static void do_job(struct weft__errand *job)
{
    errno = 0;
    h_errno = 0;
    job->work(job);
    job->error = errno;
    job->h_error = h_errno;
    weft__store(&job->done, 1, seq_cst); /* LOT-2; pairs with the acquire in await() */
    weft__lot_wake(&job->done, 1, WEFT__LOT_ANY);
    weft__errand_drop(job);
}

/* Under the lock, which it leaves meanwhile. False: nothing came. */
static bool await_job(void)
{
    int64_t until = weft__clock_now() + KEPT;
    bool late = false;
    while (!pool.first && !late) {
        uint32_t seen = weft__load(&pool.news, relaxed);
        pool.idle++;
        weft__lock_release(&pool.lock);
        late = !weft__futex_wait(&pool.news, seen, until);
        weft__lock_acquire(&pool.lock);
        pool.idle--;
    }
    return pool.first;
}

static struct weft__errand *take(void)
{
    struct weft__errand *job = pool.first;
    pool.first = job->next;
    pool.queued--;
    if (!pool.first)
        pool.last = &pool.first;
    return job;
}

static void *help(void *unused)
{
    pthread_setname_np(pthread_self(), "weft-helper");
    weft__lock_acquire(&pool.lock);
    while (await_job()) {
        struct weft__errand *job = take();
        weft__lock_release(&pool.lock);
        do_job(job);
        weft__lock_acquire(&pool.lock);
    }
    pool.threads--;
    weft__lock_release(&pool.lock);
    return unused;
}

/* Those who want it done. */

static bool start_helper(void)
{
    pthread_t thread;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int rc = pthread_create(&thread, &attr, help, NULL);
    pthread_attr_destroy(&attr);
    return rc == 0;
}

/* Under the lock. */
static void append(struct weft__errand *job)
{
    weft__add(&job->owners, 1, relaxed); /* HELP-1; the lock publishes it */
    *pool.last = job;
    pool.last = &job->next;
    pool.queued++;
    weft__add(&pool.news, 1, relaxed); /* under the lock, as its readers */
}

/* A helper that could not be made. Without any, whoever finds that out does what there
 * is to do. */
static void do_without(void)
{
    weft__lock_acquire(&pool.lock);
    pool.threads--;
    while (pool.threads == 0 && pool.first) {
        struct weft__errand *job = take();
        weft__lock_release(&pool.lock);
        do_job(job);
        weft__lock_acquire(&pool.lock);
    }
    weft__lock_release(&pool.lock);
}

static void submit(struct weft__errand *job)
{
    weft__lock_acquire(&pool.lock);
    append(job);
    bool more = pool.queued > pool.idle && pool.threads < HELPERS;
    pool.threads += more; /* counted before it is made: there are never too many */
    weft__lock_release(&pool.lock);
    weft__futex_wake(&pool.news, 1);
    if (more && !start_helper())
        do_without();
}

static void abandon(void *arg)
{
    struct weft__errand **job = arg;
    if (*job)
        weft__errand_drop(*job);
}

/* `firmly`: whatever scopes say. */
static int await(struct weft__errand *job, const char *what, bool firmly)
{
    __attribute__((cleanup(abandon))) struct weft__errand *unfinished = job;
    struct weft__hook_wait wait;
    int rc = 0;
    while (!weft__load(&job->done, acquire) && (rc == 0 || rc == EAGAIN)) {
        weft__cancel_point();
        weft__hook_begin(&wait);
        rc = firmly ? weft__lot_wait(&job->done, 0, WEFT__LOT_ANY, WEFT_NEVER, what)
                    : weft__lot_wait_in_scope(&job->done, 0, WEFT_NEVER, what);
        weft__hook_end(&wait);
    }
    unfinished = NULL;
    return weft__load(&job->done, acquire) ? 0 : rc;
}

void weft__errand(struct weft__errand *job, const char *what)
{
    submit(job);
    await(job, what, true);
}

int weft__errand_in_scope(struct weft__errand *job, const char *what)
{
    submit(job);
    return await(job, what, false);
}
