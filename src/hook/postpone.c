/* Signals that come to a thread that is not weft's in the middle of the library: SIG-8. */
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "hook/real.h"
#include "hook/signals.h"

#define PLACES 8
#define AFTER 100000 /* ns: longer than a thread is inside the library */
#define SAFE_KEYS 32 /* libc sets the value of the first ones without memory */

/* The thread's own, and changed with all signals blocked. */
static _Thread_local struct {
    int count, timer; /* the timer exists while the count is above 0 */
    bool inside;      /* a handler has found the thread in the library */
    siginfo_t infos[PLACES];
} postponed __attribute__((tls_model("initial-exec")));

static pthread_key_t end_of_thread;

static void block(sigset_t *ret_before)
{
    sigset_t all;
    sigfillset(&all);
    weft__real_pthread_sigmask(SIG_SETMASK, &all, ret_before);
}

static void unblock(const sigset_t *before)
{
    weft__real_pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* In a handler that has found the thread in the library, and returns to it: what comes
 * before the signals are blocked finds the handler in libc; afterwards nothing comes
 * until the handler's return unblocks them. */
static void block_inside(sigset_t *ret_before)
{
    bool before = postponed.inside;
    postponed.inside = true;
    weft__compiler_barrier();
    block(ret_before);
    postponed.inside = before;
}

static bool in_library(const ucontext_t *context)
{
    return postponed.inside || weft__signals_in_library(weft__signal_interrupted(context));
}

static bool arm(void)
{
    struct itimerspec once = { .it_value = { 0, AFTER } };
    return syscall(SYS_timer_settime, postponed.timer, 0, &once, NULL) == 0;
}

/* A system call that it interrupts restarts, as if the signal had come before it. */
static bool make_timer(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = WEFT__NUDGE_RESTART };
    event._sigev_un._tid = (int)syscall(SYS_gettid);
    return syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &postponed.timer) == 0;
}

static bool keep(const siginfo_t *info)
{
    if (postponed.count == PLACES || (postponed.count == 0 && !make_timer()))
        return false;
    if (!arm()) {
        if (postponed.count == 0)
            syscall(SYS_timer_delete, postponed.timer);
        return false;
    }
    postponed.infos[postponed.count++] = *info;
    if (end_of_thread < SAFE_KEYS)
        pthread_setspecific(end_of_thread, &postponed);
    return true;
}

/* What follows is done with all signals blocked. */

/* To the thread itself, once more. False: the user has as many signals pending as there may be. */
static bool give_back(siginfo_t *info)
{
    weft__signal_renew(info->si_signo);
    return syscall(SYS_rt_tgsigqueueinfo, getpid(), (int)syscall(SYS_gettid), info->si_signo,
                   info) == 0;
}

static void give_back_kept(void)
{
    int given = 0;
    while (given < postponed.count && give_back(&postponed.infos[given]))
        given++;
    postponed.count -= given;
    memmove(postponed.infos, postponed.infos + given,
            (size_t)postponed.count * sizeof *postponed.infos);
    if (postponed.count == 0)
        syscall(SYS_timer_delete, postponed.timer);
    else
        arm();
}

static bool give_back_all(siginfo_t *last)
{
    give_back_kept();
    return postponed.count == 0 && give_back(last);
}

bool weft__signals_postpone(siginfo_t *info, const ucontext_t *context)
{
    sigset_t before;
    bool inside = in_library(context);
    if (weft__likely(!inside && postponed.count == 0))
        return false;
    block_inside(&before);
    if (inside ? keep(info) : give_back_all(info)) /* what came before comes before */
        return true;
    unblock(&before);
    return false;
}

void weft__signals_try_again(const ucontext_t *context)
{
    sigset_t before;
    if (postponed.count == 0)
        return;
    bool inside = in_library(context);
    block_inside(&before);
    if (inside)
        arm();
    else if (postponed.count > 0)
        give_back_kept();
}

void weft__signals_settle_kept(void)
{
    sigset_t before;
    if (weft__likely(postponed.count == 0))
        return;
    block(&before);
    if (postponed.count > 0)
        give_back_kept();
    unblock(&before);
}

const sigset_t *weft__signals_for_kernel(const sigset_t *set, sigset_t *room)
{
    weft__signals_settle_kept();
    if (!set)
        return NULL;
    *room = *set;
    room->__val[0] &= ~(WEFT__SIGNAL(WEFT__NUDGE) | WEFT__SIGNAL(WEFT__NUDGE_RESTART));
    return room;
}

void weft__signals_never_mind(void)
{
    postponed.count = 0;
    postponed.inside = false;
}

static void end(void *unused)
{
    (void)unused;
    weft__signals_settle_kept();
}

__attribute__((constructor(102))) static void make_key(void)
{
    if (pthread_key_create(&end_of_thread, end) != 0)
        end_of_thread = SAFE_KEYS;
}
