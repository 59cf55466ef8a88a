/* Signals, and what else others do to a thread, while it ends. */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "say.h"

#define THREADS 4096 /* by the lower bits of their numbers */

static atomic_int sent[THREADS], got[THREADS], latest;
static atomic_bool stop;

static void in_whom(int number)
{
    (void)number;
    got[gettid() % THREADS]++;
}

static void *be_known(void *unused)
{
    latest = gettid();
    for (volatile int i = 0; i < 100; i++)
        ;
    return unused;
}

static void *make_threads(void *unused)
{
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    while (!stop) {
        pthread_create(&thread, &attr, be_known, NULL);
        sched_yield();
    }
    return unused;
}

/* A number stays good for a call when its thread does not. */
static void by_number(void)
{
    struct timespec begin = after_ms(CLOCK_MONOTONIC, 0);
    pthread_t maker;
    int wrong = 0;
    struct sched_param param = { 0 };
    signal(SIGUSR1, in_whom);
    pthread_create(&maker, NULL, make_threads, NULL);
    while (!took_ms(begin, 1500)) {
        int tid = latest;
        if (!tid)
            continue;
        sent[tid % THREADS]++; /* before it can be handled */
        tgkill(getpid(), tid, SIGUSR1);
        sched_setscheduler(tid, SCHED_OTHER, &param);
    }
    stop = true;
    pthread_join(maker, NULL);
    usleep(50000);
    for (int i = 0; i < THREADS; i++)
        wrong += got[i] > sent[i];
    SAY_NUMBER(wrong);
}

/* What was sent to the process is not lost with the thread that was to handle it, nor does
 * it wait for one that blocks it meanwhile. */

#define SIGNALS 500

static atomic_int handled;
static sigset_t queued;

static void count(int number)
{
    (void)number;
    handled++;
}

static void *accept_briefly(void *unused)
{
    pthread_sigmask(SIG_UNBLOCK, &queued, NULL);
    for (volatile int i = 0; i < 2000; i++)
        ;
    return unused;
}

static void run_briefly(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, accept_briefly, NULL);
    pthread_join(thread, NULL);
}

/* From another process. */
static pid_t start_sender(int number, int pause)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    for (int i = 0; i < SIGNALS; i++) {
        sigqueue(parent, number, (union sigval){ 0 });
        usleep((useconds_t)pause);
    }
    _exit(0);
}

static void by_who_ends(void)
{
    sigemptyset(&queued);
    sigaddset(&queued, SIGRTMIN + 1);
    signal(SIGRTMIN + 1, count);
    pthread_sigmask(SIG_BLOCK, &queued, NULL);
    handled = 0;
    pid_t sender = start_sender(SIGRTMIN + 1, 20);
    while (waitpid(sender, NULL, WNOHANG) == 0)
        run_briefly();
    pthread_sigmask(SIG_UNBLOCK, &queued, NULL);
    for (int i = 0; i < 1000 && handled < SIGNALS; i++)
        usleep(2000);
    SAY_NUMBER(handled);
}

/* Two are there: while one is handled, and blocked by that, the other is for whoever accepts
 * it then. */
static atomic_int alone;

static void meet(int number)
{
    (void)number;
    handled++;
    for (int i = 0; i < 1000 && handled < 2; i++)
        usleep(2000);
    alone += handled < 2;
}

static void *accept_both(void *unused)
{
    pthread_sigmask(SIG_UNBLOCK, &queued, NULL);
    return unused;
}

static void by_who_blocks(void)
{
    pthread_t other;
    signal(SIGRTMIN + 1, meet);
    pthread_sigmask(SIG_BLOCK, &queued, NULL);
    handled = 0;
    sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ 0 });
    sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ 0 });
    pthread_create(&other, NULL, accept_both, NULL);
    while (handled == 0)
        usleep(1000);
    pthread_sigmask(SIG_UNBLOCK, &queued, NULL);
    pthread_join(other, NULL);
    SAY_NUMBER(handled);
    SAY_NUMBER(alone);
}

/* One that a thread was sent, and one that the process was. */
static void both(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    signal(SIGUSR2, count);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    handled = 0;
    raise(SIGUSR2);
    kill(getpid(), SIGUSR2);
    raise(SIGUSR2);
    kill(getpid(), SIGUSR2);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    SAY_NUMBER(handled);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0); /* there are children */
    by_number();
    by_who_ends();
    by_who_blocks();
    both();
    return 0;
}
