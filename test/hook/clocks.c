/* CPU-time clocks of threads. What they say depends on the machine: here it is compared
 * with what the thread has done. */
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <time.h>

#include "say.h"

#define MS 1000000

static sem_t stop;

static long read_ns(clockid_t clock)
{
    struct timespec time = { -1, 0 };
    return clock_gettime(clock, &time) == 0 ? time.tv_sec * 1000000000 + time.tv_nsec : -1;
}

/* Until that much more of the CPU has been used. */
static void compute(clockid_t clock, long ns)
{
    long begin = read_ns(clock);
    while (read_ns(clock) < begin + ns)
        ;
}

static void *idle(void *unused)
{
    sem_wait(&stop);
    return unused;
}

static void *own(void *unused)
{
    clockid_t clock;
    SAY(pthread_getcpuclockid(pthread_self(), &clock));
    long begin = read_ns(CLOCK_THREAD_CPUTIME_ID);
    SAY_NUMBER(begin >= 0 && begin < 500L * MS); /* a new thread's */
    compute(CLOCK_THREAD_CPUTIME_ID, 20 * MS);
    long same = read_ns(clock), after = read_ns(CLOCK_THREAD_CPUTIME_ID);
    SAY_NUMBER(same >= begin + 20 * MS && after >= same);
    return unused;
}

/* Whoever waits uses nothing. */
static void other(void)
{
    pthread_t thread;
    clockid_t clock, main_s;
    pthread_create(&thread, NULL, idle, NULL);
    SAY(pthread_getcpuclockid(thread, &clock));
    SAY(pthread_getcpuclockid(pthread_self(), &main_s));
    long begin = read_ns(clock);
    compute(main_s, 50 * MS);
    SAY_NUMBER(read_ns(clock) - begin < 20 * MS);
    sem_post(&stop);
    pthread_join(thread, NULL);
    SAY_ERRNO(clock_gettime(clock, &(struct timespec){ 0, 0 }));
}

int main(void)
{
    pthread_t thread;
    sem_init(&stop, 0, 0);
    pthread_create(&thread, NULL, own, NULL);
    pthread_join(thread, NULL);
    other();
    SAY_NUMBER(read_ns(CLOCK_PROCESS_CPUTIME_ID) >= 70 * MS);
    SAY_NUMBER(read_ns(CLOCK_MONOTONIC) > 0);
    SAY_ERRNO(clock_gettime(1000, &(struct timespec){ 0, 0 }));
    return 0;
}
