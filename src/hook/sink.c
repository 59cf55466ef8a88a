/* The sink: the process's first OS thread, which takes what is sent to the process.
 * See signals.h, SIG-2. */
#include <errno.h>
#include <limits.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic.h"
#include "hook/signals.h"
#include "os/futex.h"
#include "time/clock.h"
#include "weft/time.h"

#define RETRY_AFTER 200000 /* ns: longer than a thread is inside the library */
#define AT_ONCE 4096       /* others may send faster than it takes */
#define CONTROL WEFT__SIGNAL(WEFT__NUDGE)

static _Atomic(bool) exists;
static _Atomic(uint64_t) waits = ~WEFT__UNMASKABLE; /* changed under the signals' lock */
static _Atomic(uint32_t) asked, done;               /* counts of settlings */
static _Atomic(bool) retry;

/* What was sent; 0: the time is up, or it was something of libc's. */
static int await(uint64_t mask, siginfo_t *ret_info, const struct timespec *time)
{
    long number = syscall(SYS_rt_sigtimedwait, &mask, ret_info, time, sizeof mask);
    return number > 0 ? (int)number : 0;
}

static void take(const siginfo_t *info)
{
    switch (weft__signals_direct(info)) {
    case WEFT__TAKEN:
        break;
    case WEFT__NOBODY:
        syscall(SYS_rt_sigqueueinfo, getpid(), info->si_signo, info);
        break;
    case WEFT__BY_DEFAULT:
        weft__signal_default(info->si_signo);
        break;
    }
    if (info->si_signo == SIGCHLD)
        weft__children_changed(); /* and perhaps unseen from now on: CHILD-2 */
}

/* What a thread had that has ended, or does not accept it any more: SIG-11. */
static void take_released(void)
{
    siginfo_t info;
    while (weft__signals_released(&info))
        take(&info);
}

/* What of it was pending before has been taken, and what comes now has been sent since. */
struct taken {
    uint64_t once, over;
    int timers[65]; /* the first one that has come */
};

/* Signals below SIGRTMIN do not queue up, but for one of the process's and one of the sink's.
 * A timer has one signal under way: the next one comes as soon as that is taken, and with
 * a short time for ever. */
static void note(struct taken *taken, const siginfo_t *info)
{
    uint64_t bit = WEFT__SIGNAL(info->si_signo);
    bool queues = info->si_signo >= SIGRTMIN, timer = info->si_code == SI_TIMER;
    if (queues && !timer)
        return;
    if (!(taken->once & bit))
        taken->timers[info->si_signo] = timer ? info->si_timerid : 0;
    else if (!queues || taken->timers[info->si_signo] == info->si_timerid)
        taken->over |= bit;
    taken->once |= bit;
}

static void take_pending(void)
{
    static const struct timespec now = { 0, 0 };
    struct taken taken = { .once = 0 };
    siginfo_t info;
    for (int i = 0; i < AT_ONCE; i++) {
        if (await(weft__load(&waits, seq_cst) & ~taken.over, &info, &now) == 0)
            break;
        take(&info);
        note(&taken, &info);
    }
}

/* Whoever settles finds what was pending before handed out. */
static void settle_up(void)
{
    uint32_t count = weft__load(&asked, seq_cst); /* before looking */
    if (count == weft__load(&done, relaxed))      /* only written here */
        return;
    take_released();
    take_pending();
    weft__store(&done, count, release); /* pairs with the acquire in weft__sink_settle() */
    weft__futex_wake(&done, INT_MAX);
}

static void nudge_missed(void)
{
    weft__lock_acquire(&weft__signals_lock);
    weft__signals_nudge_due();
    weft__lock_release(&weft__signals_lock);
}

void weft__sink_begin(void)
{
    static const uint64_t all = ~(WEFT__SIGNAL(32) | WEFT__SIGNAL(33));
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all);
    weft__store(&exists, true, release); /* pairs with weft__sink_exists() */
}

void weft__sink_main(void)
{
    static const struct timespec soon = { 0, RETRY_AFTER };
    for (;;) {
        siginfo_t info;
        bool missed = weft__exchange(&retry, false, seq_cst);
        uint64_t mask = weft__load(&waits, seq_cst) | CONTROL;
        int number = await(mask, &info, missed ? &soon : NULL);
        take_released(); /* came before */
        if (number != 0 && number != WEFT__NUDGE)
            take(&info);
        settle_up();
        if (missed)
            nudge_missed();
    }
}

bool weft__sink_exists(void)
{
    return weft__load(&exists, acquire);
}

/* Its OS thread is the process's first. False: the user has as many signals pending as
 * there may be. */
static bool poke(void)
{
    return syscall(SYS_tgkill, getpid(), getpid(), WEFT__NUDGE) == 0;
}

void weft__sink_settle(void)
{
    if (!weft__sink_exists())
        return;
    uint32_t ticket = weft__add(&asked, 1, seq_cst) + 1, seen;
    if (!poke())
        return; /* it comes later */
    /* A handler may fork here, and there is no sink in the child. */
    while (weft__sink_exists() && (int32_t)((seen = weft__load(&done, acquire)) - ticket) < 0)
        weft__futex_wait(&done, seen, weft__clock_real() + WEFT_MS(10));
}

void weft__sink_retry(void)
{
    if (!weft__sink_exists())
        return;
    weft__store(&retry, true, seq_cst);
    if (syscall(SYS_gettid) != getpid()) /* else it is the sink, and waits for a moment first */
        poke();
}

bool weft__sink_wants(uint64_t mask)
{
    uint64_t now = weft__load(&waits, relaxed);
    if ((mask & ~now & ~WEFT__UNMASKABLE) == 0)
        return false;
    weft__store(&waits, now | (mask & ~WEFT__UNMASKABLE), seq_cst);
    return true;
}

void weft__sink_gives_up(int number)
{
    weft__store(&waits, weft__load(&waits, relaxed) & ~WEFT__SIGNAL(number), seq_cst);
}

bool weft__sink_sees(int number)
{
    return weft__load(&waits, relaxed) & WEFT__SIGNAL(number);
}

/* The kernel lets a thread invent what it likes only for itself. */
void weft__sink_forward(int number, const siginfo_t *info)
{
    if (syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), number, info) != 0)
        syscall(SYS_tgkill, getpid(), getpid(), number);
}

void weft__sink_forget(void)
{
    weft__store(&exists, false, relaxed);
}
