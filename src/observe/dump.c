#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "observe/report.h"
#include "observe/scopes.h"
#include "observe/text.h"
#include "sched/strand.h"
#include "sched/worker.h"
#include "sync/mutex.h"
#include "task/name.h"
#include "task/root.h"
#include "time/clock.h"
#include "weft/observe.h"

static void put_identity(struct weft__line *line, struct weft_task *task)
{
    char name[32];
    weft__line_string(line, "task ");
    weft__line_number(line, weft__load(&task->id, relaxed));
    weft__line_string(line, " '");
    weft__task_name(task, name, sizeof name);
    weft__line_string(line, name);
    weft__line_string(line, "'");
}

#define SITE_MOST 160 /* of a path that may be longer than a line; its end says more */

static WEFT_RACY void put_site(struct weft__line *line, struct weft_task *task)
{
    const char *site = task->site;
    if (!site)
        return;
    weft__line_string(line, "spawned at ");
    size_t size = strcspn(site, " ");
    if (size > SITE_MOST) {
        weft__line_string(line, "...");
        site += size - SITE_MOST;
    }
    for (; *site && *site != ' '; site++)
        weft__line_string(line, (char[]){ *site, 0 });
    if (task->flags & WEFT__TASK_VIRTUAL)
        weft__line_string(line, ", virtual thread");
    if (task->flags & WEFT__TASK_STRAND) {
        weft__line_string(line, ", strand ");
        weft__line_hex(line, (uintptr_t)weft__strand_of(task));
    }
}

void weft__report_task(int fd, const char *before, struct weft_task *task, const char *after)
{
    struct weft__line line = { 0 };
    weft__line_string(&line, "weft: ");
    weft__line_string(&line, before);
    put_identity(&line, task);
    weft__line_string(&line, " (");
    put_site(&line, task);
    weft__line_string(&line, ")");
    weft__line_string(&line, after);
    weft__line_write(&line, fd);
}

/* In debug builds: who holds the mutex that somebody waits for, or did when he began. It
 * may be gone by now, so the kernel is asked to copy it. */
static void put_holder(struct weft__line *line, uint64_t address)
{
    uint64_t holder = 0;
    struct weft__mutex *mutex = (struct weft__mutex *)(uintptr_t)address;
    struct iovec to = { &holder, sizeof holder }, from = { &mutex->holder, sizeof holder };
    if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != (ssize_t)sizeof holder || !holder)
        return;
    weft__line_string(line, " held by ");
    if (!weft__mutex_task(holder)) {
        weft__line_string(line, "a thread");
        return;
    }
    weft__line_string(line, "task ");
    weft__line_number(line, weft__mutex_task(holder));
}

/* As many as a process may have, as the kernel comes (fs.nr_open). No program is loaded so
 * low, though one that is not position-independent begins at 4 MiB. */
#define DESCRIPTORS (1u << 20)

/* Those that wait for no object. */
static bool is_about_nothing(const char *what)
{
    return strcmp(what, "resolve") == 0 || strcmp(what, "signal") == 0 ||
           strcmp(what, "child") == 0 || strcmp(what, "sleep") == 0;
}

void weft__report_object(struct weft__line *line, const char *before, const char *what,
                         uint64_t object)
{
    if (is_about_nothing(what))
        return;
    weft__line_string(line, before);
    if (strcmp(what, WEFT__WAIT_CALL) == 0) {
        weft__line_string(line, (const char *)(uintptr_t)object);
        return;
    }
    if (strcmp(what, "join") == 0) { /* not over, so it has not been released */
        weft__line_string(line, "task ");
        weft__line_number(line, weft_task_id((weft_task *)(uintptr_t)object));
        return;
    }
    if (object >= DESCRIPTORS) { /* the address of what is waited for */
        weft__line_hex(line, object);
        if (what == weft__mutex_waiting)
            put_holder(line, object);
        return;
    }
    bool selects = strcmp(what, "select") == 0;
    weft__line_string(line, selects ? "" : "fd ");
    weft__line_number(line, object);
    weft__line_string(line, selects ? " cases" : "");
}

_Atomic(bool) weft__held_unsure;

/* As far as the hook counts them: in debug builds. */
static void put_held(struct weft__line *line, struct weft_task *task)
{
    unsigned held = weft__load(&task->held, relaxed); /* a figure */
    if (!held || weft__load(&weft__held_unsure, relaxed))
        return;
    weft__line_string(line, ", holds ");
    weft__line_number(line, held);
    weft__line_string(line, held == 1 ? " pthread mutex" : " pthread mutexes");
}

