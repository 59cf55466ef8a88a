#include "exec/crew.h"

#include <limits.h>
#include <unistd.h>

#include "os/futex.h"
#include "os/signal_mask.h"
#include "sched/idle.h"
#include "time/clock.h"

/* A thread, on its own stack. Under the lock, but for `called`. */
struct weft__hand {
    struct weft__list link;   /* while it is idle */
    struct weft__job *job;    /* handed over; NULL: its end, or its time was up */
    _Atomic(uint32_t) called; /* it is not idle any more */
    uint64_t generation;      /* when it began its job */
    bool outlived;            /* a runtime has stopped since: JOB-5 */
};

struct weft__crew weft__crew = {
    .ready = WEFT__LIST_INIT(weft__crew.ready),
    .idle = WEFT__LIST_INIT(weft__crew.idle),
    .kinds = WEFT__LIST_INIT(weft__crew.kinds),
    .gone = WEFT__LIST_INIT(weft__crew.gone),
};

static void note_change(void)
{
    weft__add(&weft__crew.changes, 1, relaxed); /* under the lock, as its readers */
    if (weft__crew.closing)
        weft__futex_wake(&weft__crew.changes, INT_MAX);
}

void weft__crew_put_ready(struct weft__job *job)
{
    job->state = WEFT__JOB_READY;
    weft__list_append(&weft__crew.ready, &job->link);
    weft__crew.ready_count++;
}

static struct weft__job *take_ready(void)
{
    struct weft__list *link = weft__list_first(&weft__crew.ready);
    if (!link)
        return NULL;
    weft__list_remove(link);
    weft__crew.ready_count--;
    return weft__container_of(link, struct weft__job, link);
}

static void begin(struct weft__job *job, struct weft__hand *thread)
{
    job->state = WEFT__JOB_RUNS;
    job->thread = thread;
    thread->generation = weft__crew.generation;
    thread->outlived = false;
    weft__crew.running++;
    weft__threads_work(1);
    note_change();
}

void weft__job_ended(struct weft__job *job)
{
    weft__latch_acquire(&weft__crew.lock);
    job->state = WEFT__JOB_ENDED;
    if (job->thread) {
        job->thread->outlived = job->thread->generation != weft__crew.generation;
        weft__crew.running--;
        weft__threads_work(-1);
    }
    weft__crew_unlock();
}

/* Resting. Whoever takes a thread out of the list says that it rests no more, before he
 * may wait himself for what it does: so no deadlock is seen where there is none. */

static void enter_idle(struct weft__hand *self)
{
    self->job = NULL;
    weft__store(&self->called, 0, relaxed); /* nobody else has it */
    weft__list_prepend(&weft__crew.idle, &self->link);
    weft__crew.idle_count++;
    weft__threads_rest(1);
}

static void leave_idle(struct weft__hand *thread)
{
    weft__list_remove(&thread->link);
    weft__crew.idle_count--;
    weft__threads_rest(-1);
}

/* It is to be woken. */
static struct weft__hand *call_idle(struct weft__job *job)
{
    struct weft__list *link = weft__list_first(&weft__crew.idle);
    if (!link)
        return NULL;
    struct weft__hand *thread = weft__container_of(link, struct weft__hand, link);
    leave_idle(thread);
    thread->job = job;
    if (job)
        begin(job, thread);
    weft__store(&thread->called, 1, release); /* pairs with the acquire in rest() */
    return thread;
}

/* JOB-4. Leaves the lock meanwhile. */
static struct weft__job *rest(struct weft__hand *self)
{
    int64_t now = weft__clock_real(), keep = weft__crew.keep;
    int64_t until = keep < INT64_MAX - now ? now + keep : INT64_MAX;
    bool late = false;
    enter_idle(self);
    weft__crew_unlock();
    weft__look_for_deadlock();
    while (!weft__load(&self->called, acquire) && !late)
        late = !weft__futex_wait(&self->called, 0, until);
    weft__latch_acquire(&weft__crew.lock);
    if (!weft__load(&self->called, relaxed)) /* under the lock */
        leave_idle(self);
    return self->job;
}

static struct weft__job *next_job(struct weft__hand *self)
{
    struct weft__job *job = take_ready();
    if (!job && !weft__crew.closing && !self->outlived) {
        job = rest(self);
        if (job)
            return job;
        job = take_ready(); /* JOB-3: meanwhile it was none of the idle */
    }
    if (job)
        begin(job, self);
    return job;
}

