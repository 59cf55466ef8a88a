#include "hook/cputime.h"

#include <errno.h>
#include <time.h>

#include "hook/interposed.h"
#include "hook/thread.h"
#include "sched/switch.h"

#define SECOND INT64_C(1000000000)

/* How libc makes a thread's clock of its number. */
#define THREAD_CLOCK 6u
#define CLOCK_BITS 7u

static int64_t carrier_clock(void)
{
    struct timespec time;
    weft__real_clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

/* Since the mark; CPU-1. */
static int64_t since_mark(struct weft__cputime *carrier, int64_t now)
{
    return carrier->mark ? now - carrier->mark : 0;
}

/* Before whoever runs gives the carrier to the next. */
static void account(void *carriers)
{
    struct weft__thread *self = weft__thread_self();
    struct weft__cputime *carrier = &weft__thread_at(carriers)->cpu;
    int64_t now = carrier_clock();
    if (self)
        weft__add(&self->cpu.used, since_mark(carrier, now), relaxed);
    carrier->mark = now;
}

static void start_counting(struct weft__cputime *carrier)
{
    if (!carrier->mark)
        carrier->mark = carrier_clock();
    weft__store(&weft__on_change, account, relaxed); /* others see it at a later switch */
}

/* Does not suspend between the two looks: the guard keeps handlers away. */
static WEFT_NOINLINE int64_t own_time(struct weft__thread *self)
{
    self->signals.guard++;
    struct weft__cputime *carrier =
        &weft__thread_at(weft__carrier_of(weft__self())->thread_pointer)->cpu;
    start_counting(carrier);
    int64_t time = weft__load(&self->cpu.used, relaxed) + since_mark(carrier, carrier_clock());
    weft__signals_unhold();
    return time;
}

/* As of its last switch; -1: no such virtual thread. */
static int64_t time_of(uint32_t tid)
{
    int64_t time = -1;
    weft__signals_hold();
    weft__lock_acquire(&weft__signals_lock);
    struct weft__thread *thread = weft__signals_thread(tid);
    if (thread)
        time = weft__load(&thread->cpu.used, relaxed);
    weft__lock_release(&weft__signals_lock);
    weft__signals_unhold();
    return time;
}

static WEFT_NOINLINE int64_t read_clock(struct weft__thread *self, clockid_t clock)
{
    uint32_t tid = ~((uint32_t)clock >> 3 | 7u << 29);
    if (clock != CLOCK_THREAD_CPUTIME_ID && ((uint32_t)clock & CLOCK_BITS) != THREAD_CLOCK)
        return -1; /* a process's */
    if (clock == CLOCK_THREAD_CPUTIME_ID || tid == self->tid)
        return own_time(self);
    own_time(self); /* all are counted from now on */
    return time_of(tid);
}

WEFT__INTERPOSE int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    if (weft__likely(clock >= 0 && clock != CLOCK_THREAD_CPUTIME_ID))
        return weft__real_clock_gettime(clock, ret_time);
    struct weft__thread *self = weft__thread_self();
    int64_t time = self ? read_clock(self, clock) : -1;
    if (time < 0)
        return weft__real_clock_gettime(clock, ret_time);
    *ret_time = (struct timespec){ time / SECOND, time % SECOND };
    return 0;
}

WEFT__INTERPOSE int pthread_getcpuclockid(pthread_t id, clockid_t *ret_clock)
{
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__thread_gone(id) ? ESRCH : weft__real_pthread_getcpuclockid(id, ret_clock);
    *ret_clock = (clockid_t)(~thread->tid << 3 | THREAD_CLOCK);
    return 0;
}