static void put_object(struct weft__line *line, const char *what, uint64_t object, int64_t now)
{
    weft__report_object(line, " ", what, object);
    if (strcmp(what, "sleep") == 0) {
        weft__line_string(line, " for ");
        weft__line_duration(line, (int64_t)object - now);
    }
}

static WEFT_RACY void put_state(struct weft__line *line, struct weft_task *task, int64_t now)
{
    uint64_t word = weft__load(&task->waiter.word, acquire);
    if ((word & WEFT__WAIT_STATE) == WEFT__WAITING) {
        const char *what = weft__load(&task->waiter.what, acquire);
        uint64_t object = weft__load(&task->waiter.object, acquire);
        int64_t since = weft__load(&task->waiter.since, acquire);
        /* Still the same wait? Else the block may be free, and all this a link. */
        if (weft__load(&task->waiter.word, relaxed) == word &&
            weft__load(&task->id, relaxed) != 0) {
            weft__line_string(line, "waits: ");
            weft__line_string(line, what);
            put_object(line, what, object, now);
            weft__line_string(line, ", since ");
            weft__line_duration(line, now - since);
            put_held(line, task);
            return;
        }
    }
    /* First, since nobody clears on_cpu of a task that has ended. */
    struct weft__waiter *joiner = weft__load(&task->joiner, relaxed);
    if (joiner == WEFT__TASK_DONE || joiner == WEFT__TASK_ACKED)
        weft__line_string(line, "ended, not joined");
    else
        weft__line_string(line, weft__load(&task->on_cpu, relaxed) ? "runs" : "runnable");
}

struct dump {
    int fd;
    int64_t now;
    int count;
};

static WEFT_RACY void dump_task(void *object, void *arg)
{
    struct weft_task *task = object;
    struct dump *dump = arg;
    if (weft__load(&task->id, relaxed) == 0)
        return;
    struct weft__line line = { 0 };
    put_identity(&line, task);
    weft__line_pad(&line, 28);
    put_state(&line, task, dump->now);
    weft__line_pad(&line, 66);
    put_site(&line, task);
    weft__line_scopes(&line, task, dump->now);
    weft__line_write(&line, dump->fd);
    dump->count++;
}

static void name_overdue(void)
{
    struct dump dump = { .fd = STDERR_FILENO, .now = weft__clock_now() };
    struct weft__line line = { 0 };
    weft__line_string(&line, "weft: all tasks were cancelled; these have not ended:");
    weft__line_write(&line, dump.fd);
    weft__pool_walk(&weft__rt.tasks, dump_task, &dump);
}

void (*weft__on_overdue)(void) = name_overdue;

static const char *worker_state(struct weft__worker *worker)
{
    return weft__load(&worker->sleeper.state, relaxed) == WEFT__AWAKE ? "awake" : "asleep";
}

static void dump_worker(struct weft__worker *worker, int fd)
{
    struct weft__line line = { 0 };
    weft__line_string(&line, "worker ");
    weft__line_number(&line, worker->index);
    weft__line_pad(&line, 28);
    weft__line_string(&line, worker_state(worker));
    weft__line_string(&line, ", switches ");
    weft__line_number(&line, weft__load(&worker->switches, relaxed));
    weft__line_string(&line, ", queued ");
    weft__line_number(&line, weft__queue_count(&worker->ready) + weft__queue_count(&worker->fresh));
    weft__line_string(&line, ", steals ");
    weft__line_number(&line, weft__load(&worker->steals, relaxed));
    weft__line_write(&line, fd);
}

static int dump_all(int fd)
{
    struct dump dump = { .fd = fd, .now = weft__clock_now() };
    weft__pool_walk(&weft__rt.tasks, dump_task, &dump);
    for (unsigned i = 0; i < weft__rt.workers; i++)
        dump_worker(&weft__rt.worker[i], fd);
    return dump.count;
}

int weft_dump(int fd)
{
    int saved_errno = errno; /* we may be in a signal handler */
    int rc = -EPERM;
    if (weft__visit_begin()) {
        rc = dump_all(fd);
        weft__visit_end();
    }
    errno = saved_errno;
    return rc;
}
