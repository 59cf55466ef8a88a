/* pthread_mutex_*: kinds, errors, timeouts, exclusion, bounded starvation. */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "say.h"

#define THREADS 20
#define ROUNDS 2000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long counter;
static int stop;

static void *count(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&mutex);
        long seen = counter;
        if (i % 50 == 0)
            sched_yield();
        counter = seen + 1;
        pthread_mutex_unlock(&mutex);
    }
    return arg;
}

static void exclusion(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, count, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    SAY_NUMBER(counter);
}

static void *try_other(void *arg)
{
    pthread_mutex_t *m = arg;
    struct timespec begin, until = after_ms(CLOCK_REALTIME, 30);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    SAY(pthread_mutex_trylock(m));
    SAY(pthread_mutex_timedlock(m, &until));
    SAY_NUMBER(took_ms(begin, 30));
    until = after_ms(CLOCK_MONOTONIC, 10);
    SAY(pthread_mutex_clocklock(m, CLOCK_MONOTONIC, &until));
    until.tv_nsec = 1000000000;
    SAY(pthread_mutex_timedlock(m, &until));
    until.tv_sec = 0, until.tv_nsec = 0;
    SAY(pthread_mutex_timedlock(m, &until));
    return NULL;
}

static void *unlock_other(void *arg)
{
    SAY(pthread_mutex_unlock(arg));
    return NULL;
}

static void in_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    pthread_create(&thread, NULL, fn, arg);
    pthread_join(thread, NULL);
}

static void kind(int type)
{
    pthread_mutex_t m;
    pthread_mutexattr_t attr;
    printf("kind %d\n", type);
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, type);
    SAY(pthread_mutex_init(&m, &attr));
    SAY(pthread_mutex_lock(&m));
    SAY(pthread_mutex_destroy(&m));
    SAY(pthread_mutex_trylock(&m));
    if (type == PTHREAD_MUTEX_RECURSIVE)
        SAY(pthread_mutex_unlock(&m));
    if (type == PTHREAD_MUTEX_RECURSIVE || type == PTHREAD_MUTEX_ERRORCHECK) {
        SAY(pthread_mutex_lock(&m));
        in_thread(unlock_other, &m);
    }
    if (type == PTHREAD_MUTEX_RECURSIVE)
        SAY(pthread_mutex_unlock(&m));
    in_thread(try_other, &m);
    SAY(pthread_mutex_unlock(&m));
    if (type == PTHREAD_MUTEX_RECURSIVE || type == PTHREAD_MUTEX_ERRORCHECK)
        SAY(pthread_mutex_unlock(&m));
    SAY(pthread_mutex_destroy(&m));
}

/* Which of several faults is named, where nobody else has the lock. */
static void wrong_times(void)
{
    pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_t checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    struct timespec until = { 1, 0 }, bad = { 1, 2000000000 };
    SAY(pthread_mutex_clocklock(&m, CLOCK_BOOTTIME, &until));
    SAY(pthread_mutex_timedlock(&m, &bad));
    SAY(pthread_mutex_unlock(&m));
    SAY(pthread_mutex_lock(&checking));
    SAY(pthread_mutex_timedlock(&checking, &bad));
    SAY(pthread_mutex_timedlock(&checking, &until));
    SAY(pthread_mutex_clocklock(&checking, CLOCK_BOOTTIME, &until));
    SAY(pthread_mutex_trylock(&checking));
    SAY(pthread_mutex_unlock(&checking));
}

/* Holds the mutex nearly always. */
static void *hog(void *arg)
{
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        pthread_mutex_lock(&mutex);
        usleep(100);
        pthread_mutex_unlock(&mutex);
    }
    return arg;
}

static void starvation(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, hog, NULL);
    for (int i = 0; i < 50; i++) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    puts("nobody starves");
}

int main(void)
{
    exclusion();
    kind(PTHREAD_MUTEX_NORMAL);
    kind(PTHREAD_MUTEX_RECURSIVE);
    kind(PTHREAD_MUTEX_ERRORCHECK);
    kind(PTHREAD_MUTEX_ADAPTIVE_NP);
    wrong_times();
    starvation();
    return 0;
}
