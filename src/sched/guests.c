/* Threads that are not the runtime's and are inside, and how the runtime ends around them.
 *
 * GUEST-1  Who touches what weft_stop() takes down counts itself in before, and out with its
 *          last access: what is static is all that it touches then.
 * GUEST-2  Nothing is quiet as long as there is a task or a guest. Who waits for a task's
 *          end leaves after that, so guests are counted after tasks; who has brought a task
 *          leaves before it ends, so tasks are counted after guests again.
 * GUEST-3  What is brought ends before the runtime does. Who brings counts itself in, then
 *          looks whether the doors are open; who stops closes them, then counts, all
 *          seq_cst: so either the guest finds them closed, or it is counted, or its task is,
 *          and they are opened again. Those who only knock are not counted, but for a
 *          moment. */
#include "os/futex.h"
#include "sched/worker.h"

void weft__guest_enter(void)
{
    weft__add(&weft__rt.guests, 1, seq_cst);
}

void weft__guest_leave(void)
{
    weft__add(&weft__rt.guests, (uint32_t)-1, seq_cst);
    /* seq_cst, as in await_end(): we see it, or it sees that we have left. */
    if (weft__unlikely(weft__load(&weft__rt.stopping, seq_cst))) {
        weft__add(&weft__rt.idle_event, 1, seq_cst);
        weft__futex_wake(&weft__rt.idle_event, 1);
    }
}

bool weft__guest_bring(void)
{
    if (!weft__load(&weft__rt.open, seq_cst))
        return false;
    weft__guest_enter();
    if (weft__load(&weft__rt.open, seq_cst)) /* GUEST-3 */
        return true;
    weft__guest_leave();
    return false;
}

bool weft__visit_begin(void)
{
    if (weft__self())
        return true;
    weft__guest_enter();
    if (weft__load(&weft__rt.running, seq_cst)) /* pairs with weft_start(), weft_stop(): GUEST-1 */
        return true;
    weft__guest_leave();
    return false;
}

void weft__visit_end(void)
{
    if (!weft__self())
        weft__guest_leave();
}

/* GUEST-2 */
static bool is_quiet(void)
{
    return weft__tasks_alive() == 0 && weft__load(&weft__rt.guests, seq_cst) == 0 &&
           weft__tasks_alive() == 0;
}

static bool is_empty(void)
{
    return weft__load(&weft__rt.guests, seq_cst) == 0;
}

static void await(bool (*over)(void))
{
    for (;;) {
        uint32_t event = weft__load(&weft__rt.idle_event, seq_cst);
        /* A worker that sleeps already does not count the event again. */
        if (over())
            return;
        weft__futex_wait(&weft__rt.idle_event, event, INT64_MAX);
    }
}

void weft__await_quiet(void)
{
    await(is_quiet);
}

void weft__await_guests(void)
{
    await(is_empty);
}

bool weft__close_doors(void)
{
    weft__store(&weft__rt.open, false, seq_cst); /* GUEST-3 */
    for (;;) {
        uint32_t event = weft__load(&weft__rt.idle_event, seq_cst);
        if (is_quiet())
            return true;
        if (weft__tasks_alive() != 0)
            break;
        weft__futex_wait(&weft__rt.idle_event, event, INT64_MAX); /* for the last guests */
    }
    weft__store(&weft__rt.open, true, seq_cst);
    return false;
}