/* JOB-5. Releases the lock. */
static void retire(struct weft__hand *self)
{
    pthread_t before = weft__crew.ended;
    bool joins = !self->outlived && weft__crew.has_ended;
    weft__crew.threads--;
    if (self->outlived) {
        pthread_detach(pthread_self());
    } else {
        weft__crew.ended = pthread_self();
        weft__crew.has_ended = true;
    }
    note_change();
    weft__crew_unlock();
    if (joins)
        pthread_join(before, NULL);
}

static void *serve(void *unused)
{
    struct weft__hand self = { 0 };
    struct weft__job *job;
    pthread_setname_np(pthread_self(), "weft-blocking");
    weft__latch_acquire(&weft__crew.lock);
    weft__crew.starting--;
    while ((job = next_job(&self))) {
        weft_blocking_kind *kind = job->kind;
        weft__crew_unlock();
        job->run(job, 0);
        weft__latch_acquire(&weft__crew.lock);
        weft__kind_leave(kind);
    }
    retire(&self);
    return unused;
}

/* Making threads. */

/* 0 or an error number. */
static int start_thread(size_t stack_size)
{
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t before;
    pthread_attr_init(&attr);
    int rc = 0;
    size_t least = (size_t)sysconf(_SC_THREAD_STACK_MIN);
    if (stack_size)
        rc = pthread_attr_setstacksize(&attr, stack_size > least ? stack_size : least);
    weft__signals_block(&before);
    if (rc == 0)
        rc = pthread_create(&thread, &attr, serve, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return rc;
}

/* Under the lock: threads that have come to rest meanwhile. */
static void call_for_ready(void)
{
    while (weft__crew.ready_count && weft__crew.idle_count)
        weft__futex_wake(&call_idle(take_ready())->called, 1);
}

/* A thread could not be made: JOB-3. */
static void do_without(int error)
{
    struct weft__job *job;
    weft__latch_acquire(&weft__crew.lock);
    weft__crew.starting--;
    weft__crew.threads--;
    note_change();
    while (weft__crew.threads == 0 && (job = take_ready())) {
        weft_blocking_kind *kind = job->kind;
        job->state = WEFT__JOB_RUNS;
        weft__crew_unlock();
        job->run(job, -error);
        weft__latch_acquire(&weft__crew.lock);
        weft__kind_leave(kind);
    }
    call_for_ready();
    weft__crew_unlock();
}

void weft__crew_take_on(struct weft__job *job)
{
    struct weft__hand *thread = call_idle(job);
    size_t stack_size = weft__crew.stack_size;
    bool more = false;
    if (!thread) {
        weft__crew_put_ready(job);
        more = weft__crew.ready_count > weft__crew.starting;
        weft__crew.starting += more; /* before they are made: there are never too many */
        weft__crew.threads += more;
        if (more)
            weft__store(&weft__crew.pid, getpid(), relaxed); /* always the same */
    }
    weft__crew_unlock();
    if (thread)
        weft__futex_wake(&thread->called, 1);
    int rc = more ? start_thread(stack_size) : 0;
    if (rc)
        do_without(rc);
}

void weft__crew_dismiss(void)
{
    struct weft__hand *thread;
    weft__latch_acquire(&weft__crew.lock);
    weft__crew.generation++;
    weft__crew.closing++;
    while ((thread = call_idle(NULL)))
        weft__futex_wake(&thread->called, 1);
    while (weft__crew.threads != weft__crew.running) {
        uint32_t seen = weft__load(&weft__crew.changes, relaxed);
        weft__crew_unlock();
        weft__futex_wait(&weft__crew.changes, seen, INT64_MAX);
        weft__latch_acquire(&weft__crew.lock);
    }
    weft__crew.closing--;
    bool joins = weft__crew.has_ended;
    weft__crew.has_ended = false;
    pthread_t last = weft__crew.ended;
    weft__crew_unlock();
    if (joins)
        pthread_join(last, NULL);
}

/* The process ends, or the library is unloaded: those that have nothing to do would be left
 * behind where there is no runtime. */
__attribute__((destructor)) static void dismiss_at_exit(void)
{
    if (weft__load(&weft__crew.pid, relaxed) == getpid())
        weft__crew_dismiss();
}
