/* Timers: to the process, to a thread, by a call in a thread of its own. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "say.h"

#define FAST 30 /* signals */

static sem_t called;
static atomic_int handled, value;
static _Atomic(pthread_t) handler_s;

static void handle(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    handler_s = pthread_self();
    value = info->si_code == SI_TIMER ? info->si_value.sival_int : -1;
    handled++;
}

static void call(union sigval with)
{
    value = with.sival_int;
    sem_post(&called);
}

static timer_t start(struct sigevent *event, long ms)
{
    timer_t timer = NULL;
    struct itimerspec when = { .it_value = { 0, ms * 1000000 } };
    SAY_ERRNO(timer_create(CLOCK_MONOTONIC, event, &timer));
    SAY_ERRNO(timer_settime(timer, 0, &when, NULL));
    return timer;
}

static void wait_for(int count)
{
    while (handled < count)
        usleep(1000);
    SAY_NUMBER(value);
}

static void *to_itself(void *unused)
{
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID,
                              .sigev_signo = SIGUSR2,
                              .sigev_value.sival_int = 11 };
    event._sigev_un._tid = gettid();
    timer_t timer = start(&event, 5);
    wait_for(1);
    SAY_NUMBER(pthread_equal(handler_s, pthread_self()) != 0);
    SAY_ERRNO(timer_delete(timer));
    SAY_ERRNO(timer_delete(timer));
    event._sigev_un._tid = 1 << 29;
    SAY_ERRNO(timer_create(CLOCK_MONOTONIC, &event, &timer));
    return unused;
}

static void to_the_process(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
                              .sigev_signo = SIGUSR2,
                              .sigev_value.sival_int = 12 };
    timer_t timer = start(&event, 5);
    wait_for(2);
    SAY_ERRNO(timer_delete(timer));
}

static void by_a_call(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_THREAD,
                              .sigev_notify_function = call,
                              .sigev_value.sival_int = 13 };
    timer_t timer = start(&event, 5);
    while (sem_wait(&called) < 0)
        ;
    SAY_NUMBER(value);
    SAY_ERRNO(timer_delete(timer));
}

/* While everybody blocks the signal the timer overruns. */
static void overrunning(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
    struct itimerspec often = { { 0, 1000000 }, { 0, 1000000 } };
    timer_t timer;
    sigset_t one;
    siginfo_t info;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR2);
    sigprocmask(SIG_BLOCK, &one, NULL);
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &often, NULL);
    usleep(50000);
    SAY_NUMBER(sigwaitinfo(&one, &info) == SIGUSR2);
    SAY_NUMBER(timer_getoverrun(timer) >= 10);
    SAY_ERRNO(timer_delete(timer));
}

static void *arm_and_end(void *unused)
{
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2 };
    struct itimerspec often = { { 0, 5000000 }, { 0, 5000000 } };
    timer_t timer;
    event._sigev_un._tid = gettid();
    SAY_ERRNO(timer_create(CLOCK_MONOTONIC, &event, &timer));
    SAY_ERRNO(timer_settime(timer, 0, &often, NULL));
    return unused;
}

/* What a timer sends to a thread that has ended is for nobody. */
static void to_the_dead(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, arm_and_end, NULL);
    pthread_join(thread, NULL);
    int before = handled;
    usleep(50000);
    SAY_NUMBER(handled - before);
}

static timer_t fast_timer;

static void stop_at(int number)
{
    struct itimerspec never = { .it_value = { 0, 0 } };
    (void)number;
    if (++handled == FAST)
        timer_settime(fast_timer, 0, &never, NULL);
}

/* How many come of a timer that is faster than its handler, and was stopped by it. */
static int after_stop(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
    struct itimerspec fast = { { 0, 10000 }, { 0, 10000 } };
    handled = 0;
    timer_create(CLOCK_MONOTONIC, &event, &fast_timer);
    timer_settime(fast_timer, 0, &fast, NULL);
    while (handled < FAST)
        ;
    usleep(1000);
    timer_delete(fast_timer);
    return handled - FAST;
}

/* More where the thread gets no CPU for a while. */
static void faster_than_handlers(void)
{
    struct sigaction action = { .sa_handler = stop_at };
    int tries = 100, after;
    sigfillset(&action.sa_mask);
    sigaction(SIGRTMIN, &action, NULL);
    do
        after = after_stop();
    while (after >= 300 && --tries);
    SAY_NUMBER(after < 300);
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO };
    pthread_t thread;
    sem_init(&called, 0, 0);
    sigaction(SIGUSR2, &action, NULL);
    pthread_create(&thread, NULL, to_itself, NULL);
    pthread_join(thread, NULL);
    to_the_process();
    by_a_call();
    to_the_dead();
    overrunning();
    faster_than_handlers();
    return 0;
}
