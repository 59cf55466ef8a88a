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

int main(void)
{
    by_number();
    return 0;
}
