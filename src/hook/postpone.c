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
    return postponed.inside || weft__signals_in_library(context);
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

bool weft__signals_postpone(const siginfo_t *info, const ucontext_t *context)
{
    sigset_t before;
    if (!in_library(context))
        return false;
    block_inside(&before);
    if (keep(info))
        return true;
    unblock(&before);
    return false;
}

static bool take_first(siginfo_t *ret_info)
{
    sigset_t before;
    block(&before);
    bool any = postponed.count > 0;
    if (any) {
        *ret_info = postponed.infos[0];
        postponed.count--;
        memmove(postponed.infos, postponed.infos + 1,
                (size_t)postponed.count * sizeof *postponed.infos);
        if (postponed.count == 0)
            syscall(SYS_timer_delete, postponed.timer);
        else
            arm(); /* the handler may leave by a jump */
    }
    unblock(&before);
    return any;
}

static void handle_kept(ucontext_t *context)
{
    siginfo_t info;
    while (take_first(&info)) {
        if (sigismember(&context->uc_sigmask, info.si_signo)) /* since then */
            syscall(SYS_rt_tgsigqueueinfo, getpid(), (int)syscall(SYS_gettid), info.si_signo,
                    &info);
        else
            weft__signal_natively(info.si_signo, &info, context);
    }
}

void weft__signals_catch_up(ucontext_t *context)
{
    if (postponed.count > 0 && !in_library(context))
        handle_kept(context);
}

void weft__signals_try_again(ucontext_t *context)
{
    sigset_t before;
    weft__signals_catch_up(context);
    if (postponed.count == 0)
        return;
    block_inside(&before);
    arm();
}

void weft__signals_settle_kept(void)
{
    ucontext_t here;
    if (weft__likely(postponed.count == 0))
        return;
    getcontext(&here);
    handle_kept(&here);
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
