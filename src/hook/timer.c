/* POSIX timers. Those that signal a thread by its number (SIGEV_THREAD_ID) know only
 * numbers of the kernel's: for a virtual thread the signal goes to the process, and the
 * sink passes it on. A timer's signal that everybody blocks has to stay with the kernel,
 * which counts how often the timer has overrun meanwhile: SIG-2. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "hook/interposed.h"
#include "hook/signals.h"
#include "hook/thread.h"

struct target {
    struct weft__list link;
    int timer; /* as the kernel numbers it: si_timerid */
    uint32_t tid;
};

static struct weft__list targets = WEFT__LIST_INIT(targets);
static _Atomic(uint64_t) numbers; /* of signals of timers */

/* libc's handle is the kernel's number, but for SIGEV_THREAD. */
static int number_of(timer_t timer)
{
    return (int)(intptr_t)timer;
}

static struct target *find(int timer)
{
    for (struct weft__list *at = targets.next; at != &targets; at = at->next) {
        struct target *target = weft__container_of(at, struct target, link);
        if (target->timer == timer)
            return target;
    }
    return NULL;
}

bool weft__timer_thread(const siginfo_t *info, struct weft__thread **ret_thread)
{
    struct target *target = info->si_code == SI_TIMER ? find(info->si_timerid) : NULL;
    *ret_thread = target ? weft__signals_thread(target->tid) : NULL;
    return target;
}

uint64_t weft__timer_signals(void)
{
    return weft__load(&numbers, relaxed);
}

void weft__timer_forget(void)
{
    weft__list_init(&targets);
    weft__store(&numbers, 0, relaxed);
}

static void note(timer_t timer, struct target *target)
{
    target->timer = number_of(timer);
    weft__signals_hold();
    weft__lock_acquire(&weft__signals_lock);
    weft__list_append(&targets, &target->link);
    weft__lock_release(&weft__signals_lock);
    weft__signals_unhold();
}

static bool is_ours(pid_t tid)
{
    weft__signals_hold();
    weft__lock_acquire(&weft__signals_lock);
    bool ours = weft__signals_thread((uint32_t)tid);
    weft__lock_release(&weft__signals_lock);
    weft__signals_unhold();
    return ours;
}

static int create_for_thread(clockid_t clock, const struct sigevent *event, timer_t *ret_timer)
{
    struct target *target = malloc(sizeof *target);
    struct sigevent process = *event;
    process.sigev_notify = SIGEV_SIGNAL;
    if (target)
        target->tid = (uint32_t)event->_sigev_un._tid;
    int rc = target ? weft__real_timer_create(clock, &process, ret_timer) : -1;
    if (rc == 0)
        note(*ret_timer, target);
    else
        free(target);
    return rc;
}

WEFT__INTERPOSE int timer_create(clockid_t clock, struct sigevent *event, timer_t *ret_timer)
{
    int number = event ? event->sigev_signo : SIGALRM;
    int how = event ? event->sigev_notify : SIGEV_SIGNAL;
    if (!weft__thread_self() || (how != SIGEV_SIGNAL && how != SIGEV_THREAD_ID) || number < 1 ||
        number > 64)
        return weft__real_timer_create(clock, event, ret_timer);
    atomic_fetch_or_explicit(&numbers, WEFT__SIGNAL(number), memory_order_relaxed);
    weft__signals_leave(WEFT__SIGNAL(number));
    if (how == SIGEV_THREAD_ID && is_ours(event->_sigev_un._tid))
        return create_for_thread(clock, event, ret_timer);
    return weft__real_timer_create(clock, event, ret_timer);
}

WEFT__INTERPOSE int timer_delete(timer_t timer)
{
    weft__signals_hold();
    weft__lock_acquire(&weft__signals_lock);
    struct target *target = find(number_of(timer));
    if (target)
        weft__list_remove(&target->link);
    weft__lock_release(&weft__signals_lock);
    weft__signals_unhold();
    free(target);
    return weft__real_timer_delete(timer);
}
