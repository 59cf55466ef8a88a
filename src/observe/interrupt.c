/* The calls that a running thread is in: it is interrupted by a signal, and looks itself.
 *
 * Protocol. `state` is IDLE, or whom is asked, or WRITING, or DONE.
 *
 *   asker    IDLE -> the thread's number, sends the signal, waits for DONE
 *   thread   its number -> WRITING, by a compare-and-swap; writes; -> DONE
 *   asker    is tired: the number -> IDLE, by a compare-and-swap; or has the answer
 *
 * ASK-1  Who finds anything but its own number does nothing: the signal was another's, or
 *        has come too late.
 * ASK-2  `answer` is the thread's from WRITING to DONE, and else the asker's. A thread that
 *        does not come back from there keeps it: nobody is asked any more. */
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/interrupted.h"
#include "base/atomic.h"
#include "observe/trace.h"
#include "os/futex.h"
#include "time/clock.h"
#include "weft/time.h"

/* How long the monitor, which has other things to do, waits for an answer that has not
 * begun, or has not ended. */
#define BEGINS WEFT_MS(20)
#define ENDS WEFT_S(1)

enum { IDLE, WRITING, DONE, ASKED };
#define WHOM(tid) ((uint32_t)(tid) << 2 | ASKED)

static _Atomic(uint32_t) state;
static _Atomic(bool) interrupts;
static void *answer[WEFT__FRAMES + 8];
static int depth;
static const void *interrupted_at;

static void on_signal(int number, siginfo_t *info, void *context)
{
    int kept = errno;
    uint32_t mine = WHOM(gettid());
    (void)number, (void)info;
    /* acquire: pairs with ask(); ASK-1 */
    if (weft__cas(&state, &mine, WRITING, acquire, relaxed)) {
        interrupted_at = (const void *)weft__interrupted_pc(context);
        depth = backtrace(answer, sizeof answer / sizeof *answer);
        weft__store(&state, DONE, release); /* pairs with the load in await() */
        weft__futex_wake(&state, 1);
    }
    errno = kept;
}

/* Returns what the state is when it is `before` no more, or time is up. */
static uint32_t await(uint32_t before, int64_t patience)
{
    int64_t deadline = weft__clock_real() + patience;
    while (weft__futex_wait(&state, before, deadline) && weft__load(&state, relaxed) == before)
        ;
    return weft__load(&state, acquire); /* pairs with the release in on_signal() */
}

static bool ask(int tid)
{
    uint32_t asked = WHOM(tid), idle = IDLE;
    struct sigaction now;
    sigaction(SIGPROF, NULL, &now); /* without a handler the signal would end the process */
    if (now.sa_sigaction != on_signal)
        return false;
    if (!weft__cas(&state, &idle, asked, release, relaxed)) /* pairs with on_signal() */
        return false;                                       /* ASK-2 */
    if (syscall(SYS_tgkill, getpid(), tid, SIGPROF) == 0)
        await(asked, BEGINS);
    if (weft__cas(&state, &asked, IDLE, acquire, acquire))
        return false;
    if (asked == WRITING && await(WRITING, ENDS) != DONE)
        return false; /* ASK-2 */
    return true;
}

/* Without the handler's own calls, and the kernel's. */
static void take_answer(struct weft__trace *trace)
{
    int first = 0;
    while (first < depth && answer[first] != interrupted_at)
        first++;
    *trace = (struct weft__trace){ .frames = { interrupted_at }, .depth = 1, .exact = true };
    for (int i = first + 1; i < depth && trace->depth < WEFT__FRAMES; i++)
        trace->frames[trace->depth++] = answer[i];
}

void weft__trace_interrupt(struct weft__trace *trace, int tid)
{
    trace->depth = 0;
    /* acquire: pairs with weft__trace_allow(): there is a handler */
    if (!weft__load(&interrupts, acquire) || !ask(tid))
        return;
    take_answer(trace);
    weft__store(&state, IDLE, relaxed); /* nobody but us moves DONE */
}

/* What the handler calls is loaded when it is first called. */
void weft__trace_warm_up(void)
{
    void *frames[2];
    backtrace(frames, 2);
}

int weft__trace_allow(bool allowed)
{
    struct sigaction before,
        action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK };
    sigemptyset(&action.sa_mask);
    if (allowed) {
        sigaction(SIGPROF, NULL, &before);
        if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN &&
            before.sa_sigaction != on_signal)
            return -EBUSY;
        sigaction(SIGPROF, &action, NULL);
    }
    weft__store(&interrupts, allowed, release); /* pairs with weft__trace_interrupt() */
    return 0;
}
