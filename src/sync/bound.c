/* Strands that are bound to a plain thread.
 *
 * STRAND-12  A callback is a task of the strand, as anywhere, so order, time, descriptors
 *            and cancellation are what they are. But where the task would call the function
 *            it leaves an errand, which lies on its stack, and waits until the thread has
 *            done that, whatever is in force. It leaves it while it has the baton, so
 *            errands come in the strand's order; the next task may leave the next one
 *            meanwhile, since the thread does one at a time.
 * STRAND-13  No errand is left behind: who leaves one writes to the descriptor afterwards,
 *            and the thread empties the descriptor before it takes them.
 * STRAND-14  What the thread has taken and not yet done is the strand's, and not a step's: a
 *            callback that steps goes on with what was left before it, and so in order.
 * STRAND-15  The strand's thread is who has stepped last (weft__thread_number()), and before
 *            that the one that has created it, unless that was a task: then there is none. What
 *            would wait for the strand's callbacks asks who that is first. */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "os/error.h"
#include "sched/thread.h"
#include "sync/strand.h"
#include "weft/io.h"
#include "weft/scope.h"

struct weft__bound {
    struct weft__inbox errands;
    struct weft__inbox_node *taken; /* STRAND-14: the thread's own */
    _Atomic(uint64_t) thread;       /* STRAND-15; for itself to know. 0: none */
    int fd;
};

struct errand {
    struct weft__inbox_node node;
    void (*fn)(void *arg);
    void *arg;
    struct weft__waiter *task;
    int result;
    weft_event done;
};

static _Thread_local struct weft_strand *running;

WEFT_NOINLINE struct weft_strand *weft__bound_running(void)
{
    weft__compiler_barrier(); /* the body is not a constant of its caller */
    return running;
}

/* The descriptor's calls leave errno as it was. */

static int open_fd(void)
{
    int error = weft__error();
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int rc = fd < 0 ? -weft__error() : fd;
    weft__error_set(error);
    return rc;
}

/* STRAND-13; that it is full already is as good. */
static void fill(int fd)
{
    int error = weft__error();
    eventfd_write(fd, 1);
    weft__error_set(error);
}

static void empty(int fd)
{
    int error = weft__error();
    eventfd_t pokes;
    eventfd_read(fd, &pokes);
    weft__error_set(error);
}

int weft_strand_create_bound(weft_strand **ret_strand)
{
    struct weft__bound *bound = calloc(1, sizeof *bound);
    weft_strand *strand;
    if (!bound)
        return -ENOMEM;
    bound->fd = open_fd();
    int rc = bound->fd < 0 ? bound->fd : weft_strand_create(&strand);
    if (rc) {
        weft__bound_destroy(bound);
        return rc;
    }
    weft__store(&bound->thread, weft__self() ? 0 : weft__thread_number(), relaxed);
    strand->bound = bound;
    strand->core.bound = true;
    *ret_strand = strand;
    return 0;
}

void weft__bound_destroy(struct weft__bound *bound)
{
    if (bound && bound->fd >= 0)
        weft_close(bound->fd);
    free(bound);
}

int weft_strand_fd(weft_strand *strand)
{
    return strand->bound ? strand->bound->fd : -EINVAL;
}

static void await_done(struct errand *errand)
{
    weft_scope shield;
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    weft_event_wait(&errand->done);
    weft_scope_leave(&shield);
}

int weft__strand_invoke(void (*fn)(void *arg), void *arg)
{
    struct weft__bound *bound = weft_strand_self()->bound;
    if (weft__likely(!bound)) {
        fn(arg);
        return 0;
    }
    struct errand errand = {
        .fn = fn, .arg = arg, .task = weft__waiter_self(), .done = WEFT_EVENT_INIT
    };
    weft__inbox_put(&bound->errands, &errand.node);
    fill(bound->fd);
    await_done(&errand);
    return errand.result;
}

/* The thread. Whom another callback has cancelled it does not call. */
static void run_errand(struct weft_strand *strand, struct errand *errand)
{
    /* relaxed: by this thread, or it comes too late */
    bool cancelled = weft__load(&errand->task->family, relaxed) & WEFT__FAMILY_CANCELLED;
    errand->result = cancelled ? -ECANCELED : 0;
    if (!cancelled) {
        struct weft_strand *outer = running;
        running = strand;
        errand->fn(errand->arg);
        running = outer;
    }
    weft_event_set(&errand->done); /* it is gone */
}

static void take_errands(struct weft__bound *bound)
{
    weft__store(&bound->thread, weft__thread_number(), relaxed);
    if (bound->taken)
        return;
    empty(bound->fd); /* STRAND-13 */
    bound->taken = weft__inbox_take(&bound->errands);
}

int weft_strand_step(weft_strand *strand)
{
    struct weft__bound *bound = strand->bound;
    struct weft__inbox_node *node;
    int count = 0;
    if (!bound)
        return -EINVAL;
    if (weft__self())
        return -EPERM;
    take_errands(bound);
    while ((node = bound->taken)) {
        bound->taken = node->next;
        run_errand(strand, weft__container_of(node, struct errand, node));
        count++;
    }
    return count;
}

bool weft__bound_is_ours(const struct weft_strand *strand)
{
    const struct weft__bound *bound = strand->bound;
    if (!bound || weft__self())
        return false;
    /* relaxed: either we have written it, or it is another's */
    return weft__load(&bound->thread, relaxed) == weft__thread_number();
}

int weft__bound_run_until(struct weft_strand *strand, weft_case item)
{
    weft_case cases[] = { item, weft_case_readable(strand->bound->fd) };
    int rc;
    do {
        rc = weft_strand_step(strand);
        if (rc >= 0)
            rc = weft_select(cases, sizeof cases / sizeof *cases);
    } while (rc > 0);
    return rc;
}
