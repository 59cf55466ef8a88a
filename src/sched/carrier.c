#include "sched/carrier.h"

#include <pthread.h>
#include <stdio.h>

#include "sched/idle.h"
#include "sched/switch.h"

/* initial-exec: read in signal handlers, where the loader must not be needed. */
static _Thread_local struct weft_task *current __attribute__((tls_model("initial-exec")));

void (*weft__on_carrier_thread)(void *carrier, int starting);

WEFT_NOINLINE struct weft_task *weft__self(void)
{
    weft__compiler_barrier(); /* the body is not a constant of its caller */
    return current;
}

struct weft_task **weft__current_at(char *thread_pointer)
{
    char *here = weft__context_thread_pointer();
    return (struct weft_task **)(void *)(thread_pointer + ((char *)&current - here));
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
        weft__rt.config.on_carrier(event, carrier->worker->index, weft__rt.config.on_carrier_arg);
}

void *weft__carrier_main(void *arg)
{
    struct weft__carrier *carrier = arg;
    struct weft_task *idle = &carrier->idle;
    char name[16];
    snprintf(name, sizeof name, "weft-%u", carrier->worker->index);
    pthread_setname_np(pthread_self(), name);
    annotate_own_stack(carrier);
    if (weft__on_carrier_thread)
        weft__on_carrier_thread(carrier, 1);
    tell(carrier, WEFT_CARRIER_START);

    carrier->thread_pointer = weft__context_thread_pointer();
    carrier->worker->current = &current;
    current = idle;
    idle->worker = carrier->worker;
    weft__seat_enter(&carrier->worker->seat);
    struct weft_task *next;
    while ((next = weft__find(idle->worker)))
        weft__switch(idle->worker, idle, next);
    weft__seat_leave(&idle->worker->seat);
    current = NULL;

    tell(carrier, WEFT_CARRIER_STOP);
    if (weft__on_carrier_thread)
        weft__on_carrier_thread(carrier, 0);
    return NULL;
}
