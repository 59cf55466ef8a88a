#include "sched/carrier.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "sched/idle.h"
#include "sched/monitor.h"
#include "sched/share.h"
#include "sched/switch.h"

__attribute__((used)) _Thread_local struct weft_task *weft__current; /* by name: self.h */

void (*weft__on_carrier_thread)(void *carrier, int starting);

static unsigned index_of(struct weft__carrier *carrier)
{
    return (unsigned)(carrier - weft__rt.carrier);
}

struct weft_task **weft__current_at(char *thread_pointer)
{
    char *here = weft__context_thread_pointer();
    return (struct weft_task **)(void *)(thread_pointer + ((char *)&weft__current - here));
}

static void annotate_own_stack(struct weft__carrier *carrier)
{
    pthread_attr_t attr;
    void *low = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        pthread_attr_getstack(&attr, &low, &size);
        pthread_attr_destroy(&attr);
    }
    weft__annotate_thread(&carrier->idle.annotation, low, size);
}

static void tell(struct weft__carrier *carrier, enum weft_carrier_event event)
{
    if (weft__rt.config.on_carrier)
        weft__rt.config.on_carrier(event, index_of(carrier), weft__rt.config.on_carrier_arg);
}

static void begin(struct weft__carrier *carrier)
{
    char name[16];
    snprintf(name, sizeof name, "weft-%u", index_of(carrier));
    pthread_setname_np(pthread_self(), name);
    annotate_own_stack(carrier);
    if (weft__on_carrier_thread)
        weft__on_carrier_thread(carrier, 1);
    tell(carrier, WEFT_CARRIER_START);
    carrier->thread_pointer = weft__context_thread_pointer();
    carrier->current = &weft__current;
    weft__store(&carrier->tid, gettid(), relaxed); /* for the monitor */
    weft__current = &carrier->idle;
}

static void end(struct weft__carrier *carrier)
{
    WEFT_ASSERT(weft__load(&carrier->pinned, relaxed) +
                        weft__load(&carrier->pinned_by_others, relaxed) ==
                    0,
                "CARRIER-5");
    weft__current = NULL;
    tell(carrier, WEFT_CARRIER_STOP);
    if (weft__on_carrier_thread)
        weft__on_carrier_thread(carrier, 0);
}

/* Back in the idle context, with or without a worker. */
static void arrive(struct weft__carrier *carrier)
{
    struct weft_task *idle = &carrier->idle, *task = carrier->homecomer;
    if (weft__likely(!task)) {
        weft__arrive(idle);
        return;
    }
    weft__annotate_arrive(&idle->annotation);
    carrier->homecomer = NULL;
    idle->worker = NULL;
    weft__seat_come_home(&carrier->seat);
    weft__store(&task->on_cpu, 0, release); /* its context is complete: CARRIER-2 */
    weft__ready_outside(task);
}

/* It has just been given a worker. */
static void take_over(struct weft__carrier *carrier)
{
    struct weft__worker *worker = weft__load(&carrier->worker, relaxed); /* ours */
    carrier->idle.worker = worker;
    worker->current = carrier->current;
    weft__store(&worker->tid, weft__load(&carrier->tid, relaxed), relaxed);
    weft__take_own_first(worker);
}

/* Until the worker is another's, or the runtime closes. */
static void serve(struct weft__carrier *carrier)
{
    struct weft_task *idle = &carrier->idle, *next;
    while (idle->worker && (next = weft__find(idle->worker))) {
        weft__hand_over(idle->worker, idle, next);
        weft__annotate_leave(&idle->annotation, &next->annotation, 0);
        weft__context_switch(&idle->context, &next->context);
        arrive(carrier);
    }
    idle->worker = NULL;
}

/* pthread_exit() in a task that is no virtual thread ends this one, whatever else it has to
 * serve. In the child of a fork() it may. */
static void exited(void *arg)
{
    struct weft__carrier *carrier = arg;
    if (weft__current && weft__current != &carrier->idle &&
        gettid() == weft__load(&carrier->tid, relaxed))
        weft__panic("pthread_exit() or pthread_cancel() has ended a task's OS thread: "
                    "weft_exit() ends a task, and WEFT_VIRTUAL_THREAD makes it a thread");
}

void *weft__carrier_main(void *arg)
{
    struct weft__carrier *carrier = arg;
    begin(carrier);
    pthread_cleanup_push(exited, carrier);
    do {
        take_over(carrier);
        serve(carrier);
    } while (weft__await_worker(carrier));
    pthread_cleanup_pop(0);
    end(carrier);
    if (!weft__load(&weft__rt.closing, relaxed)) /* then it is joined anyway */
        weft__monitor_call();                    /* CARRIER-6 */
    return NULL;
}

void weft__come_home(struct weft_task *self)
{
    struct weft__carrier *carrier = weft__carrier_of(self);
    weft__assert_stays(self);
    carrier->homecomer = self;
    *carrier->current = &carrier->idle;
    if (self->context.thread_pointer)
        weft__change_block(NULL, carrier->thread_pointer);
    weft__annotate_leave(&self->annotation, &carrier->idle.annotation, 0);
    weft__context_switch(&self->context, &carrier->idle.context);
    weft__arrive(self);
    weft__add(&weft__rt.away, (uint32_t)-1, relaxed); /* its worker is awake: see worker.h */
}
